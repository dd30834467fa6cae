package lint

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

const substitution = kustomizeAPI + "#post-build-variable-substitution"

// variableRules are about which variables there are.
func variableRules() []Rule {
	return []Rule{
		{
			ID: "CGL501", Severity: Error, Title: "every variable has a value, on every cluster", See: substitution,
			Reason: "From Flux 2.9 on the whole Kustomization fails; before, the variable became nothing: an empty cluster name, a cluster id of null.",
			Fix:    "Define it in the cluster's settings, or give it a default: ${NAME:=value}", check: problems(facts.ProblemVariable, false, nil, false),
		},
		{
			ID: "CGL502", Severity: Warning, Title: "what variables are taken from is in the tree", See: substitution,
			Reason: "Flux reads ConfigMaps and Secrets of the Kustomization's own namespace. One that is not there fails the reconcile.",
			Fix:    "Put it into the Kustomization's namespace, or write optional: true.", check: variableSources,
		},
		{
			ID: "CGL503", Severity: Info, Title: "every variable is asked for", See: substitution,
			Reason: "A setting that nothing reads looks like one that matters: changing it changes nothing.",
			Fix:    "Take it out, or say what it is for: # cilium-gitops:ignore CGL503 REASON", check: unusedVariables,
		},
		{
			ID: "CGL504", Severity: Error, Title: "no variable stands inside of flow brackets", See: substitution,
			Reason: "kustomize reads the file before variables are put in: in {id: ${CLUSTER_ID}} the braces of the variable are another mapping, and the build fails.",
			Fix:    "Write it in block style, one field to a line, or in quotes.", check: flowTraps,
		},
		{
			ID: "CGL505", Severity: Error, Title: "nothing is left of a variable's name", See: substitution,
			Reason: "Where nothing is substituted, Cilium gets ${CLUSTER} as a text: the chart refuses it, or cilium-config holds it.",
			Fix:    "Write postBuild.substituteFrom in the Kustomization that applies it, or escape what is meant so: $${NAME}", check: literalVariables,
		},
		{
			ID: "CGL506", Severity: Error, Title: "every variable has a name that Flux takes", See: substitution,
			Reason: "One key such as cluster-id, in a ConfigMap that variables are taken from, fails the whole substitution.",
			Fix:    "Use letters, digits and underscores, and begin with no digit.", check: variableNames,
		},
		{
			ID: "CGL507", Severity: Warning, Title: "a variable has one value on a cluster", See: substitution,
			Reason: "What is named later wins, and spec.postBuild.substitute over all: the other definition is read by people, not by Flux.",
			Fix:    "Define it in one place.", check: definedTwice,
		},
		{
			ID: "CGL508", Severity: Warning, Title: "no expression is one that Flux does not know", See: substitution,
			Reason: "Flux takes ${x:=default} and its kin; ${x:?message} and ${x:+other} mean something else to it than to Bash.",
			Fix:    "Write ${NAME} or ${NAME:=value}.", check: unknownOperators,
		},
		{
			ID: "CGL509", Severity: Warning, Title: "the bootstrap puts the same variables in", See: "https://helmfile.readthedocs.io/en/latest/",
			Reason: "Helmfile knows nothing of Flux's variables: a template that copies spec.values installs ${CLUSTER} literally.",
			Fix:    "Put the cluster's settings in where the template reads the HelmRelease.", check: bootstrapTemplates,
		},
	}
}

func variableSources(x *index, report reporter) {
	problems(facts.ProblemMissing, false, func(_ *index, p facts.GitProblem) bool { return p.Fatal || p.Object == "" }, false)(x, func(f Finding) {
		for _, c := range x.Clusters {
			kind, rest, _ := strings.Cut(f.Object, "/")
			_, name, _ := strings.Cut(rest, "/")
			for _, o := range c.Git.Objects {
				if slices.Contains(f.Clusters, c.Name) && o.Kind == kind && o.Name == name {
					f.Message += fmt.Sprintf("; there is one in namespace %s", o.Namespace)
				}
			}
		}
		report(f)
	})
}

func unusedVariables(x *index, report reporter) {
	type key struct{ name, from string }
	used := map[key]bool{}
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			if len(v.Used) > 0 {
				used[key{v.Name, v.From}] = true
			}
		}
	}
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			if v.From == "" || v.Secret || used[key{v.Name, v.From}] {
				continue
			}
			report(Finding{
				Place: placeOf(v.GitPlace), Clusters: []string{c.Name}, Object: v.From, Message: v.Name + " is defined, and nothing that Flux applies asks for it",
			})
		}
	}
}

func flowTraps(x *index, report reporter) {
	for _, f := range x.Files {
		broken := slices.ContainsFunc(x.allProblems(), func(p facts.GitProblem) bool { return p.Kind == facts.ProblemYAML && p.File == f.Path })
		if line := flowLine(f); broken && line > 0 {
			report(Finding{Place: manifest.Place{File: f.Path, Line: line}, Message: "a variable inside of flow brackets is no YAML: kustomize reads the file before it is put in"})
		}
	}
}

func (x *index) allProblems() []facts.GitProblem {
	all := slices.Clone(x.Problems)
	for _, c := range x.Clusters {
		all = append(all, c.Git.Problems...)
	}
	return all
}

