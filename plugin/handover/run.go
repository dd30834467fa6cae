package handover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// patience is how long a patient guard may fail, tick how long a step waits before it looks again though nothing
// happened, hurry the same after an error.
const (
	patience = 30 * time.Second
	tick     = 10 * time.Second
	hurry    = 2 * time.Second
	settling = 5 * time.Second // for how long at a time objects are waited for that are not watched
)

// Runner executes plans.
type Runner struct {
	World   World
	Journal Keeper
	Clock   Clock
	Tell    func(Event) // nil: nobody watches
	Tool    string      // "flux-handover/v1.2.3"
	Holder  string      // who runs it
}

// Begin is the journal of a run that is about to begin.
func (r *Runner) Begin(p *Plan, id string) *Journal {
	j := &Journal{
		APIVersion: facts.APIVersion, Kind: JournalKind, Name: p.Name, Run: id, Tool: r.Tool, Holder: r.Holder, Cluster: p.Cluster,
		Context: p.Context, UID: p.UID, Strategy: p.Strategy, Phase: Running, Began: r.Clock.Now().UTC(), Digest: p.Digest,
		Tree: p.World.Tree, World: p.World.kept(), Revision: p.World.Revision, Accepted: p.Accepted,
	}
	if p.Name != HandoverName {
		kept := *p
		kept.World = p.World.kept()
		j.Plan = &kept
	}
	for _, s := range slices.Concat(p.Steps, p.Undo) {
		j.Steps = append(j.Steps, StepRecord{ID: s.ID, Title: s.Title})
		for _, a := range s.Do {
			for _, o := range a.Objects {
				if !slices.Contains(j.Objects, o) {
					j.Objects = append(j.Objects, o)
				}
			}
		}
	}
	return j
}

// Run executes a plan by its journal, which Begin made or Keeper loaded: steps that have ended are not taken again. Its
// error is a *Stop. The journal is up to date when it returns, as far as it could be written.
func (r *Runner) Run(ctx context.Context, p *Plan, j *Journal) error {
	if err := r.resume(ctx, p, j); err != nil {
		return err
	}
	if s, err := r.steps(ctx, p, j, p.Steps); err != nil {
		return r.stop(ctx, p, j, s, err)
	}
	j.Phase, j.Ended, j.Stop = Finished, r.Clock.Now().UTC(), ""
	if p.Name == RollbackName {
		j.Phase = RolledBack
	}
	if err := r.save(ctx, j); err != nil {
		return r.stop(ctx, p, j, &p.Steps[len(p.Steps)-1], err)
	}
	r.tell(j, nil, Event{Kind: Done, Text: ends[p.Name]})
	return nil
}

// ends is how a run that came to its end is told of.
var ends = map[string]string{HandoverName: "Cilium is Flux's", RollbackName: "Cilium is the bootstrap's"}

// steps takes those that have not ended, and says at which one it stopped.
func (r *Runner) steps(ctx context.Context, p *Plan, j *Journal, steps []Step) (*Step, error) {
	for i := range steps {
		s := &steps[i]
		rec := j.Step(s.ID)
		if rec == nil || !rec.Ended.IsZero() {
			continue
		}
		if err := r.step(ctx, p, j, s, rec); err != nil {
			return s, err
		}
	}
	return nil, nil
}

// step takes one step, or what is left of it.
func (r *Runner) step(ctx context.Context, p *Plan, j *Journal, s *Step, rec *StepRecord) error {
	r.tell(j, s, Event{Kind: Began})
	if rec.Began.IsZero() {
		rec.Began = r.Clock.Now().UTC()
		if err := r.save(ctx, j); err != nil {
			return err
		}
	}
	deadline := r.Clock.Now().Add(s.Within)
	if rec.Begun == 0 {
		first := *s
		first.Until, first.For = s.Once, 0
		if err := r.wait(ctx, p, j, &first, rec, deadline); err != nil {
			return err
		}
	}
	if err := r.before(ctx, p, j, s, rec, deadline); err != nil {
		return err
	}
	if s.ID == StepBackup {
		if err := r.backup(ctx, p, j, rec); err != nil {
			return err
		}
	}
	for i := rec.Taken; i < len(s.Do); i++ {
		var err error
		if deadline, err = r.bind(ctx, p, j, s, s.Do[i], deadline); err != nil {
			return err
		}
		if err := r.act(ctx, j, s, rec, i, deadline); err != nil {
			return err
		}
	}
	if err := r.settle(ctx, p, j, s, deadline); err != nil {
		return err
	}
	if err := r.wait(ctx, p, j, s, rec, deadline); err != nil {
		return err
	}
	rec.Ended = r.Clock.Now().UTC()
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.tell(j, s, Event{Kind: Ended, Text: rec.Text, Elapsed: rec.Ended.Sub(rec.Began)})
	return nil
}

