package chart

import (
	"errors"
	"fmt"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"helm.sh/helm/v4/pkg/chart/common"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Offline is what is known of a cluster that is not asked, and of what Flux would apply to it.
type Offline struct {
	Recorded facts.Facts
	Before   values.Tree // the release's, as far as they are known
	After    values.Tree
	Release  map[string]any    // the HelmRelease's body, where it is known; nil: values alone
	Git      *facts.GitRelease // what a tree says of it; nil where no tree does
	Chart    string            // folder or archive; empty: the cache is looked through
	Cache    string
	Masker   *Masker
}

// Render is what Flux would apply beside what the release has, both rendered: a recording holds no manifest. What this
// leaves open is among the answer's Unknown. Its errors and its objects are masked.
func (o Offline) Render() (*facts.Rendered, error) {
	out, err := o.render()
	if err != nil {
		return nil, o.Masker.Error(err)
	}
	return out, nil
}

func (o Offline) render() (*facts.Rendered, error) {
	hr := &helmv2.HelmRelease{}
	runs := o.Recorded.Live.Release
	names := o.Recorded.Expect.Cilium
	c := o.cluster()
	out := &facts.Rendered{By: "values", KubeVersion: c.version, Method: facts.ServerSide}
	after := input{namespace: names.Namespace, name: names.Release, values: o.After, cluster: c, revision: 1}
	storage := names.Namespace
	if o.Release != nil {
		var err error
		if hr, err = typedRelease(o.Release); err != nil {
			return nil, err
		}
		out.By = "HelmRelease/" + hr.Namespace + "/" + hr.Name
		storage = hr.GetStorageNamespace()
		after.namespace, after.name, after.renderers = hr.GetReleaseNamespace(), hr.GetReleaseName(), renderersOf(hr)
	}
	out.Release = storage + "/" + after.name
	upgrades := runs != nil && runs.Namespace == storage && runs.Name == after.name
	if upgrades {
		out.Revision, after.revision = runs.Revision, runs.Revision+1
		out.Method = method(hr, &Record{ApplyMethod: runs.ApplyMethod})
		if u := hr.Spec.Upgrade; u != nil && u.PreserveValues {
			after.values = values.Coalesce(o.Before, after.values)
		}
		before := input{namespace: runs.Namespace, name: runs.Name, values: o.Before, cluster: c, revision: runs.Revision}
		if err := o.before(before, out); err != nil {
			return nil, err
		}
	}
	var err error
	if after.chart, err = o.fluxChart(out); err != nil {
		return nil, err
	}
	return out, o.fill(after, out)
}

// cluster is one that answers nothing: its version and its APIs are the recorded ones, and lookups find nothing.
func (o Offline) cluster() *cluster {
	c := &cluster{version: o.Recorded.Live.Version, apis: append(common.VersionSet{}, common.DefaultVersionSet...)}
	kinds := map[string]string{
		"gatewayclasses.gateway.networking.k8s.io": "GatewayClass", "servicemonitors.monitoring.coreos.com": "ServiceMonitor",
		"certificates.cert-manager.io": "Certificate", "issuers.cert-manager.io": "Issuer", "clusterissuers.cert-manager.io": "ClusterIssuer",
	}
	for _, crd := range o.Recorded.Live.CRDs {
		_, group, _ := strings.Cut(crd.Name, ".")
		c.apis = append(c.apis, group+"/v1")
		if kind := kinds[crd.Name]; kind != "" {
			c.apis = append(c.apis, group+"/v1/"+kind)
		}
	}
	return c
}

// before renders what the release has, from the chart of its version.
func (o Offline) before(in input, out *facts.Rendered) error {
	runs := o.Recorded.Live.Release
	fetched, err := o.find(runs.Chart, runs.ChartVersion)
	if err != nil {
		return err
	}
	in.chart = fetched.Chart
	in.chart.Metadata.Version = runs.ChartVersion
	first, err := in.render()
	if err != nil {
		return fmt.Errorf("render what the release has: %w", err)
	}
	out.Before = first.objects
	if out.Method == facts.ServerSide {
		out.Unknown = append(out.Unknown, "fields that are gone from the chart count as gone; those that another field manager owns stay, which only the "+
			"cluster knows: fewer pods and keys may change than is said here")
	}
	out.Unknown = append(out.Unknown,
		fmt.Sprintf("a recording holds no manifest: what the release has was rendered from %s with its recorded values", fetched.From),
		"a recording does not hold what lives in the cluster: what was changed by hand is not seen",
		"templates that look something up in the cluster found nothing, and the APIs are those of the recorded CRDs, as v1")
	return nil
}

// fluxChart is the chart that Flux would use, its version as Flux makes it, as far as that is known.
func (o Offline) fluxChart(out *facts.Rendered) (*helmchart.Chart, error) {
	runs := o.Recorded.Live.Release
	name, version := "", ""
	switch {
	case o.Git != nil:
		name, version = o.Git.Chart.Name, o.Git.Chart.Version
		if o.Git.PostRenderers > 0 && !o.known("postRenderers") {
			out.Unknown = append(out.Unknown, fmt.Sprintf("the HelmRelease's post-renderers (%d) are in no recording and were not run", o.Git.PostRenderers))
		}
	case runs != nil:
		name, version = runs.Chart, runs.ChartVersion
	}
	if o.Chart == "" && version == "" {
		return nil, errors.New("find the chart: the recording does not tell which version Flux would use; name the chart with --chart")
	}
	var fetched *Fetched
	var err error
	if o.Chart != "" {
		fetched, err = fromPath(o.Chart)
	} else {
		fetched, err = o.find(name, version)
	}
	if err != nil {
		return nil, err
	}
	if fetched.Chart == nil || fetched.Chart.Metadata == nil {
		return nil, fmt.Errorf("read the chart %s: it has no metadata", fetched.From)
	}
	if o.Git != nil && o.Git.Chart.Kind == "OCIRepository" {
		fetched.Chart.Metadata.Version = o.suffixed(fetched.Chart.Metadata.Version, out)
	}
	out.Chart, out.ChartVersion, out.ChartFrom = fetched.Chart.Metadata.Name, fetched.Chart.Metadata.Version, fetched.From
	return fetched.Chart, nil
}

// known tells whether the HelmRelease's own body is at hand, rather than what a recording has of it.
func (o Offline) known(field string) bool {
	spec, _ := o.Release["spec"].(map[string]any)
	_, ok := spec[field]
	return ok
}

// suffixed is a version with the digest that Flux adds: the one that Git pins, else the one that the release has by
// the same version, else digits that are not known.
func (o Offline) suffixed(version string, out *facts.Rendered) string {
	base, _, _ := strings.Cut(version, "+")
	if s := o.Git.Chart.Source; s != nil {
		if _, hex, ok := strings.Cut(s.Digest, ":"); ok && len(hex) >= digestLength {
			return base + "+" + hex[:digestLength]
		}
	}
	if runs := o.Recorded.Live.Release; runs != nil {
		if was, digest, ok := strings.Cut(runs.ChartVersion, "+"); ok && was == base {
			out.Unknown = append(out.Unknown, "the chart was taken to have the digest that the release has: "+digest)
			return runs.ChartVersion
		}
	}
	out.Unknown = append(out.Unknown, "Flux adds digits of the chart's OCI digest to its version, which a recording does not hold")
	return base + "+unknown"
}

func (o Offline) fill(in input, out *facts.Rendered) error {
	first, err := in.render()
	if err != nil {
		return err
	}
	out.After, out.Hooks = first.objects, first.hooks
	if differs(out) {
		if err := in.again(first); err != nil {
			return err
		}
	}
	for _, objects := range [][]facts.Object{out.Before, out.After} {
		for i := range objects {
			objects[i] = o.Masker.Object(objects[i])
		}
	}
	return nil
}
