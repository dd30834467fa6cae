package handover

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// World is one cluster as a Runner reaches it. Tests keep theirs in memory.
type World interface {
	// Observe looks at those parts. What could not be seen is in the facts' Blind and no error.
	Observe(ctx context.Context, parts []facts.Part) (facts.Facts, error)
	// Image is an object as it is; nil where it does not exist.
	Image(ctx context.Context, ref Ref) (json.RawMessage, error)
	// Do takes an action. Taken again it changes nothing more. An error that wraps ErrConflict says that the object is
	// not as the action wants it; any other may mean that it was taken and its answer lost.
	Do(ctx context.Context, a Action) error
	// Changed returns when a pod of Cilium's or the HelmRelease may have changed since it was last called, or after
	// that long. It misses nothing: what happens between two calls makes the second return at once.
	Changed(ctx context.Context, atMost time.Duration) error
	// Settle returns when all of refs are current, as kstatus has it, or with an error that names those that are not.
	Settle(ctx context.Context, refs []Ref, within time.Duration) error
	// Backup keeps what going back needs, outside the cluster, and says where.
	Backup(ctx context.Context) (string, error)
}

// ErrConflict: an object is not what an action was planned for.
var ErrConflict = errors.New("the object has changed since the plan")

// ErrLost: the lock is no longer ours, or somebody else writes the journal.
var ErrLost = errors.New("another handover has the lock")

// Keeper keeps the journal, so that it outlives the process. Save returns when the journal is safe: on disk, synced,
// and in the cluster.
type Keeper interface {
	// Load is the journal of the cluster's last run; nil where there was none.
	Load(ctx context.Context) (*Journal, error)
	// Save keeps j. An error that wraps ErrLost says that somebody else has written meanwhile.
	Save(ctx context.Context, j *Journal) error
}

// Roomy is a Keeper that knows how large a journal may become.
type Roomy interface {
	// Room is an error where the journal of a run with j's baseline could not be kept to its end.
	Room(j *Journal) error
}

// Clock tells the time. Waiting is World's.
type Clock interface{ Now() time.Time }

// EventKind is what an Event tells of.
type EventKind string

// The kinds of events.
const (
	Began   EventKind = "began"   // a step begins
	Doing   EventKind = "doing"   // an action is about to be taken
	Waiting EventKind = "waiting" // a step waits, and for what
	Ended   EventKind = "ended"   // a step is over
	Stopped EventKind = "stopped" // a guard, a time limit or an error stopped the run
	Froze   EventKind = "froze"   // Flux's objects are suspended, and that was seen
	Done    EventKind = "done"    // the cluster's run is over
)

// Event is one thing that happens in a run, for whoever watches.
type Event struct {
	Time    time.Time `json:"time"`
	Cluster string    `json:"cluster"`
	Step    string    `json:"step,omitempty"`
	Title   string    `json:"title,omitempty"`
	Kind    EventKind `json:"kind"`
	// Text is the event in words: what was found, what is waited for, why it stopped.
	Text string `json:"text,omitempty"`
	// Pods and Untouched are Cilium's pods, and those of them that are as they were at the baseline.
	Pods      int           `json:"pods,omitempty"`
	Untouched int           `json:"untouched,omitempty"`
	Elapsed   time.Duration `json:"elapsed,omitempty"`
}
