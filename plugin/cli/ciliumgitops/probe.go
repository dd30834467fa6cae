package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/pflag"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// image is where this project's image is to be had: its entry point is kubectl-cilium_gitops.
const image = "ghcr.io/cilium-gitops/cilium-gitops"

// probeFlags are those of verify that make pods.
type probeFlags struct {
	on     bool
	image  string
	nodes  int
	egress []string
	names  []string
	within time.Duration
}

func (p *probeFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&p.on, "probe", false, "Make short-lived pods that try the data path, and remove them again: see docs/probe.md")
	flags.StringVar(&p.image, "probe-image", "", "Image of these pods, with kubectl-cilium_gitops as its entry point (default: "+image+" of this version)")
	flags.IntVar(&p.nodes, "probe-nodes", 10, "On how many nodes at most")
	flags.StringSliceVar(&p.egress, "probe-egress", nil, "Also try to reach this place outside the cluster, HOST:PORT; repeatable")
	flags.StringSliceVar(&p.names, "probe-dns", nil, "Also try to resolve this name outside the cluster; repeatable")
	flags.DurationVar(&p.within, "probe-timeout", 2*time.Minute, "How long to wait for these pods")
}

// given are the flags that have a meaning with --probe alone, and were given.
func (p *probeFlags) given(flags *pflag.FlagSet) (names []string) {
	flags.Visit(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "probe-") {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

// validate holds --probe to what makes sense with it. Its pods are a change of a cluster, if a short one.
func (p *probeFlags) validate(o *verifyOptions) error {
	switch given := p.given(o.flags); {
	case !p.on && len(given) > 0:
		return cli.Usage("%s has no meaning without --probe", strings.Join(given, ", "))
	case !p.on:
		return nil
	case len(o.from) > 0:
		return cli.Usage("--from judges what was recorded: --probe has no meaning with it; a recording made with --probe holds what it found")
	case o.wait > 0 || o.watch:
		return cli.Usage("--probe makes pods, which is nothing to repeat every moment: wait first (--wait, --watch), then probe")
	case p.nodes < 1:
		return cli.Usage("--probe-nodes: %d is no number of nodes", p.nodes)
	case p.within < 10*time.Second:
		return cli.Usage("--probe-timeout: %s is no time to wait for pods; give 10s or more", p.within)
	case p.image != "" && strings.ContainsAny(p.image, " \t\n"):
		return cli.Usage("--probe-image: %q is no image", p.image)
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
	judged := func(c check.Check) bool { return slices.Contains(c.Needs, facts.Probing) }
	if !p.on || slices.ContainsFunc(checks, judged) {
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

// probeImage is the image of a version: the one that was released with it, else the last one.
func probeImage(version string) string {
	if v, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err == nil && v.Prerelease() == "" && v.Metadata() == "" {
		return image + ":v" + v.String()
	}
	return image + ":latest"
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
		if !slices.Contains(asked, facts.Probing) {
			continue
		}
		if !o.probe.on {
			decline(&all[i], facts.Probing, facts.NoProbe)
			continue
		}
		wg.Go(func() {
			left[i] = o.probeOne(ctx, &all[i], t, func(text string) {
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

// probeOne probes a cluster; its error says what is left there.
func (o *verifyOptions) probeOne(ctx context.Context, f *facts.Facts, t cli.Target, tell func(string)) error {
	blind := func(why string) {
		if f.Blind == nil {
			f.Blind = map[facts.Part]string{}
		}
		f.Blind[facts.Probing] = why
	}
	if why, dark := f.Blind[facts.Version]; dark {
		blind(why)
		return nil
	}
	name := o.probe.image
	if name == "" {
		name = probeImage(cli.Build("").Version)
	}
	tell("probing " + t.Config.Host)
	cluster, err := act.Open(ctx, t.Config, act.Options{Expect: t.Expect, Context: t.Context, UserAgent: t.Config.UserAgent, Tell: tell})
	if err != nil {
		blind(err.Error())
		return nil
	}
	found, err := cluster.Probe(ctx, act.Probing{
		Image: name, Nodes: o.probe.nodes, Egress: o.probe.egress, Names: o.probe.names, Within: o.probe.within,
	})
	f.Live.Probe = found
	if err != nil {
		blind(err.Error())
	} else {
		f.Seen = append(f.Seen, facts.Probing)
		slices.Sort(f.Seen)
	}
	facts.Clean(f)
	if found.Left != "" {
		return fmt.Errorf("cluster %s: the probe left namespace %s", t.Name, facts.Text(found.Left))
	}
	return nil
}
