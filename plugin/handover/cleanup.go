package handover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// CleanupName is the name of a cleanup's plan.
const CleanupName = "cleanup"

// Own is an object in a cluster that this tool made.
type Own struct {
	Ref Ref
	// Holder and Renewed are a Lease's: who has it, and when it last said so.
	Holder  string
	Renewed time.Time
	// Until is a probe's namespace's: when its pods have ended by themselves; Over tells that they have, by the API
	// server's clock. Removing tells that the cluster is at it.
	Until    time.Time
	Over     bool
	Removing bool
}

// Leftover is something that a bootstrap, a handover or a drill has left behind.
type Leftover struct {
	// What it is, in words: "record of release flux-system/kube-system-cilium, revision 1 superseded".
	What string `json:"what"`
	// Ref names the object; empty for a folder of this machine.
	Ref Ref `json:"ref,omitzero"`
	// Folder is that of a run on this machine.
	Folder string `json:"folder,omitempty"`
	// Action is what takes it away; nil where Keep says why nothing does, and where the lock is given back.
	Action *Action `json:"action,omitempty"`
	// Keep is why it is not removed, and what to do first.
	Keep string `json:"keep,omitempty"`
}

// CleanupInput is what leftovers are looked for in.
type CleanupInput struct {
	Facts facts.Facts // with what CleanupParts names, and the owners of Objects' fields
	// Objects are those of the release.
	Objects []Ref
	// Own are this tool's objects in the cluster, Journal is the one in it.
	Own     []Own
	Journal *Journal
	// Keep is how many finished journals stay.
	Keep int
	Now  time.Time
}

// CleanupParts are what a cleanup has to know besides its own objects.
func CleanupParts() []facts.Part {
	return []facts.Part{facts.Identity, facts.Releases, facts.DaemonSets, facts.HelmReleases, facts.Kustomizations}
}

// LockLasts is how old the last word of a Lease's holder is at least when it is taken for dead, whatever the clocks say.
const LockLasts = time.Minute

// Leftovers finds what is left over in a cluster. It touches nothing.
func Leftovers(in CleanupInput) []Leftover {
	all := slices.Concat(staleRecords(in.Facts), in.owed(), sharedFields(in), in.pods(), in.probes(), in.others())
	slices.SortStableFunc(all, func(a, b Leftover) int { return cmp.Compare(a.Ref.Kind, b.Ref.Kind) })
	return all
}

// staleRecords are the records of releases that claim Cilium's objects and do not have them.
func staleRecords(f facts.Facts) []Leftover {
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	var all []Leftover
	for _, r := range f.Live.Records {
		key := r.Namespace + "/" + r.Release
		if key == own || r.Release == f.Expect.Cilium.Release+"-preflight" || r.Chart != "cilium" && r.Chart != "" ||
			r.Compared && r.Shared == 0 && r.OwnCount > 0 { // all that it names is its own
			continue
		}
		ref := Ref{APIVersion: "v1", Kind: "Secret", Namespace: r.Namespace, Name: r.Secret}
		l := Leftover{Ref: ref, What: fmt.Sprintf("record of release %s, revision %d %s", key, r.Revision, r.Status)}
		if l.Keep = inUse(f, r, own); l.Keep == "" {
			l.Action = &Action{Verb: Remove, Ref: ref, Why: "the record alone goes; Cilium's objects are release " + own + "'s"}
		}
		all = append(all, l)
	}
	return all
}

// inUse says why a record of another release than Cilium's own has to stay; empty where nothing needs it.
func inUse(f facts.Facts, r facts.Record, own string) string {
	for _, hr := range f.Live.HelmReleases {
		if hr.Storage() == r.Namespace && hr.Release() == r.Release {
			return fmt.Sprintf("HelmRelease %s manages it: deleted while it is active, it uninstalls what that record names. Suspend it first: flux suspend helmrelease -n %s %s; then take it out of Git", hr.ID(), hr.Namespace, hr.Name)
		}
	}
	if r.Chart == "" {
		return "of which chart it is has not been read"
	}
	i := slices.IndexFunc(f.Live.DaemonSets, func(w facts.Workload) bool {
		return w.Namespace == f.Expect.Cilium.Namespace && w.Name == f.Expect.Cilium.DaemonSet
	})
	switch {
	case i < 0:
		return fmt.Sprintf("there is no DaemonSet %s/%s that says whose Cilium is", f.Expect.Cilium.Namespace, f.Expect.Cilium.DaemonSet)
	case f.Live.DaemonSets[i].Release != own:
		return fmt.Sprintf("DaemonSet %s belongs to release %s, not to %s: see kubectl cilium-gitops explain CG122", f.Live.DaemonSets[i].Name, or(f.Live.DaemonSets[i].Release, "(none)"), own)
	}
	if _, found := newest(f); !found {
		return "Helm has no record of release " + own
	}
	switch {
	case !r.Compared:
		return "what it names has not been compared with what release " + own + " names"
	case r.OwnCount > 0:
		return fmt.Sprintf("it names %d objects that release %s does not: %s. See them: helm -n %s get manifest %s",
			r.OwnCount, own, strings.Join(r.Own, ", "), r.Namespace, r.Release)
	}
	return ""
}

