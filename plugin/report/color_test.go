package report_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

func TestColorFor(t *testing.T) {
	type env map[string]string
	for _, c := range []struct {
		mode     string
		terminal bool
		env      env
		want     bool
	}{
		{"auto", true, nil, true},
		{"auto", false, nil, false},
		{"auto", true, env{"NO_COLOR": "1"}, false},
		{"auto", true, env{"NO_COLOR": ""}, true},
		{"auto", true, env{"TERM": "dumb"}, false},
		{"auto", false, env{"CLICOLOR_FORCE": "1"}, true},
		{"auto", false, env{"CLICOLOR_FORCE": "0"}, false},
		{"auto", true, env{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false},
		{"always", false, env{"NO_COLOR": "1", "TERM": "dumb"}, true},
		{"never", true, env{"CLICOLOR_FORCE": "1"}, false},
	} {
		got, err := report.ColorFor(c.mode, c.terminal, func(key string) string { return c.env[key] })
		if err != nil || got != c.want {
			t.Errorf("%s, terminal %v, %v: %v, %v; want %v", c.mode, c.terminal, c.env, got, err, c.want)
		}
	}
	if _, err := report.ColorFor("sometimes", true, nil); err == nil {
		t.Error("want an error for a mode that there is not")
	}
}
