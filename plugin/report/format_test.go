package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

func TestVerificationInEveryFormat(t *testing.T) {
	docs := map[string]report.Verification{
		"pass": allPass(), "mixed": mixed(), "unreachable": unreachable(), "fleet": fleet(), "hostile": hostile(),
		"empty": verification(nil),
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
			golden.Assert(t, print(t, format, doc, report.Style{}), name+"."+format)
		}
	}
	golden.Assert(t, print(t, "wide", mixed(), styles["colour"]), "mixed.wide.colour")
}

func TestCatalogueAndVersion(t *testing.T) {
	docs := map[string]report.Doc{
		"list":    report.NewCheckList(checks()),
		"explain": report.NewExplanation(checks()[1]),
		"version": report.NewVersionInfo(report.VersionInfo{
			Name: "kubectl cilium-gitops", Version: "v0.1.0", Commit: "0c347cf", Go: "go1.26.0", Platform: "linux/amd64",
		}),
	}
	for name, doc := range docs {
		for _, format := range []string{"table", "wide", "json", "name"} {
			golden.Assert(t, print(t, format, doc, report.Style{Width: 70}), name+"."+format)
		}
	}
}

func TestTemplates(t *testing.T) {
	dir := t.TempDir()
	path, tmpl, empty := filepath.Join(dir, "p"), filepath.Join(dir, "t"), filepath.Join(dir, "e")
	write(t, path, "{.summary.outcome}")
	write(t, tmpl, `{{ .summary.fail }} of {{ len .results }}`)
	write(t, empty, "\n")
	for format, want := range map[string]string{
		"jsonpath={.summary.fail}":     "1",
		"jsonpath={.clusters[*].name}": "infra apps",
		"jsonpath={.nothing}":          "",
		`jsonpath={range .results[?(@.outcome=="fail")]}{.id}{"\n"}{end}`:          "CG102\n",
		"jsonpath-as-json={.summary.outcome}":                                      "[\n    \"fail\"\n]\n",
		"jsonpath-file=" + path:                                                    "fail",
		"go-template={{range .results}}{{if .hint}}{{.id}} {{end}}{{end}}":         "CG101 CG102 CG103 ",
		"go-template-file=" + tmpl:                                                 "1 of 8",
		"go-template={{.kind}}={{.apiVersion}}":                                    "Verification=cilium-gitops.dev/v1alpha1",
		"go-template={{if exists . \"summary\" \"pass\"}}there{{end}}":             "there",
		"jsonpath={.results[?(@.outcome=='fail')].evidence[*].got}":                "Disabled ",
		"go-template={{with index .results 0}}{{(index .evidence 0).want}}{{end}}": "ready",
	} {
		if diff := cmp.Diff(want, print(t, format, mixed(), report.Style{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	f, err := report.ParseFormat("go-template={{ index .results 99 }}")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.Print(&out, f, mixed(), report.Style{}); err == nil || out.Len() > 0 {
		t.Errorf("a template that fails: want an error and no output, got %v and %q", err, out.String())
	}
}

func TestParseFormat(t *testing.T) {
	for _, s := range []string{"", "xml", "json=x", "JSON", "jsonpath", "jsonpath=", "jsonpath={.a", "go-template={{", "jsonpath-file=/no/such"} {
		if f, err := report.ParseFormat(s); err == nil {
			t.Errorf("%q: want an error, got %v", s, f)
		}
	}
	_, err := report.ParseFormat("xml")
	for _, name := range report.FormatNames() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v: does not name %s", err, name)
		}
	}
	var f report.Format
	if f.String() != "table" || f.Set("xml") == nil || f.String() != "table" || f.Set("jsonpath={.a}") != nil || f.String() != "jsonpath={.a}" {
		t.Errorf("a flag's value: now %v", f)
	}
}

// What is printed as JSON and as YAML is the same, and all of it, whatever the text.
func TestJSONAndYAMLAgree(t *testing.T) {
	docs := []report.Verification{mixed(), hostile()}
	long := verification(clusters("infra"), check.Verdict{
		Check: "CG101", Cluster: "infra", Outcome: check.Fail, Reason: strings.Repeat("\u4e16 \U0001F980\x7f", 1<<17),
	})
	for _, doc := range append(docs, long) {
		text := print(t, "json", doc, report.Style{})
		var fromJSON, fromYAML report.Verification
		if err := json.Unmarshal([]byte(text), &fromJSON); err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict([]byte(print(t, "yaml", doc, report.Style{})), &fromYAML); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(doc, fromJSON); diff != "" {
			t.Errorf("json (-want +got):\n%.2000s", diff)
		}
		if diff := cmp.Diff(doc, fromYAML); diff != "" {
			t.Errorf("yaml (-want +got):\n%.2000s", diff)
		}
	}
	for _, format := range []string{"table", "wide"} {
		if n := len(print(t, format, long, report.Style{})); n > 4000 {
			t.Errorf("%s: a long reason makes %d bytes", format, n)
		}
	}
}

func TestVerificationOrder(t *testing.T) {
	all := clusters("zeta", "alpha")
	given := verdicts(all)
	want := report.NewVerification(all, given, checks())
	for range 20 {
		shuffled := slices.Clone(given)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(want, report.NewVerification(all, shuffled, checks())); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	if want.Results[0].Cluster != "zeta" || want.Results[0].ID != "CG101" {
		t.Errorf("the first is %+v, not the first check of the first cluster", want.Results[0])
	}
}

func TestSummaryIsTheWorst(t *testing.T) {
	for outcome, want := range map[check.Outcome]check.Outcome{
		check.Pass: check.Pass, check.Skip: check.Pass, check.Warn: check.Warn, check.Unknown: check.Unknown, check.Fail: check.Fail,
	} {
		v := verification(clusters("infra"), check.Verdict{Check: "CG101", Cluster: "infra", Outcome: outcome})
		if v.Summary.Outcome != want {
			t.Errorf("with one %s: %s, want %s", outcome, v.Summary.Outcome, want)
		}
		if hinted := v.Results[0].Hint != ""; hinted != (outcome > check.Skip) {
			t.Errorf("%s: has a hint: %v", outcome, hinted)
		}
	}
}

// More than a screen of failures: the worst are told, the rest is named, and what cannot be reached is not lost.
func TestMoreThanAScreen(t *testing.T) {
	all := clusters("infra", "apps", "edge")
	many := make([]check.Check, 0, 12)
	var given []check.Verdict
	for i := range cap(many) {
		id := check.ID(fmt.Sprintf("CG%d", 101+i))
		many = append(many, check.Check{
			ID: id, Phase: check.Bootstrap, AC: "AC-1", Title: "all is well", Hint: "Mend it.", Needs: []facts.Part{facts.Pods},
		})
		given = append(given,
			check.Verdict{Check: id, Cluster: "infra", Outcome: check.Fail, Reason: "it is not"},
			check.Verdict{Check: id, Cluster: "apps", Outcome: check.Unknown, Evidence: []check.Evidence{{Where: "pods", Got: "timed out"}}},
			check.Verdict{Check: id, Cluster: "edge", Outcome: check.Warn, Reason: "it was not"})
	}
	golden.Assert(t, print(t, "table", report.NewVerification(all, given, many), report.Style{}), "screen.table")
}

// Whatever a cluster is called, a line of a table stays a line.
func TestClusterNamesStayOnTheirLine(t *testing.T) {
	bad := check.Verdict{Check: "CG101", Cluster: "a\nb\tc", Outcome: check.Fail, Reason: "no"}
	for _, format := range []string{"table", "wide", "name"} {
		one := print(t, format, verification(clusters("a b c"), check.Verdict{Check: "CG101", Cluster: "a b c", Outcome: check.Fail, Reason: "no"}), report.Style{})
		if diff := cmp.Diff(one, print(t, format, verification(clusters(bad.Cluster), bad), report.Style{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestLongClusterNamesLeaveRoom(t *testing.T) {
	name := "arn:aws:eks:eu-central-1:123456789012:cluster/production-of-everything"
	v := verification(clusters(name), check.Verdict{
		Check: "CG101", Cluster: name, Outcome: check.Fail, Reason: "no agent",
		Evidence: []check.Evidence{{Where: "node-1", Got: "0", Want: "1"}},
	})
	golden.Assert(t, print(t, "table", v, report.Style{Width: 80}), "longname.table")
}

func TestClosedOutputIsAnError(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	if err := report.Print(writer, report.Format{}, fleet(), report.Style{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("want EPIPE, got %v", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
