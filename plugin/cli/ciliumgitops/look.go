package ciliumgitops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// lookAgain is how long to wait between two looks.
const lookAgain = 2 * time.Second

// looker is how facts are had: from recordings, or from the clusters anew each time.
func (o *verifyOptions) looker(checks []check.Check) (func(context.Context) ([]facts.Facts, error), error) {
	before, err := o.before()
	if err != nil {
		return nil, err
	}
	if len(o.from) > 0 {
		all, err := o.clusters.Recordings(o.env, o.from)
		if err == nil {
			unprobed(all)
			err = o.compare(all, before)
		}
		return func(context.Context) ([]facts.Facts, error) { return all, nil }, err
	}
	if err := o.probe.needed(checks); err != nil {
		return nil, err
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]facts.Facts, error) {
		all, err := o.gather(ctx, targets, checks)
		return all, errors.Join(err, o.compare(all, before))
	}, nil
}

// unprobed notes of recordings that hold no probe that nobody asked for one: that needs no recording anew.
func unprobed(all []facts.Facts) {
	for i := range all {
		f := &all[i]
		choices := map[facts.Part]string{facts.Streaming: facts.NoStreams}
		for _, part := range facts.OnProbe() {
			choices[part] = facts.NoProbe
		}
		for part, choice := range choices {
			if _, blind := f.Blind[part]; !blind && !slices.Contains(f.Seen, part) {
				decline(f, part, choice)
			}
		}
	}
}

// before reads the baseline.
func (o *verifyOptions) before() ([]facts.Facts, error) {
	if o.baseline == "" {
		return nil, nil
	}
	return cli.Recordings(o.env, []string{o.baseline})
}

// compared are the parts that checks compare with the baseline's: a recording without them would look like a cluster
// that had none.
var compared = []facts.Part{facts.Pods, facts.DaemonSets, facts.Deployments, facts.Nodes, facts.Config}

// compare gives each cluster what it said before. A baseline of other clusters is no baseline.
func (o *verifyOptions) compare(all, before []facts.Facts) error {
	if o.baseline == "" {
		return nil
	}
	for i := range all {
		at := slices.IndexFunc(before, func(b facts.Facts) bool { return b.Cluster == all[i].Cluster })
		if at < 0 {
			return cli.Usage("--baseline: %s has nothing of cluster %s; keep one: %s verify --context %s --record FILE",
				o.baseline, all[i].Cluster, o.env.Name, all[i].Cluster)
		}
		was, is := before[at].Live.UID, all[i].Live.UID
		if was != "" && is != "" && was != is {
			return cli.Usage("--baseline: %s is of another cluster %s: its kube-system has UID %s, not %s", o.baseline, all[i].Cluster, was, is)
		}
		for _, part := range compared {
			if !slices.Contains(before[at].Seen, part) {
				return cli.Usage("--baseline: %s does not hold the %s of cluster %s; keep one that does: %s verify --context %s --record FILE",
					o.baseline, part, all[i].Cluster, o.env.Name, all[i].Cluster)
			}
		}
		all[i].Base = &before[at].Live
	}
	return nil
}

// parts are what those checks need of a cluster.
func parts(checks []check.Check) func(cli.Target) []facts.Part {
	return func(t cli.Target) []facts.Part { return check.Needs(checks, t.Expect.Features) }
}

// gather looks at every cluster at once, and at the working tree where there is one.
func (o *verifyOptions) gather(ctx context.Context, targets []cli.Target, checks []check.Check) ([]facts.Facts, error) {
	all := o.clusters.Gather(ctx, o.env, targets, o.noExec, parts(checks))
	if err := o.probes(ctx, all, targets, checks); err != nil {
		return nil, err
	}
	return all, o.clusters.AddTrees(ctx, all, targets, parts(checks))
}

// until looks, judges and prints: once, or with --wait and --watch until all is well or the time is up.
func (o *verifyOptions) until(ctx context.Context, checks []check.Check, look func(context.Context) ([]facts.Facts, error)) error {
	deadline := o.env.Now().Add(o.wait)
	var shown []byte
	for {
		all, err := look(ctx)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		a := o.judge(all, checks)
		over := o.good(a) || !o.env.Now().Add(lookAgain).Before(deadline)
		if o.watch && o.wait == 0 {
			over = o.good(a)
		}
		if !o.watch && o.wait == 0 {
			over = true
		}
		if over {
			return o.finish(a, checks, shown)
		}
		if o.watch {
			if shown = o.redraw(a, checks, shown); shown == nil {
				return nil
			}
		}
		if err := o.env.Sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}

// redraw shows an answer that differs from the one shown, and returns the one that now is; nil when nobody reads.
func (o *verifyOptions) redraw(a answer, checks []check.Check, shown []byte) []byte {
	now := fingerprint(a)
	if bytes.Equal(now, shown) {
		return shown
	}
	if o.env.Width(o.env.Out) > 0 {
		fmt.Fprint(o.env.Out, "\x1b[H\x1b[2J")
	}
	if o.out.Print(o.env, report.NewVerification(a.facts, a.verdicts, checks)) != nil {
		return nil
	}
	return now
}

// fingerprint is what of an answer is worth showing again when it changes: the verdicts, not the times in them.
func fingerprint(a answer) []byte {
	type row struct {
		ID, Cluster string
		Outcome     check.Outcome
		Evidence    []check.Evidence
	}
	var rows []row
	for _, v := range a.verdicts {
		r := row{ID: string(v.Check), Cluster: v.Cluster, Outcome: v.Outcome}
		if v.Outcome > check.Skip {
			r.Evidence = v.Evidence
		}
		rows = append(rows, r)
	}
	out, _ := json.Marshal(rows)
	return out
}

// finish prints the last answer, keeps what is to be kept, and gives the exit code.
func (o *verifyOptions) finish(a answer, checks []check.Check, shown []byte) error {
	doc := report.NewVerification(a.facts, a.verdicts, checks)
	if o.record != "" {
		if err := record(o.record, a.facts); err != nil {
			return cli.Usage("keep what was seen: %w", err)
		}
	}
	if err := o.out.Save(doc); err != nil {
		return err
	}
	if !bytes.Equal(fingerprint(a), shown) {
		if len(shown) > 0 && o.env.Width(o.env.Out) > 0 {
			fmt.Fprint(o.env.Out, "\x1b[H\x1b[2J")
		}
		if err := o.out.Print(o.env, doc); err != nil {
			return err
		}
	}
	return cli.ForOutcome(a.worst(), o.failOutcome())
}

// record writes recordings whole or not at all.
func record(path string, all []facts.Facts) error {
	var out bytes.Buffer
	if err := facts.Write(&out, all); err != nil {
		return err
	}
	return report.Replace(path, out.Bytes(), 0o600)
}
