// Package impact says what would become of a cluster's objects if Flux applied what was rendered: which change, which
// pods would be replaced, and why. It is pure: it knows nothing of clusters, charts or printing.
package impact

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Effect is what a change does.
type Effect string

// The effects, from nothing to the worst.
const (
	None     Effect = "none"
	Metadata Effect = "metadata" // labels and annotations of the object itself: nobody notices
	Config   Effect = "config"   // what is declared changes; running agents keep what they have until they restart
	Create   Effect = "create"
	Delete   Effect = "delete"
	Restart  Effect = "restart" // pods are replaced
	Fails    Effect = "fails"   // the API server refuses it, and with it the upgrade
)

// Effects are all of them, from nothing to the worst.
func Effects() []Effect { return []Effect{None, Metadata, Config, Create, Delete, Restart, Fails} }

func (e Effect) rank() int { return slices.Index(Effects(), e) }

// Ref names an object.
type Ref struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// String is "Kind/namespace/name", without the namespace where it has none.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + "/" + r.Name
	}
	return r.Kind + "/" + r.Namespace + "/" + r.Name
}

// Change is what becomes of one object.
type Change struct {
	Ref      Ref           `json:"ref"`
	Effect   Effect        `json:"effect"`
	Paths    []values.Path `json:"paths,omitempty"` // the fields that bring the effect about
	Restarts int           `json:"restarts"`        // pods that would be replaced
	Lost     int           `json:"lost,omitempty"`  // pods that would be deleted and not replaced
	// Uncounted: the pods of the workload would be replaced or deleted, and could not be seen.
	Uncounted bool   `json:"uncounted,omitempty"`
	Keys      int    `json:"keys,omitempty"` // keys of a ConfigMap's data that change
	Why       string `json:"why"`
	// Expected: it happens at every upgrade, because Helm makes the value anew.
	Expected bool `json:"expected,omitempty"`
	// Reverted are fields that somebody changed since the last release, and that would be changed back.
	Reverted []values.Path `json:"reverted,omitempty"`
	// Left are fields that are gone from the chart and stay in the cluster, since another manager owns them.
	Left   []values.Path `json:"left,omitempty"`
	Keeper string        `json:"keeper,omitempty"` // that manager
	Edits  []Edit        `json:"-"`                // all that would be different, for showing
}

// Of is what becomes of every object of f's release, the worst first. None where nothing was rendered.
func Of(f facts.Facts, r *facts.Rendered) []Change {
	if r == nil {
		return nil
	}
	j := judge{r: r, facts: f, own: f.Workloads(), pods: f.Live.Pods, before: index(r.Before), after: index(r.After), live: index(r.Live)}
	var all []Change
	for _, key := range j.keys() {
		if c := j.object(key); c.Effect != None || len(c.Left) > 0 {
			all = append(all, c)
		}
	}
	for _, h := range r.Hooks {
		all = append(all, Change{
			Ref: Ref{Kind: h.Kind, Namespace: h.Namespace, Name: h.Name}, Effect: Create,
			Why: "a hook: runs at " + strings.Join(h.Events, ", "),
		})
	}
	slices.SortStableFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Effect.rank(), a.Effect.rank()), cmp.Compare(a.Ref.String(), b.Ref.String()))
	})
	return all
}

// Summary is all changes of one cluster in numbers.
type Summary struct {
	Pods          int `json:"pods"`          // that the release's workloads have
	Restarts      int `json:"restarts"`      // of these would be replaced
	Lost          int `json:"lost"`          // of these would be deleted
	Creates       int `json:"creates"`       // objects
	Deletes       int `json:"deletes"`       // objects
	ConfigChanges int `json:"configChanges"` // keys of ConfigMaps
	Other         int `json:"other"`         // objects that change otherwise, by more than labels and annotations
	Metadata      int `json:"metadata"`      // objects of which only labels and annotations change
	Expected      int `json:"expected"`      // objects that change at every upgrade
	Reverted      int `json:"reverted"`      // fields that somebody changed by hand
	Left          int `json:"left"`          // fields that stay since another manager owns them
	// Podless are workloads whose pods would be replaced, and that have none or none that was seen.
	Podless int `json:"podless,omitempty"`
	Fails   int `json:"fails,omitempty"` // objects of which the upgrade would change what nobody may
}

// Sum counts.
func Sum(f facts.Facts, r *facts.Rendered, changes []Change) Summary {
	var s Summary
	if r != nil {
		workloads := map[string]bool{}
		for _, o := range slices.Concat(r.Before, r.After) {
			if n := podsOf(f.Live.Pods, o); !workloads[o.Key()] {
				workloads[o.Key()] = true
				s.Pods += n
			}
		}
	}
	for _, c := range changes {
		s.Restarts += c.Restarts
		if c.Effect == Restart && c.Restarts == 0 {
			s.Podless++
		}
		s.Lost += c.Lost
		s.Reverted += len(c.Reverted)
		s.Left += len(c.Left)
		switch {
		case c.Effect == Fails:
			s.Fails++
		case c.Expected:
			s.Expected++
		case c.Keys > 0:
			s.ConfigChanges += c.Keys
		case c.Effect == Create:
			s.Creates++
		case c.Effect == Delete:
			s.Deletes++
		case c.Effect == Config:
			s.Other++
		case c.Effect == Metadata:
			s.Metadata++
		}
	}
	return s
}

// Plus is both together.
func (s Summary) Plus(t Summary) Summary {
	return Summary{
		Pods: s.Pods + t.Pods, Restarts: s.Restarts + t.Restarts, Lost: s.Lost + t.Lost, Creates: s.Creates + t.Creates,
		Deletes: s.Deletes + t.Deletes, ConfigChanges: s.ConfigChanges + t.ConfigChanges, Other: s.Other + t.Other,
		Metadata: s.Metadata + t.Metadata, Expected: s.Expected + t.Expected, Reverted: s.Reverted + t.Reverted,
		Left: s.Left + t.Left, Podless: s.Podless + t.Podless, Fails: s.Fails + t.Fails,
	}
}

// Quiet tells whether nothing changes but labels and annotations, and what changes at every upgrade. Fields that stay
// though they are gone from what is declared are not quiet: the cluster is not what Git says.
func (s Summary) Quiet() bool {
	return s.Fails+s.Restarts+s.Podless+s.Lost+s.Creates+s.Deletes+s.ConfigChanges+s.Other+s.Left == 0
}

func index(all []facts.Object) map[string]facts.Object {
	out := make(map[string]facts.Object, len(all))
	for _, o := range all {
		out[o.Key()] = o
	}
	return out
}

// podsOf counts the pods that belong to a workload. A Deployment's are its ReplicaSets'.
func podsOf(pods []facts.Pod, o facts.Object) int {
	n := 0
	for _, p := range pods {
		if p.Namespace != o.Namespace || p.Deleting {
			continue
		}
		kind, name, _ := strings.Cut(p.Owner, "/")
		if kind == "ReplicaSet" && o.Kind == "Deployment" {
			if cut := strings.LastIndex(name, "-"); cut > 0 && name[:cut] == o.Name {
				n++
			}
			continue
		}
		if kind == o.Kind && name == o.Name {
			n++
		}
	}
	return n
}
