package report_test

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	openreports "github.com/openreports/reports-api/apis/openreports.io/v1alpha1"
	sarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// parsers read each kind of report as those do who are given it: by their own parser, or by the format's schema.
var parsers = map[string]func(t *testing.T, text string){
	"junit": func(t *testing.T, text string) {
		suites, err := junit.Ingest([]byte(text))
		if err != nil || len(suites) == 0 && strings.Contains(text, "<testsuite ") {
			t.Errorf("%d suites, %v", len(suites), err)
		}
	},
	"markdown": func(t *testing.T, text string) {
		var page bytes.Buffer
		if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(text), &page); err != nil {
			t.Error(err)
		}
		if strings.Contains(page.String(), "<!-- raw HTML omitted") {
			t.Errorf("there is HTML in it:\n%s", text)
		}
		if strings.Count(text, "\n| --- ") != strings.Count(page.String(), "<table>") {
			t.Errorf("%d tables are written, %d are read", strings.Count(text, "\n| --- "), strings.Count(page.String(), "<table>"))
		}
	},
	"html": func(t *testing.T, text string) {
		for z := html.NewTokenizer(strings.NewReader(text)); ; {
			switch z.Next() {
			case html.ErrorToken:
				if z.Err() != io.EOF {
					t.Error(z.Err())
				}
				return
			case html.StartTagToken:
				name, _ := z.TagName()
				if strings.Contains(" script img iframe link object ", " "+string(name)+" ") {
					t.Errorf("the page has a <%s>", name)
				}
			}
		}
	},
	"prometheus": func(t *testing.T, text string) {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(text))
		if err != nil || families["cilium_gitops_check"] == nil && strings.Contains(text, "cilium_gitops_check{") {
			t.Errorf("%v\n%s", err, text)
		}
	},
	"github": func(t *testing.T, text string) {
		// From GitHub's "Workflow commands": ::command name=value,name=value::message, with % : , and line ends escaped.
		command := regexp.MustCompile(`^::(error|warning|notice)( (file|line|col|title)=[^:,%\r\n]*(%[0-9A-F]{2}[^:,%\r\n]*)*(,(line|col|title)=[^:,%\r\n]*(%[0-9A-F]{2}[^:,%\r\n]*)*)*)?::([^%\r\n]|%25|%0A|%0D)*$`)
		for line := range strings.Lines(text) {
			if !command.MatchString(strings.TrimRight(line, "\n")) {
				t.Errorf("%q is no workflow command", line)
			}
		}
	},
	"sarif": func(t *testing.T, text string) {
		log, err := sarif.FromString(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range log.Runs { // what is left out is the format's default, which the library does not know
			run.Language, run.NewlineSequences, run.Tool.Driver.Language = "en-US", []string{"\n"}, "en-US"
		}
		if err := log.Validate(); err != nil {
			t.Errorf("against the schema of SARIF 2.1.0: %v", err)
		}
	},
	"openreports": func(t *testing.T, text string) {
		docs := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
		for {
			doc, err := docs.Read()
			if err == io.EOF {
				return
			}
			var r openreports.ClusterReport
			if err := yaml.UnmarshalStrict(doc, &r); err != nil {
				t.Fatal(err)
			}
			if r.Kind != "ClusterReport" || r.APIVersion != openreports.SchemeGroupVersion.String() {
				t.Errorf("%s %s", r.APIVersion, r.Kind)
			}
			sum := r.Summary.Pass + r.Summary.Fail + r.Summary.Warn + r.Summary.Error + r.Summary.Skip
			if sum != len(r.Results) || !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(r.Name) {
				t.Errorf("report %q: %d results, and their sum is %d", r.Name, len(r.Results), sum)
			}
			for _, result := range r.Results {
				if !strings.Contains(" pass fail warn error skip ", " "+string(result.Result)+" ") || result.Policy == "" {
					t.Errorf("result %+v", result)
				}
			}
		}
	},
}

// TestReportsAreReadByOthers: every kind of report of every document is read by the parser of whoever it is for, also
// where a cluster's text is hostile.
func TestReportsAreReadByOthers(t *testing.T) {
	const nasty = "::error::x%0A\n| a | <b> `c` \x1b[31m \u202e ]]> <script>"
	dark := report.ValuesOf{Name: "apps", Unseen: nasty}
	docs := map[string]report.Doc{
		"pass": allPass(), "mixed": mixed(), "unreachable": unreachable(), "hostile": hostile(), "none": verification(nil),
		"lint": aLint("chart.spec.sourceRef.kind: OCIRepository is refused"), "lint of hostile text": aLint(nasty), "no finding": report.NewLint(nil, lint.Result{}, lint.Rules(), nil, "x"),
		"values":    report.NewValuesDiff("release", "git", "", []report.ValuesOf{{Name: "infra", Deltas: []report.ValuesDelta{{Cluster: "infra", Delta: values.Delta{Path: "a.b", Class: values.Changed, From: nasty, To: 2}}}}, dark}, false),
		"impact":    report.NewImpact([]report.ImpactOf{{Facts: facts.Facts{Cluster: "apps"}, Unseen: nasty}}),
		"manifests": report.NewManifestDiff([]report.ImpactOf{{Facts: facts.Facts{Cluster: "apps"}, Unseen: nasty}}),
	}
	read := map[string]int{}
	for name, doc := range docs {
		for _, kind := range report.KindsOf(doc) {
			t.Run(name+" "+kind, func(t *testing.T) { parsers[kind](t, made(t, kind, doc)) })
			read[kind]++
		}
	}
	for _, kind := range report.Kinds() {
		if read[kind] == 0 {
			t.Errorf("no document has a report %s", kind)
		}
	}
}

// TestKindsTellTheSame: what one kind of report counts as failed, another does.
func TestKindsTellTheSame(t *testing.T) {
	v := mixed()
	suites, err := junit.Ingest([]byte(made(t, "junit", v)))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, s := range suites {
		failed += s.Totals.Failed
	}
	errors, failures := 0, 0
	for _, doc := range strings.Split(made(t, "openreports", v), "---\n")[1:] {
		var open openreports.ClusterReport
		if err := yaml.Unmarshal([]byte(doc), &open); err != nil {
			t.Fatal(err)
		}
		errors, failures = errors+open.Summary.Error, failures+open.Summary.Fail
	}
	annotations := strings.Count(made(t, "github", v), "::error ")
	if v.Summary.Fail == 0 || failed != v.Summary.Fail || annotations != v.Summary.Fail || failures != v.Summary.Fail || errors != v.Summary.Unknown {
		t.Errorf("%+v; JUnit has %d failed, GitHub %d, OpenReports %d and %d errors", v.Summary, failed, annotations, failures, errors)
	}
}
