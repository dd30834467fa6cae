package report

import "fmt"

// sarifCases writes what a diff found: a result for each difference, at its place in the cluster, since it has none in a
// file. What is not known is an open question, not a finding.
func sarifCases(doc Doc, _ Style) ([]byte, error) {
	d, ok := doc.(cased)
	if !ok {
		return nil, fmt.Errorf("%T has no cases", doc)
	}
	run := newSarifRun()
	for _, r := range []struct{ class, title, full string }{
		{"values", "Values differ", "A value of the Helm release differs between the places that were compared."},
		{"manifests", "Manifests differ", "An object that Flux would apply differs from what it would replace."},
		{"impact", "Adoption changes an object", "Flux would change, replace or delete an object of the Helm release that runs."},
	} {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: "diff/" + r.class, Short: sarifText{r.title}, Full: sarifText{r.full}, Default: sarifSeverity{"warning"},
			Help: sarifText{"Look at it with: kubectl cilium-gitops diff --what " + r.class},
		})
	}
	_, all := d.cases()
	for _, c := range all {
		result := sarifResult{
			Rule: "diff/" + c.class, Level: "warning", Message: sarifText{fold(c.cluster + ": " + c.name + ": " + c.failed + c.unknown)},
			Locations: []sarifLocation{{Logical: []sarifLogical{{Name: fold(c.name), Full: fold(c.cluster + "/" + c.name), Kind: "resource"}}}},
		}
		if c.unknown != "" {
			result.Level, result.Kind = "none", "open"
		}
		run.Results = append(run.Results, result)
	}
	return run.log()
}
