package report

import (
	"bytes"
	"encoding/json"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// sarif is the Static Analysis Results Interchange Format 2.1.0, which code hosts show beside the lines.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	URI   string      `json:"informationUri"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string        `json:"id"`
	Short   sarifText     `json:"shortDescription"`
	Full    sarifText     `json:"fullDescription"`
	Help    sarifText     `json:"help"`
	HelpURI string        `json:"helpUri,omitempty"`
	Default sarifSeverity `json:"defaultConfiguration"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifSeverity struct {
	Level string `json:"level"`
}

type sarifResult struct {
	Rule      string          `json:"ruleId"`
	Level     string          `json:"level"`
	Kind      string          `json:"kind,omitempty"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

// sarifLogical is a place that is in no file.
type sarifLogical struct {
	Name string `json:"name"`
	Full string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId"`
}

type sarifRegion struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn,omitempty"`
}

func sarifLevel(s lint.Severity) string {
	return map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning", lint.Info: "note"}[s]
}

func newSarifRun() sarifRun {
	return sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "cilium-gitops", URI: "https://github.com/cilium-gitops/cilium-gitops", Rules: []sarifRule{},
		}},
		Results: []sarifResult{},
	}
}

func sarif(l Lint) ([]byte, error) {
	run := newSarifRun()
	for _, r := range lint.Rules() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: r.ID, Short: sarifText{r.Title}, Full: sarifText{r.Reason}, Help: sarifText{r.Fix}, HelpURI: r.See,
			Default: sarifSeverity{sarifLevel(r.Severity)},
		})
	}
	for _, f := range l.Findings {
		at := &sarifPhysical{Artifact: sarifArtifact{URI: f.File, Base: "%SRCROOT%"}}
		if f.Line > 0 {
			at.Region = &sarifRegion{Line: f.Line, Column: f.Column}
		}
		run.Results = append(run.Results, sarifResult{
			Rule: f.Rule, Level: sarifLevel(f.Severity), Message: sarifText{l.message(f) + ". " + f.Fix}, Locations: []sarifLocation{{Physical: at}},
		})
	}
	return run.log()
}

// log is the run as a file of its own.
func (run sarifRun) log() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	err := enc.Encode(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
	return out.Bytes(), err
}
