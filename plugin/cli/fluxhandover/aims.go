package fluxhandover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// aims are the flags that say what a handover is to do, the same for planning and for running it.
type aims struct {
	env      *cli.Env
	clusters *cli.Clusters
	cmd      *cobra.Command
	strategy string
	soak     time.Duration
	allow    []string
	// reach is how a cluster that may be changed is had, look how it is looked at; tests have their own.
	reach reach
	look  func(context.Context, []cli.Target) ([]handover.Input, error)
}

func newAims(env *cli.Env) aims {
	return aims{env: env, clusters: cli.NewClusters(), soak: handover.DefaultSoak, reach: reachCluster}
}

func (a *aims) addFlags(cmd *cobra.Command) {
	a.cmd = cmd
	flags := cmd.Flags()
	a.clusters.AddFlags(flags)
	flags.StringVar(&a.strategy, "strategy", "", "How Cilium comes under Flux, one of: "+strings.Join(strategies(), ", ")+" (default: the gentlest that is possible)")
	flags.DurationVar(&a.soak, "soak", a.soak, "How long a cluster is watched after its adoption, before the next one begins")
	flags.StringSliceVar(&a.allow, "allow-restart", nil, "Accept what the adoption does to this object, a restart of its pods too: KIND/NAME, such as DaemonSet/cilium; repeatable")
	a.clusters.Complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(strategies(), cobra.ShellCompDirectiveNoFileComp))
}

func strategies() []string {
	var names []string
	for _, s := range handover.Strategies() {
		names = append(names, string(s))
	}
	return names
}

func (a *aims) validate() error {
	switch {
	case a.strategy != "" && !slices.Contains(strategies(), a.strategy):
		return cli.Usage("--strategy: %q is not one of %s", a.strategy, strings.Join(strategies(), ", "))
	case a.soak < 0:
		return cli.Usage("--soak: %s is negative", a.soak)
	case a.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", a.clusters.Timeout)
	}
	for _, name := range a.allow {
		if kind, object, ok := strings.Cut(name, "/"); !ok || kind == "" || object == "" {
			return cli.Usage("--allow-restart: %q is not KIND/NAME, such as DaemonSet/cilium", name)
		}
	}
	return nil
}

// command is how this program is called for those clusters, with what else the user gave that matters.
func (a *aims) command(verb string, targets []cli.Target, more ...string) string {
	words := []string{verb}
	var names []string
	for _, t := range targets {
		words = append(words, "--context", t.Context)
		names = append(names, t.Name)
	}
	if len(targets) > 1 && verb == "run" {
		words = append(words, "--sequence", strings.Join(names, ","))
	}
	keep := []string{"kubeconfig", "namespace", "fleet", "as", "as-group", "as-uid"}
	if verb == "run" {
		keep = append(keep, append(probeNames(), "repo", "strategy", "soak", "allow-restart", "on-failure")...)
	}
	words = append(words, cli.Typed(a.cmd.Flags(), keep...)...)
	return cli.Shell(a.env.Name, append(words, more...)...)
}

// inputs are what plans of those clusters are made from: what the cluster says, what the working tree says, and what
// Flux would apply. What could not be seen is in the facts' Blind.
func (a *aims) inputs(ctx context.Context, targets []cli.Target) ([]handover.Input, error) {
	parts := func(t cli.Target) []facts.Part { return handover.Parts(t.Expect.Features) }
	all := a.clusters.Gather(ctx, a.env, targets, false, parts)
	trees, err := a.clusters.Trees(ctx, all, targets, parts)
	if err != nil {
		return nil, err
	}
	a.clusters.Compare(ctx, trees)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	helmfile, err := a.helmfile()
	if err != nil {
		return nil, err
	}
	inputs := make([]handover.Input, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		in := &inputs[i]
		*in = handover.Input{Facts: all[i], Strategy: handover.Strategy(a.strategy), Allow: a.allow, Soak: a.soak, Helmfile: helmfile}
		if trees[i] == nil {
			in.Unrendered = "the working tree has nothing for this cluster"
			continue
		}
		in.HelmRelease, in.Source, in.Kustomization = objectsOf(trees[i])
		if why, blind := all[i].Blind[facts.Pods]; blind {
			in.Unrendered = "the cluster could not be seen: " + why
			continue
		}
		wg.Go(func() {
			rendered, err := a.clusters.Render(ctx, t, trees[i])
			in.HelmRelease, in.Source, in.Kustomization = objectsOf(trees[i]) // with what the cluster told of their variables
			if err != nil {
				in.Unrendered = err.Error()
				return
			}
			in.Facts.Rendered = rendered
			facts.Clean(&in.Facts)
		})
	}
	wg.Wait()
	return inputs, ctx.Err()
}