func literalVariables(x *index, report reporter) {
	missing := func(names []string, s *subject) bool { // a rule of its own tells it
		return slices.ContainsFunc(x.allProblems(), func(p facts.GitProblem) bool {
			return p.Kind == facts.ProblemVariable && p.Object == s.ref() && slices.ContainsFunc(names, func(n string) bool { return strings.Contains(p.Message, "${"+n+"}") })
		})
	}
	for _, s := range append(append(x.releases(), x.sources("OCIRepository")...), x.sources("HelmRepository")...) {
		if len(s.clusters) == 0 || slices.ContainsFunc(x.appliers(s), waitsForVariables) {
			continue
		}
		for path, value := range scalars(s.Body, "") {
			names := expressions(value)
			names = slices.DeleteFunc(names, func(name string) bool { return x.undecided(s, name) })
			if len(names) == 0 || missing(names, s) {
				continue
			}
			report(s.finding(path, fmt.Sprintf("%s reaches the cluster as the text %s: nothing is put in", path, value)))
		}
	}
}

// undecided tells whether only the cluster knows the value of a variable that is put into s.
func (x *index) undecided(s *subject, name string) bool {
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			if v.Name == name && v.Unknown && slices.Contains(s.clusters, c.Name) && slices.ContainsFunc(v.Used, func(u facts.GitUse) bool { return u.Object == s.ref() }) {
				return true
			}
		}
	}
	return false
}

// waitsForVariables tells whether a Kustomization takes variables from something that the tree does not have: what it
// puts in is then not known here.
func waitsForVariables(a applier) bool {
	return slices.ContainsFunc(a.SubstituteFrom, func(r facts.GitReference) bool { return !r.Found && !r.Optional })
}

// scalars are the texts of a value, by path.
func scalars(v any, at string) map[string]string {
	out := map[string]string{}
	step := func(key string) string {
		key = strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(key)
		if at == "" {
			return key
		}
		return at + "." + key
	}
	merge := func(more map[string]string) {
		for path, text := range more {
			out[path] = text
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			merge(scalars(value, step(key)))
		}
	case []any:
		for i, value := range v {
			merge(scalars(value, step(fmt.Sprint(i))))
		}
	case string:
		out[at] = v
	}
	return out
}

func variableNames(x *index, report reporter) {
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			if v.From != "" && !variableName.MatchString(v.Name) {
				report(Finding{Place: placeOf(v.GitPlace), Clusters: []string{c.Name}, Object: v.From, Message: fmt.Sprintf("%q is no name for a variable", v.Name)})
			}
		}
	}
}

func definedTwice(x *index, report reporter) {
	for _, c := range x.Clusters {
		for i, v := range c.Git.Variables {
			for _, other := range c.Git.Variables[:i] {
				both := slices.ContainsFunc(v.For, func(k string) bool { return slices.Contains(other.For, k) })
				if other.Name == v.Name && both && other.Value != v.Value && v.From != "" && other.From != "" {
					report(Finding{
						Place: placeOf(v.GitPlace), Clusters: []string{c.Name}, Object: v.From,
						Message: fmt.Sprintf("%s is defined here and in %s (%s:%d), with another value", v.Name, other.From, other.File, other.Line),
					})
				}
			}
		}
	}
}

func unknownOperators(x *index, report reporter) {
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			for _, u := range v.Used {
				operator := strings.TrimPrefix(strings.TrimPrefix(u.Expression, "${"), v.Name)
				if strings.HasPrefix(operator, ":?") || strings.HasPrefix(operator, "?") || strings.HasPrefix(operator, ":+") || strings.HasPrefix(operator, "+") {
					report(Finding{Place: placeOf(u.GitPlace), Clusters: []string{c.Name}, Object: u.Object, Message: u.Expression + " is not what Flux takes it for"})
				}
			}
		}
	}
}

// bootstrapTemplates finds templates that copy the values of a HelmRelease with variables in them.
func bootstrapTemplates(x *index, report reporter) {
	for _, s := range x.releases() {
		var templated []string
		for path := range scalars(written(s.docOr()).Body["spec"], "spec") {
			if strings.HasPrefix(path, "spec.values.") && len(expressions(scalarAt(s, path))) > 0 {
				templated = append(templated, path)
			}
		}
		if len(templated) == 0 {
			continue
		}
		for file, text := range x.Templates {
			line := lineReading(file, text, s.File)
			if line == 0 || strings.Contains(text, "cluster-settings") || strings.Contains(text, "envsubst") {
				continue
			}
			report(Finding{
				Place: manifest.Place{File: file, Line: line}, Object: s.ref(),
				Message: "it copies the values of " + s.File + ", and with them " + plural(len(templated), "variable") + " that Helm would take literally",
			})
		}
	}
}

// quotedFile matches a file that a template names.
var quotedFile = regexp.MustCompile("[\"'` ]([^\"'` ]*\\.ya?ml)")

// lineReading is the first line of a template that reads that manifest; 0 where none does. A name that the template
// puts together may be any file of that name.
func lineReading(template, text, wanted string) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if !strings.Contains(line, "readFile") && !strings.Contains(line, "exec") && !strings.Contains(line, "yq") {
			continue
		}
		for _, m := range quotedFile.FindAllStringSubmatch(line, -1) {
			if path.Base(m[1]) != path.Base(wanted) {
				continue
			}
			// Where it begins from is Helmfile's business: what counts is where it leads.
			named := strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(m[1], "../", "")), "/")
			if strings.HasSuffix("/"+wanted, "/"+named) && named != path.Base(wanted) || path.Join(path.Dir(template), m[1]) == wanted ||
				strings.ContainsAny(m[1], "%{") {
				return n
			}
		}
	}
	return 0
}
