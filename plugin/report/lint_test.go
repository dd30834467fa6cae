package report_test

import (
	"bytes"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// aLint is a few findings of every severity; some in one file, one of one cluster, one without a place.
func aLint(message string) report.Lint {
	at := func(file string, line, column int) manifest.Place {
		return manifest.Place{File: file, Line: line, Column: column}
	}
	return report.NewLint([]string{"infra", "apps"}, lint.Result{
		Findings: []lint.Finding{
			{Rule: "CGL509", Severity: lint.Warning, Place: at("bootstrap/values.yaml.gotmpl", 0, 0), Message: "it copies values", Fix: "Put the settings in."},
			{Rule: "CGL302", Severity: lint.Error, Place: at("core/helmrelease.yaml", 13, 9), Clusters: []string{"infra", "apps"}, Object: "HelmRelease/kube-system/cilium", Message: message, Fix: "Write chartRef."},
			{Rule: "CGL211", Severity: lint.Warning, Place: at("core/helmrelease.yaml", 16, 3), Clusters: []string{"apps"}, Message: "install has no strategy", Fix: "Write one.", Edits: []manifest.Edit{{}}},
			{Rule: "CGL206", Severity: lint.Info, Place: at("core/helmrelease.yaml", 19, 0), Clusters: []string{"infra", "apps"}, Message: "no effect", Fix: "Take it out.", Edits: []manifest.Edit{{}}},
		},
		Suppressed: []lint.Finding{{}},
	}, lint.Rules(), []report.Mended{{File: "ks.yaml", Change: "spec.wait: true -> false"}}, "kubectl cilium-gitops lint --fix")
}

func TestLint(t *testing.T) {
	docs := map[string]report.Doc{
		"lint":         aLint("chart.spec.sourceRef.kind: OCIRepository is refused"),
		"lint.none":    report.NewLint(nil, lint.Result{}, lint.Rules(), nil, "x"),
		"lint.hostile": aLint("::error::x%0A\n| a | <b> `c` \x1b[31m \u202e ]]>"),
		"lint.explain": report.NewRuleExplanation(lint.Rules()[0]),
	}
	for name, doc := range docs {
		for _, format := range []string{"table", "wide", "json", "name"} {
			f, err := report.ParseFormat(format)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := report.Print(&out, f, doc, report.Style{Width: 120}); err != nil {
				t.Fatal(err)
			}
			golden.Assert(t, out.String(), name+"."+format)
		}
		for _, kind := range report.KindsOf(doc) {
			if kind != "sarif" { // it lists all rules
				golden.Assert(t, made(t, kind, doc), name+"."+kind)
			}
		}
	}
}
