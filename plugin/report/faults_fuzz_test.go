package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// FuzzReports: whatever a cluster says, as the edge lets it in, each kind of report is read by its own parser, and the
// terminal is told nothing but text.
func FuzzReports(f *testing.F) {
	f.Add("not ready", "infra", "kubectl get pods")
	f.Add("</td><script>alert(1)</script>", "]]>", "`````\n# h|x|")
	f.Add("\x1b[31m\u202eevil\u2066\r\n", "::error file=x::y%0A", "{% raw %} ${x} \\")
	f.Add(strings.Repeat("世界 ", 99), "\"'\n", "- [ ] <!-- | -->")
	f.Fuzz(func(t *testing.T, reason, cluster, evidence string) {
		reason, cluster, evidence = facts.Text(reason), facts.Text(cluster), facts.Text(evidence)
		if cluster == "" {
			return // a cluster has a name
		}
		doc := verification(clusters(cluster), check.Verdict{
			Check: "CG101", Cluster: cluster, Outcome: check.Fail, Reason: reason,
			Evidence: []check.Evidence{{Where: evidence, Got: reason, Want: evidence}},
		}, check.Verdict{Check: "CG102", Cluster: cluster, Outcome: check.Unknown, Reason: evidence})
		dir := t.TempDir()
		for _, kind := range report.KindsOf(doc) {
			file := filepath.Join(dir, kind)
			if err := (report.Target{Kind: kind, File: file}).Write(doc); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parsers[kind](t, string(text))
		}
		for _, name := range []string{"table", "wide", "json", "yaml", "name"} {
			format, err := report.ParseFormat(name)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := report.Print(&out, format, doc, report.Style{Width: 80}); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(out.String(), "\x1b\r\u202e\u2066") {
				t.Errorf("as %s: %q", name, out.String())
			}
		}
	})
}
