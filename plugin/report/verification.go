package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Verification is what all checks say of all clusters.
type Verification struct {
	Head     `json:",inline"`
	Clusters []Cluster `json:"clusters"`
	Summary  Summary   `json:"summary"`
	Results  []Result  `json:"results"` // by cluster, then by check, both in the order given
}

// Cluster is one cluster that was looked at.
type Cluster struct {
	Name    string    `json:"name"`
	Context string    `json:"context"`
	Server  string    `json:"server"`
	Version string    `json:"version"`        // Kubernetes', "v1.37.2"; empty where it could not be seen
	Taken   time.Time `json:"taken,omitzero"` // when the looking began
}

// Summary counts results by outcome.
type Summary struct {
	Pass    int           `json:"pass"`
	Warn    int           `json:"warn"`
	Fail    int           `json:"fail"`
	Unknown int           `json:"unknown"`
	Skip    int           `json:"skip"`
	Outcome check.Outcome `json:"outcome"` // the worst; pass where there are only passes and skips
}

// Result is one verdict with what its check says of itself.
type Result struct {
	ID       check.ID         `json:"id"`
	Phase    check.Phase      `json:"phase"`
	AC       string           `json:"ac"`
	Title    string           `json:"title"`
	Cluster  string           `json:"cluster"`
	Outcome  check.Outcome    `json:"outcome"`
	Reason   string           `json:"reason"`
	Evidence []check.Evidence `json:"evidence"`
	Hint     string           `json:"hint,omitempty"` // only where a person is needed
}

// NewVerification joins verdicts with the clusters and the checks that they are of.
func NewVerification(all []facts.Facts, verdicts []check.Verdict, checks []check.Check) Verification {
	v := Verification{Head: head("Verification"), Clusters: []Cluster{}, Results: []Result{}}
	for _, f := range all {
		v.Clusters = append(v.Clusters, Cluster{
			Name: f.Cluster, Context: f.Context, Server: f.Server, Version: f.Live.Version, Taken: f.Taken,
		})
	}
	rows := map[check.ID]check.Check{}
	rank := map[check.ID]int{}
	for i, c := range checks {
		rows[c.ID], rank[c.ID] = c, i-len(checks) // a check that is not listed ranks 0, behind all others
	}
	for _, verdict := range verdicts {
		v.Results = append(v.Results, newResult(verdict, rows[verdict.Check]))
	}
	place := map[string]int{}
	for i, c := range v.Clusters {
		place[c.Name] = i - len(v.Clusters)
	}
	slices.SortStableFunc(v.Results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(place[a.Cluster], place[b.Cluster]), cmp.Compare(rank[a.ID], rank[b.ID]))
	})
	v.Summary = summarise(v.Results)
	return v
}

func newResult(v check.Verdict, c check.Check) Result {
	r := Result{
		ID: v.Check, Phase: c.Phase, AC: c.AC, Title: c.Title, Cluster: v.Cluster,
		Outcome: v.Outcome, Reason: v.Reason, Evidence: v.Evidence,
	}
	if r.Evidence == nil {
		r.Evidence = []check.Evidence{}
	}
	if needsPerson(r.Outcome) {
		r.Hint = c.Hint
	}
	return r
}

// needsPerson holds of the outcomes that are shown without being asked for.
func needsPerson(o check.Outcome) bool { return o != check.Pass && o != check.Skip }

func summarise(results []Result) Summary {
	var s Summary
	for _, r := range results {
		switch r.Outcome {
		case check.Pass:
			s.Pass++
		case check.Skip:
			s.Skip++
		case check.Warn:
			s.Warn++
		case check.Unknown:
			s.Unknown++
		case check.Fail:
			s.Fail++
		}
		if needsPerson(r.Outcome) {
			s.Outcome = max(s.Outcome, r.Outcome)
		}
	}
	return s
}

// count is how many results have an outcome.
func (s Summary) count(o check.Outcome) int {
	return map[check.Outcome]int{
		check.Pass: s.Pass, check.Skip: s.Skip, check.Warn: s.Warn, check.Unknown: s.Unknown, check.Fail: s.Fail,
	}[o]
}

// ran is how many results there are without the skipped.
func (s Summary) ran() int { return s.Pass + s.Warn + s.Fail + s.Unknown }

// Names are the results that need a person, "apps/CG108".
func (v Verification) Names() []string {
	var names []string
	for _, r := range v.Results {
		if needsPerson(r.Outcome) {
			names = append(names, r.Cluster+"/"+string(r.ID))
		}
	}
	return names
}

// Table writes what stands where, then what needs a person, then the sum of it.
func (v Verification) Table(p *Page, wide bool) {
	v.matrix(p, wide)
	if wide {
		v.all(p)
	} else {
		v.blocks(p)
	}
	p.Line("%s", v.sentence())
}
