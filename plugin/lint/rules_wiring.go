package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// wiringRules are about who applies what.
func wiringRules() []Rule {
	return []Rule{
		{
			ID: "CGL401", Severity: Error, Title: "the chart's source is applied", See: helmReleases + "#chart-reference",
			Reason: "A source that no Kustomization applies does not exist in the cluster: the HelmRelease waits for it for ever.",
			Fix:    "List the source's file in the kustomization.yaml of the HelmRelease's directory.", check: sourceApplied,
		},
		{
			ID: "CGL402", Severity: Error, Title: "one Kustomization alone applies an object", See: kustomizeAPI + "#role-based-access-control",
			Reason: "Two Kustomizations that apply the same object take it from one another, and the one that is pruned first deletes it.",
			Fix:    "Take it out of all Kustomizations but one.", check: appliedOnce,
		},
		{
			ID: "CGL403", Severity: Error, Title: "what dependsOn names is there", See: kustomizeAPI + "#dependencies",
			Reason: "A Kustomization that depends on one that does not exist never becomes ready.",
			Fix:    "Correct the name or the namespace, or take the entry out.", check: dependenciesExist,
		},
		{
			ID: "CGL404", Severity: Error, Title: "dependencies go one way", See: kustomizeAPI + "#dependencies",
			Reason: "Kustomizations that depend on one another wait for one another for ever.",
			Fix:    "Take one of the dependencies out.", check: dependencyCircles,
		},
		{
			ID: "CGL405", Severity: Warning, Title: "every manifest of Cilium's is applied somewhere", See: kustomizeAPI + "#path",
			Reason: "A manifest that lies in no Kustomization's path does nothing; who changes it believes to have changed the cluster.",
			Fix:    "List it in a kustomization.yaml that is applied, or delete it.", check: appliedNowhere,
		},
		{
			ID: "CGL408", Severity: Info, Title: "a Kustomization lies outside of what it applies", See: kustomizeAPI + "#path",
			Reason: "Listed in that directory's kustomization.yaml, or without one, it would apply itself with its own substitution.",
			Fix:    "Move the file one directory up.", check: insideItself,
		},
	}
}

func sourceApplied(x *index, report reporter) {
	for _, c := range x.Clusters {
		for _, r := range c.Git.Releases {
			if r.Chart.By == "" || r.Chart.Source != nil || r.Chart.SourceName == "" {
				continue
			}
			name := r.Chart.Kind + " " + r.Chart.SourceNamespace + "/" + r.Chart.SourceName
			message := "the chart's source, " + name + ", is applied by no Kustomization of this cluster"
			for _, s := range x.ofKind(sourceGroup, r.Chart.Kind) {
				if s.Name == r.Chart.SourceName && len(s.clusters) == 0 {
					message += fmt.Sprintf("; %s:%d lies in no Kustomization's path", s.File, s.Line)
				}
			}
			field := "spec.chartRef.name"
			if r.Chart.By == "chart" {
				field = "spec.chart.spec.sourceRef.name"
			}
			report(Finding{
				Place: x.fieldOf(c, r, field), Clusters: []string{c.Name}, Object: "HelmRelease/" + r.Namespace + "/" + r.Name, Message: message,
			})
		}
	}
}

// fieldOf is where a field of a cluster's release stands.
func (x *index) fieldOf(c Cluster, r facts.GitRelease, field string) manifest.Place {
	for _, s := range x.releases() {
		if s.Namespace == r.Namespace && s.Name == r.Name && slices.Contains(s.clusters, c.Name) {
			return s.at(field)
		}
	}
	return placeOf(r.GitPlace)
}

func appliedOnce(x *index, report reporter) {
	for _, c := range x.Clusters {
		seen := map[string]facts.GitObject{}
		for _, o := range c.Git.Objects {
			key := o.APIVersion[:max(0, strings.LastIndex(o.APIVersion, "/"))] + "|" + o.Kind + "/" + o.Namespace + "/" + o.Name
			first, twice := seen[key]
			if !twice {
				seen[key] = o
				continue
			}
			if first.By == o.By {
				continue // kustomize itself would refuse it, but for lists
			}
			report(Finding{
				Place: placeOf(o.GitPlace), Clusters: []string{c.Name}, Object: o.Kind + "/" + o.Namespace + "/" + o.Name,
				Message: fmt.Sprintf("%s and %s both apply it", who(first.By), who(o.By)),
			})
		}
	}
}

func who(id string) string {
	if id == "" {
		return "the cluster's entry point"
	}
	return "Kustomization " + id
}

func dependenciesExist(x *index, report reporter) {
	for _, c := range x.Clusters {
		for _, k := range c.Git.Kustomizations {
			for i, on := range k.DependsOn {
				if c.Git.Kustomization(on) != nil {
					continue
				}
				s := x.subjectOf(applier{c, &k})
				if s == nil {
					continue
				}
				f := s.finding(fmt.Sprintf("spec.dependsOn.%d", i), "it depends on Kustomization "+on+", which this cluster does not have")
				f.Clusters = []string{c.Name}
				report(f)
			}
		}
	}
}

func dependencyCircles(x *index, report reporter) {
	for _, c := range x.Clusters {
		for _, k := range c.Git.Kustomizations {
			if k.Name == "" || !reaches(c.Git, k, k.ID()) {
				continue
			}
			if s := x.subjectOf(applier{c, &k}); s != nil {
				f := s.finding("spec.dependsOn", "its dependencies come back to it")
				f.Clusters = []string{c.Name}
				report(f)
			}
		}
	}
}

// reaches tells whether k depends, over others, on the Kustomization id.
func reaches(g *facts.Git, k facts.GitKustomization, id string) bool {
	seen := map[string]bool{}
	var visit func(k facts.GitKustomization) bool
	visit = func(k facts.GitKustomization) bool {
		for _, on := range k.DependsOn {
			if on == id {
				return true
			}
			next := g.Kustomization(on)
			if next != nil && !seen[on] {
				seen[on] = true
				if visit(*next) {
					return true
				}
			}
		}
		return false
	}
	return visit(k)
}

func appliedNowhere(x *index, report reporter) {
	if len(x.Clusters) == 0 {
		return
	}
	mine := append(x.releases(), append(x.sources("OCIRepository"), x.sources("HelmRepository")...)...)
	for _, s := range x.kustomizations() {
		if strings.Contains(s.text("spec.path"), "cilium") || strings.Contains(s.Name, "cilium") {
			mine = append(mine, s)
		}
	}
	for _, s := range mine {
		if len(s.clusters) == 0 {
			report(s.finding("kind", s.Kind+" "+s.Name+" is applied by no cluster"))
		}
	}
}

func insideItself(x *index, report reporter) {
	for _, s := range x.kustomizations() {
		dir := path.Clean(strings.TrimPrefix(s.text("spec.path"), "./"))
		self := slices.ContainsFunc(x.appliers(s), func(a applier) bool { return a.GitKustomization.ID() == s.Namespace+"/"+s.Name })
		if dir != "." && s.File != "" && strings.HasPrefix(s.File, dir+"/") && !self && !strings.HasPrefix(s.By, s.Namespace+"/"+s.Name) {
			report(s.finding("spec.path", "the file lies in "+dir+", which it applies"))
		}
	}
}
