package handover

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// JournalKind heads a journal's document.
const JournalKind = "Journal"

// Journal is what a run has done to one cluster, and is about to do. It is written before anything is done, on disk and
// in the cluster, and holds nothing secret: of what is applied it has digests.
type Journal struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`

	Name     string   `json:"name"` // the plan's
	Run      string   `json:"run"`  // names the run: "20261122T091200Z-4f1c"
	Tool     string   `json:"tool,omitempty"`
	Cluster  string   `json:"cluster"`
	Context  string   `json:"context,omitempty"`
	UID      string   `json:"uid"` // of Namespace kube-system
	Holder   string   `json:"holder,omitempty"`
	Strategy Strategy `json:"strategy"`
	Phase    RunPhase `json:"phase"`
	// Count grows each time that the journal is kept, and from one run to the next: by it, and by no clock, it is known
	// which of two journals is the later one. 0: kept by a tool of before it was counted.
	Count int64     `json:"count,omitempty"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	// Stop says why the run stopped.
	Stop string `json:"stop,omitempty"`
	// Digest is the plan's: a run that goes on has to have the same.
	Digest string       `json:"digest"`
	Tree   string       `json:"tree,omitempty"` // the commit of the working tree
	Backup string       `json:"backup,omitempty"`
	Steps  []StepRecord `json:"steps"`
	// World is the one that was planned for, Objects those of which the last step hands the fields over.
	World   State `json:"world"`
	Objects []Ref `json:"objects,omitempty"`
	// Accepted is the plan's.
	Accepted []string `json:"accepted,omitempty"`
	// Plan is the whole plan of what is not a handover, to go on with: nothing of it can hold a secret.
	Plan *Plan `json:"plan,omitempty"`
	// Frozen are the objects that were suspended when the run stopped, and that going on lets go.
	Frozen []Ref `json:"frozen,omitempty"`
	// Renewed are the times that the run was gone on with before its adoption had begun.
	Renewed []Renewal `json:"renewed,omitempty"`
	// Before is what the run's objects were before it: enough to go back.
	Before []BeforeImage `json:"before,omitempty"`
	// Origin is, of a rollback, the Before of the handover that it undoes; Owed are the Kustomizations that this handover
	// suspended when it stopped, and that have not been let go since.
	Origin []BeforeImage `json:"origin,omitempty"`
	Owed   []Ref         `json:"owed,omitempty"`
	// Revision is of Helm's newest record before the run, Method how it was applied.
	Revision int    `json:"revision"`
	Method   string `json:"method,omitempty"`
	// Base is what the cluster said before: pods and workloads.
	Base *facts.Live `json:"base,omitempty"`
	// Proof is what it said at the end.
	Proof *facts.Live `json:"proof,omitempty"`
	// Seen are the changes of pods that were seen meanwhile.
	Seen []PodEvent `json:"seen,omitempty"`
	// Streams is what became of connections between pods meanwhile; nil where nobody measured.
	Streams *facts.Streams `json:"streams,omitempty"`
	// Result is what a drill came to, Until when it should have been undone at the latest.
	Result *facts.DrillResult `json:"result,omitempty"`
	Until  time.Time          `json:"until,omitzero"`
}

// RunPhase is how far a run is.
type RunPhase string

// The phases of a run.
const (
	Running    RunPhase = "running"
	Frozen     RunPhase = "stopped" // by a guard or an error: nothing goes on by itself
	Finished   RunPhase = "finished"
	RolledBack RunPhase = "rolled-back"
	Undoing    RunPhase = "undoing" // a drill puts everything back
)

// StepRecord is how far a step is.
type StepRecord struct {
	ID    string    `json:"id"`
	Title string    `json:"title"`
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// Begun and Taken count its actions: written down, and known to be taken.
	Begun int    `json:"begun,omitempty"`
	Taken int    `json:"taken,omitempty"`
	Text  string `json:"text,omitempty"`
}

// BeforeImage is what an object was before the run wrote to it.
type BeforeImage struct {
	Ref     Ref    `json:"ref"`
	Existed bool   `json:"existed"`
	UID     string `json:"uid,omitempty"`
	Suspend bool   `json:"suspend,omitempty"`
	Digest  string `json:"digest,omitempty"` // of its spec
	// Owners and Content are kept of what is patched: the managed fields, and the ContentDigest to which they belong.
	Owners  json.RawMessage `json:"owners,omitempty"`
	Content string          `json:"content,omitempty"`
}

// PodEvent is a change of one of Cilium's pods.
type PodEvent struct {
	Time time.Time `json:"time"`
	Pod  string    `json:"pod"`
	Text string    `json:"text"` // "replaced by ...", "container cilium-agent restarted", "not ready"
}

// Unfinished tells whether the run may have written something, and neither ended nor been undone. One that has written
// nothing is begun anew.
func (j *Journal) Unfinished() bool {
	return j != nil && (j.Phase == Running || j.Phase == Frozen || j.Phase == Undoing) && j.Changed()
}

// Changed tells whether the run may have written anything but its own lock and journal.
func (j *Journal) Changed() bool {
	return slices.ContainsFunc(j.Steps, func(s StepRecord) bool { return s.Begun > 0 })
}

// Adopting tells whether the HelmRelease may have been let go.
func (j *Journal) Adopting() bool {
	s := j.Step(StepAdopt)
	return s != nil && s.Begun > 0
}

// Step finds the record of a step; nil where the journal has none.
func (j *Journal) Step(id string) *StepRecord {
	for i := range j.Steps {
		if j.Steps[i].ID == id {
			return &j.Steps[i]
		}
	}
	return nil
}
