package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Severity is how bad a finding is.
type Severity int

// The severities.
const (
	Info    Severity = iota // worth knowing
	Warning                 // it works, until something goes wrong
	Error                   // it fails, or it takes the network down
)

var severities = []string{"info", "warning", "error"}

func (s Severity) String() string { return severities[s] }

// MarshalText writes the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the severity's name.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severities, string(text))
	if i < 0 {
		return fmt.Errorf("no severity %q; there are: %s", text, strings.Join(severities, ", "))
	}
	*s = Severity(i)
	return nil
}

// Rule is one rule.
type Rule struct {
	ID       string // "CGL204": stable, never reused; the hundreds are the subject
	Severity Severity
	// Title is a positive sentence, true where nothing is found.
	Title string
	// Reason is why it matters: what happens otherwise.
	Reason string
	// Fix is how to mend it.
	Fix string
	// See is where it is documented.
	See   string
	check func(in *index, report reporter)
}

// Finding is one place that goes against a rule.
type Finding struct {
	Rule     string
	Severity Severity
	manifest.Place

	Clusters []string // that it concerns; none where it is the file's own
	Object   string   // "HelmRelease/kube-system/cilium"
	Message  string
	Fix      string
	// Edits mend it, where that is mechanical.
	Edits []manifest.Edit
	// Withheld is why a fix that is mechanical is not made, and what to do instead.
	Withheld string
	// Elsewhere tells that it is withheld for its file alone, which Cilium is not delivered by.
	Elsewhere bool

	subject *subject // that it is about; nil where it is no object's
	field   string   // of the subject
}

// reporter takes what a rule finds.
type reporter func(f Finding)

// Rules are all rules, by ID.
func Rules() []Rule {
	all := slices.Concat(
		fileRules(), schemaRules(), adoptionRules(), failureRules(), guardRules(), chartRules(), sourceRules(),
		wiringRules(), orderRules(), kustomizationRules(), variableRules(), typeRules(), valueRules(), fleetRules(),
	)
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}