// helmfile is the fleet's bootstrap in the working tree; empty where it is not there.
func (a *aims) helmfile() (string, error) {
	f, _, err := a.clusters.Fleet()
	if err != nil || f.Bootstrap.Helmfile == "" {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(a.clusters.Repo(), filepath.FromSlash(f.Bootstrap.Helmfile))); err != nil {
		return "", nil
	}
	return f.Bootstrap.Helmfile, nil
}

// objectsOf are those of the tree that bring Cilium about; nil where it has none.
func objectsOf(tree *repo.Cluster) (release, source, kustomization *handover.Object) {
	hr := tree.Facts().Cilium()
	if hr == nil {
		return nil, nil, nil
	}
	release = object(tree.Release())
	if s := hr.Chart.Source; s != nil {
		source = object(tree.Object(s.Kind, s.Namespace, s.Name))
	}
	if namespace, name, ok := strings.Cut(hr.By, "/"); ok {
		kustomization = object(tree.Object("Kustomization", namespace, name))
	}
	return release, source, kustomization
}

func object(o *repo.Object) *handover.Object {
	if o == nil {
		return nil
	}
	ref := handover.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
	return &handover.Object{Ref: ref, Body: o.Body, By: o.By}
}

// allowed asks each cluster whether a ready plan may be carried out, and refuses where not.
func (a *aims) allowed(ctx context.Context, t cli.Target, p *handover.Plan) error {
	if !p.Ready || p.Done {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.clusters.Timeout)
	defer cancel()
	c, err := a.reach(ctx, a, t)
	if err != nil {
		return fmt.Errorf("ask for rights on %s: %w", t.Name, err)
	}
	denied, err := c.Allowed(ctx, p.Rights())
	if err != nil {
		return fmt.Errorf("ask for rights on %s: %w", t.Name, err)
	}
	p.Deny(denied)
	return nil
}

// seen looks at clusters.
func (a *aims) seen(ctx context.Context, targets []cli.Target) ([]handover.Input, error) {
	if a.look != nil {
		return a.look(ctx, targets)
	}
	return a.inputs(ctx, targets)
}

// made are the plans of those clusters, rights included.
func (a *aims) made(ctx context.Context, targets []cli.Target) ([]*handover.Plan, error) {
	inputs, err := a.seen(ctx, targets)
	if err != nil {
		return nil, err
	}
	plans := make([]*handover.Plan, len(targets))
	for i, t := range targets {
		plans[i] = handover.Make(inputs[i])
		if err := a.allowed(ctx, t, plans[i]); err != nil {
			return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: err}
		}
	}
	return plans, nil
}

// verdict is the exit of plans: refused outweighs what could not be seen.
func verdict(plans []*handover.Plan) error {
	code := cli.ExitYes
	for _, p := range plans {
		switch {
		case p.Ready:
		case p.Unsure():
			code = max(code, cli.ExitCannotTell)
		default:
			code = cli.ExitRefused
		}
	}
	if code == cli.ExitYes {
		return nil
	}
	return &cli.Exit{Code: code}
}
