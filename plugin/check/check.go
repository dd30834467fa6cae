// Package check is every judgement: facts in, verdict out. A check is a row and one small pure function; it has no
// context, client, error or clock, reads only the parts it names, and leaves nothing for another check.
package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// ID names a check for ever: "CG108". Its hundreds are the acceptance criterion. IDs are never reused.
type ID string

// Phase is the part of a handover that a check belongs to.
type Phase string

// The phases, in their order.
const (
	Bootstrap  Phase = "bootstrap"
	GitOps     Phase = "gitops"
	Handover   Phase = "handover"
	Validation Phase = "validation"
	Cleanup    Phase = "cleanup"
)

// Phases are all phases in their order.
func Phases() []Phase { return []Phase{Bootstrap, GitOps, Handover, Validation, Cleanup} }

// Outcome is how a check went. They are ordered: a whole is as its worst part.
type Outcome int

// The outcomes, best first.
const (
	Pass Outcome = iota
	Skip
	Warn
	Unknown
	Fail
)

var outcomes = []string{"pass", "skip", "warn", "unknown", "fail"}

func (o Outcome) String() string { return outcomes[o] }

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the outcome's name.
func (o *Outcome) UnmarshalText(text []byte) error {
	i := slices.Index(outcomes, string(text))
	if i < 0 {
		return fmt.Errorf("no outcome %q; there are: %s", text, strings.Join(outcomes, ", "))
	}
	*o = Outcome(i)
	return nil
}

// Check is one judgement.
type Check struct {
	ID    ID
	Phase Phase
	AC    string // "AC-1"
	// Title is a positive sentence, true when the check passes.
	Title string
	// Hint is what to do when it does not pass.
	Hint string
	// About is what the check means and why it matters, for `explain` and docs/checks.md.
	About string
	// Manual is the command by which a person would look at the same.
	Manual string
	// Feature is the fleet's feature that the check belongs to, if it belongs to one: where the fleet says "off"
	// nobody looks.
	Feature string
	Needs   []facts.Part
	Judge   func(facts.Facts) Verdict
}

// Verdict is what a check says of one cluster.
type Verdict struct {
	Check    ID
	Cluster  string
	Outcome  Outcome
	Reason   string
	Evidence []Evidence
}

// Evidence is one thing seen: where, what it is, and what it should be.
type Evidence struct {
	Where string `json:"where"`
	Got   string `json:"got"`
	Want  string `json:"want,omitempty"`
}

// Run judges f by each of checks, in their order.
func Run(f facts.Facts, checks []Check) []Verdict {
	verdicts := make([]Verdict, 0, len(checks))
	for _, c := range checks {
		v := c.verdict(f)
		v.Check, v.Cluster = c.ID, f.Cluster
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// notAsked words a part that a recording does not hold.
const notAsked = "not in this recording: it was made for other checks, or before there was this one; record again"

// verdict is where blindness is handled, once: what was not looked at by choice is skipped, what could not be seen is
// unknown, and only then is there anything to judge.
func (c Check) verdict(f facts.Facts) Verdict {
	if c.Feature != "" && f.Expect.Features[c.Feature] == "off" {
		return Verdict{Outcome: Skip, Reason: "the fleet does not want " + c.Feature}
	}
	var dark []Evidence
	for _, part := range c.Needs {
		if choice, ok := f.Declined[part]; ok {
			return Verdict{Outcome: Skip, Reason: "not looked at: " + choice}
		}
		if why, ok := f.Blind[part]; ok {
			dark = append(dark, Evidence{Where: string(part), Got: why})
		} else if !slices.Contains(f.Seen, part) {
			dark = append(dark, Evidence{Where: string(part), Got: notAsked})
		}
	}
	if len(dark) > 0 {
		return Verdict{Outcome: Unknown, Reason: "could not look at " + places(dark), Evidence: dark}
	}
	return c.Judge(f)
}

func places(evidence []Evidence) string {
	var all []string
	for _, e := range evidence {
		all = append(all, e.Where)
	}
	return strings.Join(all, ", ")
}

// Needs is the union of what checks need of a cluster with those features, in a fixed order.
func Needs(checks []Check, features map[string]string) []facts.Part {
	seen := map[facts.Part]bool{}
	for _, c := range checks {
		if c.Feature != "" && features[c.Feature] == "off" {
			continue
		}
		for _, part := range c.Needs {
			seen[part] = true
		}
	}
	parts := make([]facts.Part, 0, len(seen))
	for part := range seen {
		parts = append(parts, part)
	}
	slices.Sort(parts)
	return parts
}

// Worst is the worst outcome of verdicts, Pass when there are none.
func Worst(verdicts []Verdict) Outcome {
	worst := Pass
	for _, v := range verdicts {
		worst = max(worst, v.Outcome)
	}
	return worst
}
