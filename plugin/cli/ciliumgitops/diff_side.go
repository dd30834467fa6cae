package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/bootstrap"
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
	// digest is helm-controller's of the values, where it is known: the same digest is the same values, secrets too.
	digest string
	git    *facts.GitRelease // what a tree says of the HelmRelease
	// unknown is what the place does not tell of what Flux would apply, each in a sentence.
	unknown []string
	// undecided are the values that only the cluster knows, and that could not be read.
	undecided []facts.GitUnknown
}

// look is one cluster that sides are read from: one that answers, or what was recorded of it.
type look struct {
	o        *diffOptions
	target   cli.Target
	recorded *facts.Facts   // nil where there is no recording
	session  *chart.Session // nil where the cluster is not asked
	masker   *chart.Masker
}

// open connects where a place needs the cluster.
func (o *diffOptions) open(ctx context.Context, t cli.Target, places ...string) (*look, error) {
	l := &look{o: o, target: t, masker: chart.NewMasker(), recorded: o.recorded(t)}
	if l.recorded != nil {
		return l, nil
	}
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
		session.Fetcher.Cache = chartCache()
		l.session, l.masker = session, session.Masker
		break
	}
	return l, nil
}

// chartCache is where charts that were fetched are kept; empty where the user has no such place.
func chartCache() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "cilium-gitops", "charts")
}

// side reads the values of a place.
func (l *look) side(ctx context.Context, place string) (side, error) {
	switch {
	case isFile(place):
		return l.file(strings.TrimPrefix(place, fromFile+"="))
	case place == fromBootstrap:
		return l.bootstrap(ctx)
	case l.recorded != nil && (place != fromGit || l.o.recordedGit(l.recorded)):
		return l.recording(place)
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

// bootstrap are the values that the fleet says Cilium was installed with.
func (l *look) bootstrap(ctx context.Context) (side, error) {
	f, _, err := l.o.clusters.Fleet()
	if err != nil {
		return side{}, err
	}
	file, state, err := bootstrap.Find(l.o.clusters.Repo(), f.Bootstrap)
	switch {
	case err != nil:
		return side{}, cli.Usage("%w", err)
	case file != "":
		return l.file(file)
	}
	run := bootstrap.Helmfile{File: state, Environment: l.target.Name, Release: l.target.Expect.Cilium.Release}
	l.o.env.Say("%s: asking helmfile for the values of environment %s of %s", l.target.Name, run.Environment, run.File)
	text, err := run.Values(ctx)
	if errors.Is(err, bootstrap.ErrNoHelmfile) {
		return side{}, cli.Usage("%w", err)
	}
	if err != nil {
		return side{}, err
	}
	t, err := chart.ReadValues(text)
	if err != nil {
		return side{}, fmt.Errorf("read the values that helmfile wrote for environment %s: %w", run.Environment, err)
	}
	l.masker.Learn(t, facts.Redact(t))
	return side{values: t}, nil
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
	var t values.Tree
	if l.session != nil {
		c.Resolve(ctx, l.session.Reader())
		t, err = c.Composed(ctx, hr, l.session.Reader())
		err = l.masker.Error(err)
	} else if t, err = c.Composed(ctx, hr, nil); err != nil {
		err = cli.Usage("%s", facts.RedactText(err.Error()))
	}
	if err != nil {
		return side{}, err
	}
	known := c.Facts().Cilium()
	l.masker.Learn(t, facts.Redact(t))
	l.masker.Learn(t, known.Values)
	undecided := c.Facts().Unknown
	return side{undecided: undecided, values: t, templated: known.Templated, digest: known.ValuesDigest, git: known, release: hr.Body, find: func(kind, namespace, name string) map[string]any {
		if found := c.Object(kind, namespace, name); found != nil {
			return found.Body
		}
		return nil
	}}, nil
}
