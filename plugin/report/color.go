package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// ColorModes are the values of --color.
func ColorModes() []string { return []string{"auto", "always", "never"} }

// ColorFor says whether to colour. With mode auto that is where isTerminal, unless NO_COLOR is set or TERM is dumb;
// CLICOLOR_FORCE colours where there is no terminal, too. env is os.Getenv.
func ColorFor(mode string, isTerminal bool, env func(string) string) (bool, error) {
	if !slices.Contains(ColorModes(), mode) {
		return false, fmt.Errorf("no colour mode %q; there are: %s", mode, strings.Join(ColorModes(), ", "))
	}
	if mode != "auto" {
		return mode == "always", nil
	}
	if value := env("NO_COLOR"); value != "" {
		return false, nil
	}
	if value := env("CLICOLOR_FORCE"); value != "" && value != "0" {
		return true, nil
	}
	if value := env("TERM"); value == "dumb" {
		return false, nil
	}
	return isTerminal, nil
}

// colour is the SGR code of an outcome; skip has none.
func colour(o check.Outcome) string {
	return map[check.Outcome]string{check.Pass: "32", check.Warn: "33", check.Unknown: "35", check.Fail: "31"}[o]
}

// Paint is text in the colour of an outcome, where the page is coloured.
func (p *Page) Paint(o check.Outcome, text string) string {
	code := colour(o)
	if !p.Color || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// word is an outcome as tables write it: loud where a person is needed, so that it stands out without colour, too.
func word(o check.Outcome) string {
	switch o {
	case check.Fail, check.Unknown, check.Warn:
		return strings.ToUpper(o.String())
	case check.Pass, check.Skip:
	}
	return o.String()
}
