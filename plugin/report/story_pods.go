package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// PodFate is what became of a pod.
type PodFate string

// The fates of pods.
const (
	PodUntouched PodFate = "untouched" // the same UID, the same containers, no restart more
	PodChanged   PodFate = "changed"   // a container restarted, or it is being deleted
	PodGone      PodFate = "gone"
	PodNew       PodFate = "new"
	PodUnseen    PodFate = "not seen" // nobody looked at the end
)

// StoryPod is one pod of Cilium's before and after a run.
type StoryPod struct {
	Workload string    `json:"workload"` // "DaemonSet/cilium"
	Name     string    `json:"name"`
	Node     string    `json:"node,omitempty"`
	UID      string    `json:"uid"`
	Created  time.Time `json:"created,omitzero"`
	// Restarts are of all its containers, before and after; nil where it was not there.
	Before *int32  `json:"restartsBefore,omitempty"`
	After  *int32  `json:"restartsAfter,omitempty"`
	Fate   PodFate `json:"fate"`
	// At is when that was seen, Text what; empty where nothing became of it.
	At   time.Time `json:"at,omitzero"`
	Text string    `json:"text,omitempty"`
}

// pods are all of Cilium's that run for good: those of the beginning, then those that came.
func (r *StoryRun) pods(t Told) {
	j := t.Journal
	if j.Base == nil {
		return
	}
	changes, own := map[string]string{}, facts.Facts{Expect: t.Expect, Base: j.Base}.Workloads()
	var after map[string]facts.Pod
	if t.End != nil && slices.Contains(t.End.Seen, facts.Pods) {
		after = lasting(t.End.Live.Pods, own)
		for _, e := range handover.Touched(facts.Facts{Expect: t.Expect, Base: j.Base, Live: t.End.Live}) {
			place, _, _ := strings.Cut(e.Pod, " ")
			changes[place] = e.Text
		}
	}
	before := lasting(j.Base.Pods, own)
	for uid, p := range before {
		pod := newStoryPod(p)
		pod.Before = restarts(p)
		now, there := after[uid]
		text, changed := changes[place(p)]
		switch {
		case after == nil:
			pod.Fate = PodUnseen
		case !there:
			pod.Fate, pod.Text = PodGone, text
		case changed:
			pod.Fate, pod.Text, pod.After, pod.At = PodChanged, text, restarts(now), latest(now, j.Began)
		default:
			pod.Fate, pod.After = PodUntouched, restarts(now)
		}
		pod.see(j)
		r.Each = append(r.Each, pod)
	}
	for uid, p := range after {
		if _, was := before[uid]; !was {
			pod := newStoryPod(p)
			pod.Fate, pod.After, pod.At = PodNew, restarts(p), p.Created
			r.Each = append(r.Each, pod)
		}
	}
	slices.SortFunc(r.Each, func(a, b StoryPod) int {
		return cmp.Or(cmp.Compare(kindRank(a), kindRank(b)), cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Name, b.Name))
	})
}

// see is what the run itself saw of the pod: when, and where nobody looked at the end, what.
func (p *StoryPod) see(j *handover.Journal) {
	for _, e := range j.Seen {
		where, _, _ := strings.Cut(strings.TrimPrefix(e.Pod, "Pod/"), " ")
		if _, name, ok := strings.Cut(where, "/"); !ok || name != p.Name {
			continue
		}
		if p.At.IsZero() {
			p.At = e.Time
		}
		if p.Fate == PodUnseen {
			p.Fate, p.Text = PodChanged, e.Text
		}
	}
}

// lasting are the pods of own, by UID.
func lasting(pods []facts.Pod, own facts.Workloads) map[string]facts.Pod {
	all := map[string]facts.Pod{}
	for _, p := range own.Pods(pods) {
		all[p.UID] = p
	}
	return all
}

func place(p facts.Pod) string { return "Pod/" + p.Namespace + "/" + p.Name }

func newStoryPod(p facts.Pod) StoryPod {
	owner := p.Owner
	if set, ok := strings.CutPrefix(owner, "ReplicaSet/"); ok {
		owner = "Deployment/" + strings.TrimSuffix(set, "-"+p.Labels["pod-template-hash"])
	}
	if owner == "" {
		owner = "(nobody)"
	}
	return StoryPod{Workload: owner, Name: p.Name, Node: p.Node, UID: p.UID, Created: p.Created}
}

func restarts(p facts.Pod) *int32 {
	var n int32
	for _, c := range p.Containers {
		n += c.Restarts
	}
	return &n
}

// latest is when a container of the pod last started; zero where that was before the run.
func latest(p facts.Pod, since time.Time) time.Time {
	var last time.Time
	for _, c := range p.Containers {
		if c.Started.After(since) && c.Started.After(last) {
			last = c.Started
		}
	}
	return last
}

func kindRank(p StoryPod) int {
	if strings.HasPrefix(p.Workload, "DaemonSet/") {
		return 0
	}
	return 1
}

// fates counts pods by what became of them.
func (r StoryRun) fates() map[PodFate]int {
	all := map[PodFate]int{}
	for _, p := range r.Each {
		all[p.Fate]++
	}
	return all
}

// severity orders fates: of several runs the worst is what became of a pod.
var severity = []PodFate{PodUntouched, PodUnseen, PodNew, PodChanged, PodGone}

// fates counts the pods of all runs, each pod once.
func (s Story) fates() map[PodFate]int {
	worst := map[[2]string]PodFate{}
	for _, r := range s.Runs {
		for _, p := range r.Each {
			key := [2]string{r.Cluster, p.UID}
			if was, seen := worst[key]; !seen || slices.Index(severity, p.Fate) > slices.Index(severity, was) {
				worst[key] = p.Fate
			}
		}
	}
	all := map[PodFate]int{}
	for _, fate := range worst {
		all[fate]++
	}
	return all
}

// there is how many pods there were before.
func there(fates map[PodFate]int) int {
	n := 0
	for fate, count := range fates {
		if fate != PodNew {
			n += count
		}
	}
	return n
}

// fatesInWords is what became of pods, in a sentence.
func fatesInWords(sum map[PodFate]int) string {
	before := there(sum)
	if before == 0 {
		return "No pod of Cilium was recorded."
	}
	text := fmt.Sprintf("%d of %s of Cilium untouched", sum[PodUntouched], plural(before, "pod"))
	for _, fate := range []PodFate{PodChanged, PodGone, PodNew, PodUnseen} {
		if sum[fate] > 0 {
			text += fmt.Sprintf(", %d %s", sum[fate], fate)
		}
	}
	return text + "."
}