// sharedFields are the fields that the bootstrap's Helm still owns beside Flux, which has adopted the release.
func sharedFields(in CleanupInput) []Leftover {
	if !adopted(in.Facts) {
		return nil
	}
	var objects []Ref
	fields := 0
	for _, o := range in.Facts.Live.Fields {
		i := slices.IndexFunc(in.Objects, func(r Ref) bool { return r.Kind == o.Kind && r.Namespace == o.Namespace && r.Name == o.Name })
		if o.Shared > 0 && i >= 0 {
			fields += o.Shared
			objects = append(objects, in.Objects[i])
		}
	}
	if len(objects) == 0 {
		return nil
	}
	return []Leftover{{
		What: fmt.Sprintf("%d fields of %d objects that the bootstrap's Helm owns beside Flux: removed in Git, they would stay", fields, len(objects)),
		Ref:  objects[0],
		Action: &Action{
			Verb: HandFields, From: HelmCLI, Manager: HelmController, Objects: objects, Why: "Flux alone owns what it applies",
		},
	}}
}

// pods are those of probes: whoever has the lock knows that nobody uses them.
func (in CleanupInput) pods() []Leftover {
	var all []Leftover
	for _, o := range in.Own {
		if o.Ref.Kind == "Pod" {
			all = append(all, Leftover{What: "a probe's pod", Ref: o.Ref, Action: &Action{Verb: Remove, Ref: o.Ref, Why: "no drill goes on"}})
		}
	}
	return all
}

// probes are the namespaces that killed probes left. verify --probe takes no lock: until its deadline a namespace may be
// in use, whoever has the lock.
func (in CleanupInput) probes() []Leftover {
	var all []Leftover
	for _, o := range in.Own {
		if o.Ref.Kind != "Namespace" {
			continue
		}
		until := o.Until.UTC().Format(time.RFC3339)
		l := Leftover{Ref: o.Ref, What: "a probe's namespace, whose pods end by " + until}
		switch {
		case o.Removing:
			l.Keep = "the cluster is removing it; what holds it up: kubectl get namespace " + o.Ref.Name + " -o yaml"
		case !o.Over:
			l.Keep = "a probe may be at work in it until " + until + "; where none is: kubectl delete namespace " + o.Ref.Name
		default:
			l.What = "the namespace of a probe that was killed"
			l.Action = &Action{Verb: Remove, Ref: o.Ref, Why: "its pods have ended, at " + until + " at the latest"}
		}
		all = append(all, l)
	}
	return all
}

// others are Leases and journals.
func (in CleanupInput) others() []Leftover {
	var all []Leftover
	for _, o := range in.Own {
		l := Leftover{Ref: o.Ref, Action: &Action{Verb: Remove, Ref: o.Ref, Why: "nothing of this tool's goes on"}}
		switch {
		case o.Ref.Kind == "Lease" && o.Holder != "" && in.Now.Sub(o.Renewed).Abs() < LockLasts:
			continue // somebody is at work
		case o.Ref.Kind == "Lease":
			l.What = "a lock that nobody holds"
			if o.Holder != "" {
				l.What = fmt.Sprintf("a lock that %s had, last heard of at %s", o.Holder, o.Renewed.UTC().Format(time.RFC3339))
			}
			if o.Ref.Name == LeaseName {
				l.Action = nil // taken, and given back
			}
		case o.Ref.Kind == "ConfigMap" && isJournal(o.Ref.Name):
			if in.Keep > 0 || in.Journal.Unfinished() {
				continue
			}
			l.What = "the journal of a run that is over"
		case o.Ref.Kind == "ConfigMap":
			l.What = "a ConfigMap of this tool's"
		default:
			continue
		}
		all = append(all, l)
	}
	return all
}
