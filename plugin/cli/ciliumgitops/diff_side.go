package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// side is one of two that are compared: values with nothing masked, which stay in memory.
type side struct {
	values    values.Tree
	templated []facts.GitTemplated
	release   map[string]any // the HelmRelease's body, where it is one
	find      chart.Finder
}

// look is one cluster that sides are read from.
type look struct {
	o       *diffOptions
	target  cli.Target
	session *chart.Session // nil where the cluster is not asked
	masker  *chart.Masker
}

// open connects where a place needs the cluster.
func (o *diffOptions) open(ctx context.Context, t cli.Target, places ...string) (*look, error) {
	l := &look{o: o, target: t, masker: chart.NewMasker()}
	for _, place := range places {
		if place != fromRelease && place != fromCluster {
			continue
		}
		if t.Broken != nil {
			return nil, errors.New("no way to the cluster: " + facts.RedactText(t.Broken.Error()))
		}
		session, err := chart.Open(ctx, t.Config, t.Expect)
		if err != nil {
			return nil, errors.New(facts.RedactText(err.Error()))
		}
		if cache, err := os.UserCacheDir(); err == nil {
			session.Fetcher.Cache = filepath.Join(cache, "cilium-gitops", "charts")
		}
		l.session, l.masker = session, session.Masker
		break
	}
	return l, nil
}

// side reads the values of a place.
func (l *look) side(ctx context.Context, place string) (side, error) {
	switch {
	case isFile(place):
		return l.file(strings.TrimPrefix(place, fromFile+"="))
	case place == fromBootstrap:
		f, _, err := l.o.clusters.Fleet()
		if err != nil {
			return side{}, err
		}
		if f.Bootstrap.Values == "" {
			return side{}, cli.Usage("the fleet names no values of the bootstrap")
		}
		return l.file(filepath.Join(l.o.clusters.Repo(), filepath.FromSlash(f.Bootstrap.Values)))
	case place == fromGit:
		return l.git(ctx)
	case place == fromCluster:
		return l.cluster(ctx)
	}
	record, err := l.session.Record(ctx)
	if err != nil {
		return side{}, l.masker.Error(err)
	}
	if record == nil {
		return side{}, fmt.Errorf("there is no Helm release %s in %s", l.target.Expect.Cilium.Release, l.target.Expect.Cilium.Namespace)
	}
	return side{values: record.Config}, nil
}

func (l *look) file(path string) (side, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return side{}, cli.Usage("read the values: %w", err)
	}
	t, err := chart.ReadValues(text)
	if err != nil {
		return side{}, cli.Usage("read the values %s: %w", path, err)
	}
	l.masker.Learn(t, facts.Redact(t))
	return side{values: t}, nil
}

func (l *look) cluster(ctx context.Context) (side, error) {
	body, err := l.session.HelmRelease(ctx)
	if err != nil {
		return side{}, l.masker.Error(err)
	}
	if body == nil {
		n := l.target.Expect.Flux
		return side{}, fmt.Errorf("there is no HelmRelease %s/%s in the cluster; compare with Git: --to git --repo DIR", n.HelmReleaseNamespace, n.HelmRelease)
	}
	t, err := l.session.Values(ctx, body)
	return side{values: t, release: body}, l.masker.Error(err)
}

func (l *look) git(ctx context.Context) (side, error) {
	f, _, err := l.o.clusters.Fleet()
	if err != nil {
		return side{}, err
	}
	tree, err := repo.Open(l.o.clusters.Repo())
	if err != nil {
		return side{}, cli.Usage("read the working tree: %w", err)
	}
	defer tree.Close()
	c, err := tree.Cluster(ctx, f, l.target.Cluster, repo.Lax)
	if err != nil {
		return side{}, cli.Usage("%w", err)
	}
	hr := c.Release()
	if hr == nil {
		return side{}, cli.Usage("the working tree %s gives cluster %s no HelmRelease of Cilium", l.o.clusters.Repo(), l.target.Name)
	}
	t, err := c.Values(hr)
	if err != nil {
		return side{}, cli.Usage("%s", facts.RedactText(err.Error()))
	}
	known := c.Facts().Cilium()
	l.masker.Learn(t, facts.Redact(t))
	l.masker.Learn(t, known.Values)
	return side{values: t, templated: known.Templated, release: hr.Body, find: func(kind, namespace, name string) map[string]any {
		if found := c.Object(kind, namespace, name); found != nil {
			return found.Body
		}
		return nil
	}}, nil
}
