package fluxhandover

import (
	"context"
	"errors"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// local keeps journals on this machine.
type local interface {
	handover.Keeper
	// Of is the journal of that run; nil where there is none.
	Of(ctx context.Context, run string) (*handover.Journal, error)
}

// both keeps a journal on this machine first, then in the cluster, so that a run can be gone on with here when the
// cluster was lost, and elsewhere when this machine was.
type both struct {
	here  local
	there handover.Keeper
	// stale is told of a run of this machine that did not come to its end, and is not the cluster's; nil: nobody is.
	stale func(here, there *handover.Journal)

	count  int64 // how far the journal counts that was last loaded
	counts bool  // a journal was saved since
	said   bool
}

// turn is how much further a journal counts when somebody takes it up: more than anybody counts who could not tell the
// cluster any more.
const turn = 1000

// keep is a cluster's keeper. A run of this machine that is not the cluster's is told of, and where its journal is.
func keep(env *cli.Env, cluster string, here *files, there handover.Keeper) *both {
	return &both{here: here, there: there, stale: func(is, other *handover.Journal) {
		env.Say("cluster %s: run %s of this machine did not come to its end, and is not the cluster's: that is %s (%s); "+
			"its journal is left alone: %s",
			cluster, is.Run, other.Run, other.Phase, here.state.run(is.Cluster, is.Run))
	}}
}

// Load is the cluster's journal, unless the cluster has none: what this machine knows of another run is older, or never
// came about. Of the cluster's run, the one that counts further is known.
func (k *both) Load(ctx context.Context) (*handover.Journal, error) {
	here, err := k.here.Load(ctx)
	if err != nil {
		return nil, err
	}
	there, err := k.there.Load(ctx)
	if err != nil {
		return nil, err
	}
	j := there
	switch {
	case there == nil || here != nil && there.UID != here.UID:
		if here != nil {
			j = here
		}
	case here != nil:
		same, err := k.here.Of(ctx, there.Run)
		if err != nil {
			return nil, err
		}
		if same != nil && further(same, there) {
			j = same
		}
		if here.Run != there.Run && here.Unfinished() && !k.said && k.stale != nil {
			k.said = true
			k.stale(here, there)
		}
	}
	k.counts, k.count = false, 0
	if j != nil {
		k.count = j.Count
	}
	return j, nil
}

// Save keeps j in both.
func (k *both) Save(ctx context.Context, j *handover.Journal) error {
	if !k.counts {
		j.Count, k.counts = max(j.Count, k.count)+turn, true
	}
	j.Count++
	if err := k.here.Save(ctx, j); err != nil {
		return err
	}
	return k.there.Save(ctx, j)
}

// Room tells whether a journal can be kept to the end of its run, here and there.
func (k *both) Room(j *handover.Journal) error {
	var all []error
	for _, keeper := range []handover.Keeper{k.here, k.there} {
		if roomy, ok := keeper.(handover.Roomy); ok {
			all = append(all, roomy.Room(j))
		}
	}
	return errors.Join(all...)
}

// further tells whether a knows more of a run than b does. Journals of before there was a count are compared by what is in
// them.
func further(a, b *handover.Journal) bool {
	if a.Count != b.Count {
		return a.Count > b.Count
	}
	return a.Count == 0 && progress(a) > progress(b)
}

// older tells whether run a came before run b, as far as their journals say: by count, and without any by their clocks.
func older(a, b *handover.Journal) bool {
	if a.Count != b.Count {
		return a.Count < b.Count
	}
	return a.Began.Before(b.Began)
}

// progress grows with each entry of a journal.
func progress(j *handover.Journal) int {
	n := len(j.Before) + len(j.Seen)
	for _, s := range j.Steps {
		n += s.Begun + s.Taken
		if !s.Began.IsZero() {
			n++
		}
		if !s.Ended.IsZero() {
			n++
		}
	}
	if j.Backup != "" {
		n++
	}
	if j.Phase == handover.Finished || j.Phase == handover.RolledBack {
		n += 1000 // nothing comes after the end
	}
	return n
}
