package ciliumgitops

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// blocking are the values that a running cluster cannot change as if nothing were: who it is, how its pods get
// addresses and reach one another, and how nodes reach the API.
func blocking() []values.Path {
	return []values.Path{
		"cluster.name", "cluster.id", "ipam", "routingMode", "tunnelProtocol", "tunnelPort", "ipv4NativeRoutingCIDR",
		"ipv6NativeRoutingCIDR", "kubeProxyReplacement", "k8sServiceHost", "k8sServicePort", "encryption", "cni.exclusive",
		"bpf.masquerade", "enableIPv4Masquerade", "ipv4.enabled", "ipv6.enabled", "bgpControlPlane.enabled", "upgradeCompatibility",
	}
}

// values compares the values of two places, of every cluster at once.
func (o *diffOptions) values(ctx context.Context, targets []cli.Target) error {
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	all := make([]report.ValuesOf, len(targets))
	errs := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			all[i] = report.ValuesOf{Name: t.Name, From: o.from, To: o.target(t)}
			all[i].Deltas, errs[i] = o.deltas(ctx, t, all[i].To)
		})
	}
	wg.Wait()
	to := o.to
	for i, err := range errs {
		if exit := (*cli.Exit)(nil); errors.As(err, &exit) {
			return err // wrong for one is wrong for all
		} else if err != nil {
			all[i].Unseen = facts.Text(facts.RedactText(err.Error()))
		}
		if to == "" || to == all[i].To {
			to = all[i].To
		} else if o.to == "" {
			to = "git or cluster"
		}
	}
	doc := report.NewValuesDiff(o.from, to, "", all, o.defaults)
	if err := o.out.Print(o.env, doc); err != nil {
		return err
	}
	switch {
	case doc.Differences() > 0:
		return &cli.Exit{Code: cli.ExitNo}
	case doc.Summary.Unseen > 0:
		return &cli.Exit{Code: cli.ExitCannotTell}
	}
	return nil
}

// deltas are the differences of one cluster, masked.
func (o *diffOptions) deltas(ctx context.Context, t cli.Target, to string) ([]report.ValuesDelta, error) {
	l, err := o.open(ctx, t, o.from, to)
	if err != nil {
		return nil, err
	}
	a, err := l.side(ctx, o.from)
	if err != nil {
		return nil, err
	}
	b, err := l.side(ctx, to)
	if err != nil {
		return nil, err
	}
	deltas := values.Diff(l.masker.Tree(a.values), l.masker.Tree(b.values))
	if l.session != nil {
		if record, err := l.session.Record(ctx); err == nil && record != nil {
			deltas = values.AgainstDefaults(deltas, l.masker.Tree(record.Chart.Values))
		}
	}
	var all []report.ValuesDelta
	for _, d := range deltas {
		if slices.ContainsFunc(o.ignore, func(path string) bool { return atOrBelow(d.Path, values.Path(path)) }) {
			continue
		}
		d = explained(d, append(slices.Clip(a.templated), b.templated...))
		all = append(all, report.ValuesDelta{Cluster: t.Name, Delta: cleaned(d), Blocking: blocks(d)})
	}
	return all, nil
}

func atOrBelow(path, root values.Path) bool {
	return path == root || strings.HasPrefix(string(path), string(root)+".")
}

// blocks holds of a difference at, below or around a value that blocks.
func blocks(d values.Delta) bool {
	return d.Class != values.Default && d.Class != values.TypeOnly && slices.ContainsFunc(blocking(), func(p values.Path) bool {
		return atOrBelow(d.Path, p) || atOrBelow(p, d.Path)
	})
}

// explained names the variable that decides a value.
func explained(d values.Delta, all []facts.GitTemplated) values.Delta {
	for _, t := range all {
		if t.Path == d.Path && len(t.Variables) > 0 && d.Class == values.Changed {
			d.Class, d.Var = values.Variable, t.Variables[0]
		}
	}
	return d
}

// cleaned is d without what a terminal may act on.
func cleaned(d values.Delta) values.Delta {
	f := facts.Facts{Live: facts.Live{Release: &facts.ReleaseContents{Values: values.Tree{"from": d.From, "to": d.To}}}}
	facts.Clean(&f)
	d.From, d.To = f.Live.Release.Values["from"], f.Live.Release.Values["to"]
	d.Path = values.Path(facts.Text(string(d.Path)))
	return d
}
