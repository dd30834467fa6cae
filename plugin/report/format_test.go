package report_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

func TestVerificationInEveryFormat(t *testing.T) {
	docs := map[string]report.Verification{
		"pass": allPass(), "mixed": mixed(), "unreachable": unreachable(), "fleet": fleet(), "hostile": hostile(),
	}
	styles := map[string]report.Style{
		"plain": {}, "colour": {Color: true, Width: 80, Unicode: true}, "narrow": {Width: 60},
	}
	for name, doc := range docs {
		for look, style := range styles {
			golden.Assert(t, print(t, "table", doc, style), name+".table."+look)
		}
		if name == "fleet" {
			continue
		}
		for _, format := range []string{"wide", "json", "yaml", "name"} {
			golden.Assert(t, print(t, format, doc, report.Style{Color: true}), name+"."+format)
		}
	}
}
