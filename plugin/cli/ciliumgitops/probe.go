package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// probeFlags are those of verify that make pods.
type probeFlags struct {
	cli.Probe

	egress []string
	names  []string
}

func (p *probeFlags) add(flags *pflag.FlagSet) {
	p.AddFlags(flags, "Make short-lived pods that try the data path, and remove them again: see docs/probe.md")
	flags.StringSliceVar(&p.egress, "probe-egress", nil, "Also try to reach this place outside the cluster, HOST:PORT; repeatable")
	flags.StringSliceVar(&p.names, "probe-dns", nil, "Also try to resolve this name outside the cluster; repeatable")
}

// validate holds --probe to what makes sense with it. Its pods are a change of a cluster, if a short one.
func (p *probeFlags) validate(o *verifyOptions) error {
	if err := p.Check(); err != nil || !p.On {
		return err
	}
	switch {
	case len(o.from) > 0:
		return cli.Usage("--from judges what was recorded: --probe has no meaning with it; a recording made with --probe holds what it found")
	case o.wait > 0 || o.watch:
		return cli.Usage("--probe makes pods, which is nothing to repeat every moment: wait first (--wait, --watch), then probe")
	}
	for _, place := range p.egress {
		if host, port, err := net.SplitHostPort(place); err != nil || host == "" || port == "" || strings.Contains(place, "=") {
			return cli.Usage("--probe-egress: %q is not HOST:PORT", place)
		}
	}
	for _, name := range p.names {
		if name == "" || strings.ContainsAny(name, "= \t:/") {
			return cli.Usage("--probe-dns: %q is no name", name)
		}
	}
	return o.clusters.OnlyNamed()
}

// needed refuses a probe of which no check makes anything.
func (p *probeFlags) needed(checks []check.Check) error {
	judged := func(c check.Check) bool { return len(onProbe(c.Needs)) > 0 }
	if !p.On || slices.ContainsFunc(checks, judged) {
		return nil
	}
	var ids []string
	for _, c := range check.All() {
		if judged(c) {
			ids = append(ids, string(c.ID))
		}
	}
	return cli.Usage("--probe: none of the checks that --phase, --check and --skip leave needs it; these do: %s", strings.Join(ids, ", "))
}

// probes adds to what was seen of each cluster what a probe finds there, where one of the checks needs it.
func (o *verifyOptions) probes(ctx context.Context, all []facts.Facts, targets []cli.Target, checks []check.Check) error {
	var mu sync.Mutex // of what is said meanwhile
	left := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		asked := parts(checks)(t)
		if slices.Contains(asked, facts.Streaming) {
			decline(&all[i], facts.Streaming, facts.NoStreams)
		}
		wanted := onProbe(asked)
		if len(wanted) == 0 {
			continue
		}
		if !o.probe.On {
			for _, part := range wanted {
				decline(&all[i], part, facts.NoProbe)
			}
			continue
		}
		wg.Go(func() {
			left[i] = o.probeOne(ctx, &all[i], t, wanted, func(text string) {
				mu.Lock()
				defer mu.Unlock()
				fmt.Fprintf(o.env.ErrOut, "%s: %s\n", t.Name, text)
			})
		})
	}
	wg.Wait()
	if err := errors.Join(left...); err != nil && ctx.Err() != nil {
		return &cli.Exit{Code: cli.ExitRefused, Err: err} // interrupted, and yet something was changed
	}
	return nil
}

// decline notes that nobody asked to look at a part that is looked at on request alone.
func decline(f *facts.Facts, part facts.Part, choice string) {
	if f.Declined == nil {
		f.Declined = map[facts.Part]string{}
	}
	f.Declined[part] = choice
}

// onProbe are those of parts that are looked at with --probe alone.
func onProbe(parts []facts.Part) (all []facts.Part) {
	for _, part := range facts.OnProbe() {
		if slices.Contains(parts, part) {
			all = append(all, part)
		}
	}
	return all
}

// probeOne finds out those parts of a cluster; its error says what is left there.
func (o *verifyOptions) probeOne(ctx context.Context, f *facts.Facts, t cli.Target, wanted []facts.Part, tell func(string)) error {
	if why, dark := f.Blind[facts.Version]; dark {
		blind(f, why, wanted...)
		return nil
	}
	tell("probing " + t.Config.Host)
	cluster, err := act.Open(ctx, t.Config, act.Options{Expect: t.Expect, Context: t.Context, UserAgent: t.Config.UserAgent, Tell: tell})
	if err != nil {
		blind(f, err.Error(), wanted...)
		return nil
	}
	var fetching sync.WaitGroup
	var fetched []facts.Fetched
	why, unnamed := f.Blind[facts.Fetches]
	if slices.Contains(wanted, facts.Fetching) && !unnamed {
		fetching.Go(func() { fetched = cluster.Fetch(ctx, f.Live.Fetches, o.probe.Within) })
	}
	left := o.probePods(ctx, f, t, cluster, wanted)
	fetching.Wait()
	switch {
	case !slices.Contains(wanted, facts.Fetching):
	case unnamed:
		blind(f, why, facts.Fetching)
	default:
		f.Live.Fetching = fetched
		f.Seen = append(f.Seen, facts.Fetching)
	}
	slices.Sort(f.Seen)
	facts.Clean(f)
	return left
}

// blind notes why parts could not be seen.
func blind(f *facts.Facts, why string, parts ...facts.Part) {
	if f.Blind == nil {
		f.Blind = map[facts.Part]string{}
	}
	for _, part := range parts {
		f.Blind[part] = why
	}
}

// probePods finds out what takes a namespace of the probe's own; its error says that it is left.
func (o *verifyOptions) probePods(ctx context.Context, f *facts.Facts, t cli.Target, cluster *act.Cluster, wanted []facts.Part) error {
	wanted = slices.DeleteFunc(slices.Clone(wanted), func(p facts.Part) bool { return p == facts.Fetching })
	if len(wanted) == 0 {
		return nil
	}
	asked := o.probe.Probing()
	asked.Egress, asked.Names, asked.Parts = o.probe.egress, o.probe.names, wanted
	found, err := cluster.Probe(ctx, asked)
	f.Live.Probe, f.Live.Mirrored, f.Live.Issuance = found.Probe, found.Mirrored, found.Issuance
	for _, part := range wanted {
		why, dark := found.Blind[part]
		switch {
		case err != nil:
			blind(f, err.Error(), part)
		case dark:
			blind(f, why, part)
		default:
			f.Seen = append(f.Seen, part)
		}
	}
	if found.Left != "" {
		return fmt.Errorf("cluster %s: the probe left namespace %s", t.Name, facts.Text(found.Left))
	}
	return nil
}
