package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// fileRules are about files and directories: what reading them came upon.
func fileRules() []Rule {
	return []Rule{
		{
			ID: "CGL101", Severity: Error, Title: "every manifest is YAML", See: "https://yaml.org/spec/1.2.2/",
			Reason: "One file that cannot be read fails the build of its whole Kustomization, and nothing of it is applied any more.",
			Fix:    "Mend the syntax at the line named.", check: problems(facts.ProblemYAML, false, flowMap, false),
		},
		{
			ID: "CGL102", Severity: Error, Title: "kustomize builds every path",
			See:    "https://fluxcd.io/flux/components/kustomize/kustomizations/#path",
			Reason: "A Kustomization whose path does not build is BuildFailed: it applies nothing, and prunes nothing either.",
			Fix:    "Build the directory by hand: kustomize build DIR", check: problems(facts.ProblemBuild, false, nil, false),
		},
		{
			ID: "CGL103", Severity: Error, Title: "what is referred to is in the tree",
			See:    "https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/resource/",
			Reason: "A path or a resource that is not there fails the build; what .sourceignore leaves out is not there for Flux either.",
			Fix:    "Add what is missing, or take the reference out.", check: problems(facts.ProblemMissing, true, nil, false),
		},
		{
			ID: "CGL104", Severity: Error, Title: "no file is too large to be a manifest",
			See:    "https://kubernetes.io/docs/concepts/configuration/configmap/",
			Reason: "etcd takes objects of about 1.5 MB; YAML that unfolds to more is a mistake or an attack.",
			Fix:    "Take the file out of the tree, or leave it out in .sourceignore.", check: problems(facts.ProblemLimit, false, nil, false),
		},
		{
			ID: "CGL105", Severity: Warning, Title: "no symbolic links",
			See:    "https://fluxcd.io/flux/components/source/gitrepositories/",
			Reason: "source-controller packs regular files alone: what is linked is not there when Flux builds.",
			Fix:    "Put the file itself there, or refer to it by a path.", check: problems(facts.ProblemLink, false, nil, false),
		},
		{
			ID: "CGL106", Severity: Warning, Title: "all resources are in the repository",
			See:    "https://fluxcd.io/flux/components/kustomize/kustomizations/",
			Reason: "A remote base is fetched anew at every reconcile, from whatever is there by then; without the network nothing is applied.",
			Fix:    "Keep a copy in the repository, or make it a source of its own.", check: problems(facts.ProblemRemote, false, nil, false),
		},
	}
}

// problems makes findings of what reading found, of one kind. only and without choose further: fatal ones alone, and
// not those that without holds of.
func problems(kind string, fatal bool, without func(*index, facts.GitProblem) bool, only bool) func(*index, reporter) {
	return func(x *index, report reporter) {
		tell := func(p facts.GitProblem, clusters []string) {
			if p.Kind != kind || fatal && !p.Fatal || without != nil && without(x, p) != only {
				return
			}
			f := Finding{
				Place: manifest.Place{File: p.File, Line: p.Line, Column: p.Column}, Clusters: clusters, Object: p.Object, Message: p.Message,
			}
			x.inPatch(&f, p)
			report(f)
		}
		for _, p := range x.Problems {
			tell(p, nil)
		}
		for _, c := range x.Clusters {
			for _, p := range c.Git.Problems {
				tell(p, []string{c.Name})
			}
		}
	}
}

// inPatch moves what the schema does not take of an object to the patch that sets the field.
func (x *index) inPatch(f *Finding, p facts.GitProblem) {
	if p.Kind != facts.ProblemSchema || p.Field == "" || len(f.Clusters) != 1 {
		return
	}
	for _, s := range x.subjects {
		if s.ref() != p.Object || !slices.Contains(s.clusters, f.Clusters[0]) {
			continue
		}
		if o := s.origin(p.Field); o.patch != nil {
			f.Place, f.subject, f.field = o.place, s, p.Field
		}
		return
	}
}

// flowTrap matches a variable inside of flow brackets: to YAML its braces are another mapping.
var flowTrap = regexp.MustCompile(`[\[{,]\s*(["'\w.-]+\s*:\s*)?\$\{`)

// flowMap tells whether a syntax error is the flow-map trap, which has a rule of its own.
func flowMap(x *index, p facts.GitProblem) bool {
	return p.Kind == facts.ProblemYAML && flowLine(x.files[p.File]) > 0
}

// flowLine is the line of a file where the trap is; 0 where it is not.
func flowLine(f *manifest.File) int {
	if f == nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(f.Text)) {
		n++
		code, _, _ := strings.Cut(line, " #")
		if flowTrap.MatchString(code) && !strings.Contains(code, `"${`) && !strings.Contains(code, `'${`) {
			return n
		}
	}
	return 0
}
