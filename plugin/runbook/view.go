package runbook

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// view is one cluster as the pages name it. Names are words of a shell.
type view struct {
	Name, Context, Path string

	Release, ReleaseNamespace string // the HelmRelease
	ReleaseFile               string
	Wiring, WiringNamespace   string // the Kustomization that applies it
	WiringFile                string
	// Alone: the Kustomization is all that its file holds, and Index, the kustomization.yaml beside it, names the file.
	Alone bool
	Index string
	// Entry is what it calls the file: an expression of sed.
	Entry, Message                    string
	Source, SourceNamespace, SourceOf string // what the Kustomization takes its tree from: name, namespace, "git"
	Chart                             string // what the chart comes from: "HelmRepository/kube-system/cilium-charts"
	ChartURL                          string
	Version                           string
	Settings                          []string // files that hold the version, where a variable says it
}

// sources are the kinds of sources as the flux program calls them.
var sources = map[string]string{"GitRepository": "git", "OCIRepository": "oci", "Bucket": "bucket"}

// newView reads of a cluster's tree what the pages name.
func newView(c Cluster) (view, error) {
	v := view{Name: line(c.Name), Context: word(c.Context), Path: c.Path}
	hr := c.Git.Cilium()
	if hr == nil {
		return v, fmt.Errorf("cluster %s: the working tree brings it no HelmRelease of Cilium; write one: kubectl cilium-gitops scaffold", c.Name)
	}
	v.Release, v.ReleaseNamespace, v.ReleaseFile = word(hr.Name), word(hr.Namespace), word(hr.File)
	ks := c.Git.Kustomization(hr.By)
	if ks == nil || ks.Name == "" {
		return v, fmt.Errorf("cluster %s: no Kustomization of the working tree applies the HelmRelease of Cilium; write one: kubectl cilium-gitops scaffold", c.Name)
	}
	v.Wiring, v.WiringNamespace, v.WiringFile = word(ks.Name), word(ks.Namespace), word(ks.File)
	if kind, name, ok := strings.Cut(ks.Source, "/"); ok {
		v.SourceOf = sources[kind]
		namespace, name, _ := strings.Cut(name, "/")
		v.Source, v.SourceNamespace = word(name), word(namespace)
	}
	if s := hr.Chart.Source; s != nil {
		v.Chart, v.ChartURL = line(s.Ref()), line(s.URL)
	}
	v.alone(c.Git, ks)
	for _, variable := range c.Git.Variables {
		if slices.ContainsFunc(variable.Used, func(u facts.GitUse) bool { return versions(u) }) && variable.File != "" {
			v.Settings, v.Version = append(v.Settings, word(variable.File)), variable.Name
		}
	}
	return v, nil
}

// versions tells whether a variable is used for the chart's version.
func versions(u facts.GitUse) bool {
	return u.Field == "spec.chart.spec.version" || u.Field == "spec.ref.tag" || u.Field == "spec.ref.semver"
}

// alone finds out whether taking the Kustomization out of Git is removing its file.
func (v *view) alone(tree *facts.Git, ks *facts.GitKustomization) {
	if path.Dir(ks.File) != path.Clean(v.Path) {
		return // another directory's: what names it is not known
	}
	v.Alone = !slices.ContainsFunc(tree.Objects, func(o facts.GitObject) bool {
		return o.File == ks.File && (o.Kind != "Kustomization" || o.Name != ks.Name || o.Namespace != ks.Namespace)
	})
	v.Message = word("Cilium of " + v.Name + " goes back to its bootstrap")
	v.Index = word(path.Join(v.Path, "kustomization.yaml"))
	v.Entry = word(`\#^ *- *\(\./\)*` + strings.ReplaceAll(path.Base(ks.File), ".", `\.`) + ` *$#d`)
}
