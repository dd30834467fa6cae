package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
)

// pictureColumns is how wide the terminal of the picture is.
const pictureColumns = 110

// picture is the command that README.md shows, run now on a terminal with colour, as an SVG.
func picture(root string) ([]byte, error) {
	var out, story bytes.Buffer
	env := cli.System("kubectl cilium-gitops")
	env.Out, env.ErrOut = &out, &story
	env.Getenv = func(name string) string {
		return map[string]string{"LANG": "en_GB.UTF-8", "TERM": "xterm-256color"}[name]
	}
	env.Width = func(w io.Writer) int {
		if w == io.Writer(&out) {
			return pictureColumns
		}
		return 0
	}
	args := append([]string{"--color", "always"}, shown...)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "examples/", root+"/examples/")
	}
	args[0], args[1], args[2] = args[2], args[0], args[1] // the command's name stands first
	if code := cli.Main(env, ciliumgitops.New(env), args); code == cli.ExitUsage {
		return nil, fmt.Errorf("%s: %s", strings.Join(args, " "), story.String())
	}
	return svg("$ kubectl cilium-gitops "+strings.Join(shown, " ")+"\n"+out.String(), pictureColumns), nil
}

// Measures of the picture in its own units: a column, a line, and the room around.
const column, height, room = 7.8, 17, 16

// inks are the terminal's colours by the codes that report writes.
var inks = map[string]string{"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "35": "#d2a8ff", "36": "#79c0ff", "1": "#ffffff", "2": "#8b949e"}

var sequence = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// svg draws what a terminal of so many columns shows: a line of text for each, a piece for each colour.
func svg(text string, columns int) []byte {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" role="img" aria-label="kubectl cilium-gitops verify of two clusters, one with faults">`+"\n",
		column*float64(columns)+2*room, height*len(lines)+2*room)
	out.WriteString(`<rect width="100%" height="100%" rx="8" fill="#0d1117"/>` + "\n" +
		`<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" fill="#c9d1d9">` + "\n")
	ink := ""
	for i, line := range lines {
		at, y := 0, room+height*i+13
		piece := func(s string) {
			if strings.TrimSpace(s) != "" {
				fmt.Fprintf(&out, `<text xml:space="preserve" x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`+"\n",
					room+column*float64(at), y, column*float64(utf8.RuneCountInString(s)), ink, escaped(s))
			}
			at += utf8.RuneCountInString(s)
		}
		rest := line
		for {
			found := sequence.FindStringSubmatchIndex(rest)
			if found == nil {
				break
			}
			piece(rest[:found[0]])
			ink = ""
			if color, ok := inks[rest[found[2]:found[3]]]; ok {
				ink = ` fill="` + color + `"`
			}
			rest = rest[found[1]:]
		}
		piece(rest)
	}
	out.WriteString("</g>\n</svg>\n")
	return out.Bytes()
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