// act writes one action down, takes it, and writes down that it was taken.
func (r *Runner) act(ctx context.Context, j *Journal, s *Step, rec *StepRecord, i int, deadline time.Time) error {
	a := s.Do[i]
	if err := r.image(ctx, j, a, deadline); err != nil {
		return err
	}
	rec.Begun = i + 1
	if err := r.save(ctx, j); err != nil {
		return err
	}
	if a.Verb == GiveBack {
		a.Was = j.before(a.Ref)
	}
	if a.Verb == Date && j.Base != nil {
		a.Since = j.Base.Config
	}
	r.tell(j, s, Event{Kind: Doing, Text: a.words()})
	for {
		err := r.World.Do(ctx, a)
		if err == nil {
			break
		}
		if err := r.again(ctx, deadline, a.words(), err); err != nil {
			return err
		}
	}
	rec.Taken = i + 1
	return r.save(ctx, j)
}

// image keeps what an object was before the run first wrote to it.
func (r *Runner) image(ctx context.Context, j *Journal, a Action, deadline time.Time) error {
	if a.Ref == (Ref{}) || slices.ContainsFunc(j.Before, func(b BeforeImage) bool { return b.Ref == a.Ref }) {
		return nil
	}
	for {
		raw, err := r.World.Image(ctx, a.Ref)
		if err == nil {
			image := imageOf(a.Ref, raw)
			if a.Verb == Patch {
				image.keepOwners(raw)
			}
			j.Before = append(j.Before, image)
			return nil
		}
		if err := r.again(ctx, deadline, "get "+a.Ref.String(), err); err != nil {
			return err
		}
	}
}

// backup keeps what going back needs, and how things are.
func (r *Runner) backup(ctx context.Context, p *Plan, j *Journal, rec *StepRecord) error {
	if j.Base != nil && j.Backup != "" {
		return nil
	}
	f, err := r.observe(ctx, p, BaseParts())
	if err != nil {
		return r.failed("see the cluster", err)
	}
	if err := blindness(f); err != nil {
		return r.failed("see the cluster", err)
	}
	if ok, why := sameWorld(p, j, f); !ok {
		return &Stop{Kind: StopWorld, Reason: why}
	}
	base := memo(f.Live)
	if err := r.room(j, base); err != nil {
		return err
	}
	where, err := r.World.Backup(ctx)
	if err != nil {
		return r.failed("back up", err)
	}
	j.Base, j.Backup = base, where
	if f.Live.Release != nil {
		j.Method = f.Live.Release.ApplyMethod
	}
	rec.Text = fmt.Sprintf("%d pods, revision %d, backup in %s", len(ciliumPods(f)), j.Revision, where)
	return r.save(ctx, j)
}

// room stops a run whose journal could not be kept to its end, before anything is placed.
func (r *Runner) room(j *Journal, base *facts.Live) error {
	roomy, ok := r.Journal.(Roomy)
	if !ok {
		return nil
	}
	later := *j
	later.Base = base
	if err := roomy.Room(&later); err != nil {
		return &Stop{Kind: StopError, Reason: "the journal of this run could not be kept to its end: " + err.Error(), Err: err}
	}
	return nil
}

// again waits before something is tried once more, or gives up.
func (r *Runner) again(ctx context.Context, deadline time.Time, what string, err error) error {
	if ctx.Err() != nil || errors.Is(err, ErrLost) || !r.Clock.Now().Before(deadline) {
		return r.failed(what, err)
	}
	if waited := r.World.Changed(ctx, hurry); ctx.Err() != nil {
		return r.failed(what, errors.Join(err, waited))
	}
	return nil
}

func (r *Runner) failed(what string, err error) error {
	return &Stop{Kind: StopError, Reason: what + ": " + strings.Join(strings.Split(err.Error(), "\n"), "; "), Err: err}
}

func (r *Runner) save(ctx context.Context, j *Journal) error {
	if err := r.Journal.Save(ctx, j); err != nil {
		return r.failed("keep the journal", err)
	}
	return nil
}

func (r *Runner) tell(j *Journal, s *Step, e Event) {
	if r.Tell == nil {
		return
	}
	e.Time, e.Cluster = r.Clock.Now().UTC(), j.Cluster
	if s != nil {
		e.Step, e.Title = s.ID, s.Title
	}
	r.Tell(e)
}
