package ciliumgitops

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// sources are the clusters and what they have.
func (o *scaffoldOptions) sources(ctx context.Context) ([]scaffold.Cluster, error) {
	var recordings []string
	var out []scaffold.Cluster
	for _, from := range o.from {
		if file, ok := strings.CutPrefix(from, "file="); ok {
			c, err := o.valuesFile(file)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		} else if from != "release" {
			recordings = append(recordings, from)
		}
	}
	var seen []facts.Facts
	var err error
	switch {
	case len(recordings) > 0:
		seen, err = o.clusters.Recordings(o.env, recordings)
	case len(out) == 0:
		var targets []cli.Target
		if targets, err = o.clusters.Targets(); err == nil {
			seen = o.clusters.Gather(ctx, o.env, targets, true, func(cli.Target) []facts.Part { return scaffold.Parts() })
		}
	}
	if err != nil {
		return nil, err
	}
	for _, f := range seen {
		c, err := scaffold.FromFacts(o.named(f.Cluster, f.Context), f)
		if err != nil {
			code := cli.ExitRefused
			if errors.Is(err, scaffold.ErrNotSeen) {
				code = cli.ExitCannotTell
			}
			return nil, &cli.Exit{Code: code, Err: err}
		}
		out = append(out, c)
	}
	return out, distinct(out)
}

// named is the fleet's cluster of that name or context, else one of that name where the story has it.
func (o *scaffoldOptions) named(name, context string) fleet.Cluster {
	for _, c := range o.options.Fleet.Clusters {
		if c.Name == name || context != "" && c.Context == context {
			return c
		}
	}
	c := o.options.Fleet.ByContext(name)
	if context != "" {
		c.Context = context
	}
	return c
}

func (o *scaffoldOptions) valuesFile(file string) (scaffold.Cluster, error) {
	name, given := "", false
	if before, after, ok := strings.Cut(file, "="); ok {
		name, file, given = before, after, true
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return scaffold.Cluster{}, cli.Usage("read the values: %w", err)
	}
	values, err := scaffold.ReadValues(data)
	if err != nil {
		return scaffold.Cluster{}, cli.Usage("read the values %s: %w", file, err)
	}
	if !given {
		if name = values.Text("cluster.name"); name == "" {
			return scaffold.Cluster{}, cli.Usage("read the values %s: they name no cluster (cluster.name); say whose they are: --from file=CLUSTER=%s", file, file)
		}
	}
	return scaffold.Cluster{Cluster: o.named(name, ""), Values: values, Version: o.version}, nil
}

// distinct refuses two sources of one cluster.
func distinct(all []scaffold.Cluster) error {
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.Name] {
			return cli.Usage("there are two sources of cluster %s", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}
