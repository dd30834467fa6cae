package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// openReport is a ClusterReport of openreports.io/v1alpha1, which dashboards of policies read: only its fields that a
// verification has something to say for.
type openReport struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Metadata   openMeta           `json:"metadata"`
	Source     string             `json:"source"`
	Summary    openSummary        `json:"summary"`
	Results    []openReportResult `json:"results"`
}

type openMeta struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type openSummary struct {
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Warn  int `json:"warn"`
	Error int `json:"error"`
	Skip  int `json:"skip"`
}

type openReportResult struct {
	Source     string            `json:"source"`
	Policy     string            `json:"policy"`
	Rule       string            `json:"rule"`
	Category   string            `json:"category"`
	Result     string            `json:"result"`
	Scored     bool              `json:"scored"`
	Timestamp  openTime          `json:"timestamp"`
	Message    string            `json:"message,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

type openTime struct {
	Seconds int64 `json:"seconds"`
	Nanos   int32 `json:"nanos"`
}

const openSource = "cilium-gitops"

// openReports is a document for each cluster, to be applied with kubectl. What could not be seen is that API's error:
// a policy that could not be evaluated.
func openReports(v Verification) ([]byte, error) {
	var out bytes.Buffer
	for _, c := range v.Clusters {
		text, err := yaml.Marshal(newOpenReport(v, c))
		if err != nil {
			return nil, err
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.Bytes(), nil
}

func newOpenReport(v Verification, c Cluster) openReport {
	r := openReport{
		APIVersion: "openreports.io/v1alpha1", Kind: "ClusterReport", Source: openSource, Results: []openReportResult{},
		Metadata: openMeta{Name: objectName(openSource + "-" + c.Name), Labels: map[string]string{"app.kubernetes.io/managed-by": openSource}},
	}
	var of []Result
	for _, result := range v.Results {
		if result.Cluster == c.Name {
			of = append(of, result)
			r.Results = append(r.Results, newOpenResult(result, c.Taken))
		}
	}
	s := summarise(of)
	r.Summary = openSummary{Pass: s.Pass, Fail: s.Fail, Warn: s.Warn, Error: s.Unknown, Skip: s.Skip}
	return r
}

func newOpenResult(r Result, taken time.Time) openReportResult {
	result := r.Outcome.String()
	if r.Outcome == check.Unknown {
		result = "error"
	}
	o := openReportResult{
		Source: openSource, Policy: string(r.ID), Rule: fold(r.Title), Category: string(r.Phase), Result: result, Scored: true,
		Message: fold(r.Reason), Properties: map[string]string{"criterion": r.AC},
	}
	if !taken.IsZero() {
		o.Timestamp.Seconds = taken.Unix()
	}
	if text := details(r); text != "" {
		o.Properties["details"] = cleanLines(text)
	}
	return o
}

// notInNames matches what no name of an object may hold.
var notInNames = regexp.MustCompile(`[^a-z0-9-]+`)

// objectName is s as the name of an object.
func objectName(s string) string {
	s = notInNames.ReplaceAllString(strings.ToLower(facts.Text(s)), "-")
	return strings.Trim(fmt.Sprintf("%.63s", s), "-")
}
