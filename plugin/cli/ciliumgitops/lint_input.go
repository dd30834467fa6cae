package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/live"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// ofCluster is the schema location that stands for what a context's cluster defines.
const ofCluster = "cluster"

// against are the schemas that --schema-location asks for; nil where it asks for none.
func (o *lintOptions) against(ctx context.Context) (*repo.Schemas, error) {
	if len(o.schemas) == 0 {
		return nil, nil
	}
	locations := slices.DeleteFunc(slices.Clone(o.schemas), func(l string) bool { return l == ofCluster })
	var defined []repo.Schema
	if len(locations) < len(o.schemas) {
		targets, err := o.clusters.Targets()
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			some, err := o.definedBy(ctx, t)
			if err != nil {
				return nil, err
			}
			defined = append(defined, some...)
		}
	}
	schemas, err := repo.NewSchemas(locations, defined)
	if err != nil {
		return nil, cli.Usage("--schema-location: %w", err)
	}
	return schemas, nil
}

func (o *lintOptions) definedBy(ctx context.Context, t cli.Target) ([]repo.Schema, error) {
	if t.Broken != nil {
		return nil, cli.Usage("no way to the cluster %s: %w", t.Name, t.Broken)
	}
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	found, err := live.Definitions(ctx, t.Config)
	if err != nil {
		return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("read what the cluster %s defines: %w", t.Describe(), err)}
	}
	var all []repo.Schema
	for _, d := range found {
		all = append(all, repo.Schema{Group: d.Group, Kind: d.Kind, Version: d.Version, Served: d.Served, OpenAPI: d.Schema})
	}
	return all, nil
}

// fleetOf is the fleet that the tree is read for: the file's, else what the tree looks like.
func (o *lintOptions) fleetOf(t *repo.Tree, root string) (fleet.Fleet, []fleet.Cluster, error) {
	f, err := o.readFleet(root)
	if err != nil {
		return f, nil, err
	}
	clusters := f.Clusters
	if len(clusters) == 0 {
		clusters = t.EntryPoints()
	}
	if len(o.only) == 0 {
		return f, clusters, nil
	}
	var chosen []fleet.Cluster
	for _, name := range o.only {
		i := slices.IndexFunc(clusters, func(c fleet.Cluster) bool { return c.Name == name })
		if i < 0 {
			return f, nil, cli.Usage("the tree has no cluster %q", name)
		}
		chosen = append(chosen, clusters[i])
	}
	return f, chosen, nil
}

func (o *lintOptions) readFleet(root string) (fleet.Fleet, error) {
	path := or(o.fleet, filepath.Join(root, fleet.File))
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrNotExist) && o.fleet == "":
		return fleet.Default(), nil
	default:
		return fleet.Fleet{}, cli.Usage("read the fleet: %w", err)
	}
	f, err := fleet.Parse(data)
	if err != nil {
		return fleet.Fleet{}, cli.Usage("read the fleet %s: %w", path, err)
	}
	return f, nil
}
