package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
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

// values compares the values of two places, or of three, of every cluster at once.
func (o *diffOptions) values(ctx context.Context, targets []cli.Target) error {
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	all := make([]report.ValuesOf, len(targets))
	errs := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			all[i] = report.ValuesOf{Name: t.Name, From: o.from, To: o.target(t), With: o.with}
			errs[i] = o.compare(ctx, t, &all[i])
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
	doc := report.NewValuesDiff(o.from, to, o.with, all, o.defaults)
	if err := o.write(doc); err != nil {
		return err
	}
	return answered(doc.Differences() > 0, doc.Summary.Unseen+doc.Summary.Unknown > 0)
}

// compare fills in the differences of one cluster, masked.
func (o *diffOptions) compare(ctx context.Context, t cli.Target, out *report.ValuesOf) error {
	places := []string{o.from, out.To}
	if o.with != "" {
		places = append(places, o.with)
	}
	l, err := o.open(ctx, t, places...)
	if err != nil {
		return err
	}
	sides := make([]side, len(places))
	for i, place := range places {
		if sides[i], err = l.side(ctx, place); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	defaults, err := l.defaults(ctx)
	if err != nil {
		return err
	}
	o.leaveOut(sides, out)
	o.level(sides, out)
	var templated []facts.GitTemplated
	trees := make([]values.Tree, len(sides))
	for i, s := range sides {
		trees[i], templated = l.masker.Tree(s.values), append(templated, s.templated...)
	}
	if o.with != "" {
		out.Deltas = o.across(places, [3]values.Tree(trees), defaults, templated)
	} else {
		out.Deltas = o.between(values.AgainstDefaults(values.Diff(trees[0], trees[1]), defaults), templated)
	}
	for i := range out.Deltas {
		out.Deltas[i].Cluster = t.Name
	}
	return nil
}

// level takes out what cannot be compared since a recording has it without its secret, and says so. Values of one
// digest are the same, whatever is recorded of them.
func (o *diffOptions) level(sides []side, out *report.ValuesOf) {
	var hidden []values.Path
	for i := range sides {
		for j := i + 1; j < len(sides); j++ {
			var some []values.Path
			sides[i].values, sides[j].values, some = facts.Level(sides[i].values, sides[j].values)
			if sides[i].digest == "" || sides[i].digest != sides[j].digest {
				hidden = append(hidden, some...)
			}
		}
	}
	slices.Sort(hidden)
	for _, path := range slices.Compact(hidden) {
		if !o.ignored(path) {
			out.Unknown = append(out.Unknown, facts.Text(string(path))+": a secret, which the recording does not hold")
		}
	}
}

// defaults are the chart's: of the one that --chart names, else of the release that runs or was recorded; nil where
// there is neither.
func (l *look) defaults(ctx context.Context) (values.Tree, error) {
	if l.o.chart != "" {
		fetched, err := (&chart.Fetcher{}).Fetch(ctx, chart.Source{Kind: "path", URL: l.o.chart})
		if err != nil {
			return nil, cli.Usage("%w", err)
		}
		return l.masker.Tree(fetched.Chart.Values), nil
	}
	if l.recorded != nil && l.recorded.Live.Release != nil {
		return l.masker.Tree(l.recorded.Live.Release.Defaults), nil
	}
	if l.session != nil {
		if record, err := l.session.Record(ctx); err == nil && record != nil {
			return l.masker.Tree(record.Chart.Values), nil
		}
	}
	return nil, nil
}

// between are two places' differences.
func (o *diffOptions) between(deltas []values.Delta, templated []facts.GitTemplated) []report.ValuesDelta {
	var all []report.ValuesDelta
	for _, d := range deltas {
		if o.ignored(d.Path) {
			continue
		}
		d = explained(d, templated)
		all = append(all, report.ValuesDelta{Delta: cleaned(d), Blocking: blocks(d)})
	}
	return all
}

// across are three places' differences.
func (o *diffOptions) across(places []string, trees [3]values.Tree, defaults values.Tree, templated []facts.GitTemplated) []report.ValuesDelta {
	var all []report.ValuesDelta
	for _, a := range values.DiffThree(trees, defaults) {
		if o.ignored(a.Path) {
			continue
		}
		d := values.Delta{Path: a.Path, Class: a.Class, From: a.Values[0], To: a.Values[1]}
		if a.Absent == [3]bool{} {
			d = explained(d, templated)
		}
		one := report.ValuesDelta{Delta: cleaned(d), Blocking: blocks(d), With: cleaned(values.Delta{From: a.Values[2]}).From, Odd: "each"}
		if a.Odd >= 0 {
			one.Odd = places[a.Odd]
		}
		for i, absent := range a.Absent {
			if absent {
				one.Absent = append(one.Absent, places[i])
			}
		}
		all = append(all, one)
	}
	return all
}

func (o *diffOptions) ignored(path values.Path) bool {
	return slices.ContainsFunc(o.ignore, func(root string) bool { return atOrBelow(path, values.Path(root)) })
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
