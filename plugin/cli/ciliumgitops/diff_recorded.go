package ciliumgitops

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// readRecordings reads --recording, and makes of each cluster in it a target that nobody has to reach.
func (o *diffOptions) readRecordings() ([]cli.Target, error) {
	all, err := o.clusters.Recordings(o.env, o.recording)
	if err != nil {
		return nil, err
	}
	f, _, err := o.clusters.Fleet()
	if err != nil {
		return nil, err
	}
	o.records = map[string]*facts.Facts{}
	var targets []cli.Target
	for i := range all {
		r := &all[i]
		if o.records[r.Cluster] != nil {
			return nil, cli.Usage("--recording: two of the clusters are called %s", r.Cluster)
		}
		o.records[r.Cluster] = r
		c := fleet.Cluster{Name: r.Cluster, Context: r.Context, Path: f.ByContext(r.Cluster).Path}
		if byContext := f.ByContext(r.Context); slices.Contains(f.Clusters, byContext) {
			c.Path = byContext.Path
		} else if r.Git != nil {
			c.Path = r.Git.Path
		}
		targets = append(targets, cli.Target{Cluster: c, Expect: r.Expect})
	}
	return targets, nil
}

// recorded is what was recorded of a cluster; nil where clusters are asked.
func (o *diffOptions) recorded(t cli.Target) *facts.Facts { return o.records[t.Name] }

// recordedGit tells whether Git is what the recording says of it: where it says something, and no --repo was given.
func (o *diffOptions) recordedGit(r *facts.Facts) bool { return r.Git != nil && !o.repoGiven }

// recording are the values of a place as they were recorded, without their secrets.
func (l *look) recording(place string) (side, error) {
	r := l.recorded
	part := map[string]facts.Part{fromRelease: facts.Release, fromCluster: facts.HelmReleases, fromGit: facts.Tree}[place]
	if why, blind := r.Blind[part]; blind {
		return side{}, fmt.Errorf("was not seen when this was recorded: %s", why)
	}
	if why, declined := r.Declined[part]; declined {
		return side{}, fmt.Errorf("was not looked at when this was recorded: %s", why)
	}
	if !slices.Contains(r.Seen, part) {
		return side{}, fmt.Errorf("the recording does not have it (%s); make one with: kubectl cilium-gitops verify --record FILE", part)
	}
	switch place {
	case fromGit:
		return gitSide(r.Git)
	case fromCluster:
		return clusterSide(r)
	}
	if r.Live.Release == nil {
		return side{}, fmt.Errorf("there was no Helm release %s in %s", r.Expect.Cilium.Release, r.Expect.Cilium.Namespace)
	}
	return side{values: r.Live.Release.Values, digest: releaseDigest(r)}, nil
}

// releaseDigest is what helm-controller noted of the values of the release's revision; "" where it did not make it.
func releaseDigest(r *facts.Facts) string {
	release := r.Live.Release
	for _, hr := range r.Live.HelmReleases {
		for _, s := range hr.History {
			if s.Name == release.Name && s.Namespace == release.Namespace && s.Version == int64(release.Revision) {
				return s.ConfigDigest
			}
		}
	}
	return ""
}

func gitSide(g *facts.Git) (side, error) {
	hr := g.Cilium()
	switch {
	case hr == nil:
		return side{}, errors.New("the recorded tree has no HelmRelease of Cilium")
	case hr.Values == nil:
		return side{}, fmt.Errorf("the recorded values of HelmRelease %s/%s could not be composed", hr.Namespace, hr.Name)
	}
	return side{undecided: g.Unknown, values: hr.Values, templated: hr.Templated, digest: hr.ValuesDigest, git: hr, release: releaseBody(hr)}, nil
}

func clusterSide(r *facts.Facts) (side, error) {
	names := r.Expect.Flux
	for _, hr := range r.Live.HelmReleases {
		if hr.Name != names.HelmRelease || hr.Namespace != names.HelmReleaseNamespace {
			continue
		}
		if len(hr.ValuesFrom) > 0 {
			return side{}, fmt.Errorf("HelmRelease %s takes values from %s, which no recording holds", hr.ID(), strings.Join(hr.ValuesFrom, ", "))
		}
		return side{values: hr.Values, release: liveBody(hr), git: &facts.GitRelease{Chart: liveChart(hr)}, unknown: []string{
			"the recording of HelmRelease " + hr.ID() + " does not tell its post-renderers and its common metadata; none were applied",
		}}, nil
	}
	return side{}, fmt.Errorf("there was no HelmRelease %s/%s in the cluster", names.HelmReleaseNamespace, names.HelmRelease)
}

// releaseBody is a HelmRelease as far as the facts of a tree have what rendering asks of it.
func releaseBody(hr *facts.GitRelease) map[string]any {
	spec := map[string]any{
		"releaseName": hr.Written.ReleaseName, "targetNamespace": hr.Written.TargetNamespace, "storageNamespace": hr.Written.StorageNamespace,
		"commonMetadata": map[string]any{"labels": anyMap(hr.CommonLabels), "annotations": anyMap(hr.CommonAnnotations)},
		"upgrade":        map[string]any{"preserveValues": hr.Upgrade.PreserveValues, "serverSideApply": hr.Upgrade.ServerSideApply},
	}
	return map[string]any{"metadata": map[string]any{"name": hr.Name, "namespace": hr.Namespace}, "spec": spec}
}

// liveBody is the same of a HelmRelease that the cluster had.
func liveBody(hr facts.HelmRelease) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"name": hr.Name, "namespace": hr.Namespace},
		"spec": map[string]any{
			"releaseName": hr.ReleaseName, "targetNamespace": hr.TargetNamespace, "storageNamespace": hr.StorageNamespace,
		},
	}
}

func liveChart(hr facts.HelmRelease) facts.GitChart {
	kind, _, _ := strings.Cut(hr.Source, "/")
	return facts.GitChart{Kind: kind, Name: hr.Chart, Version: hr.ChartVersion}
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for key, text := range m {
		out[key] = text
	}
	return out
}
