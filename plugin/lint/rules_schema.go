package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// schemaRules are about what the API takes.
func schemaRules() []Rule {
	const types = "https://fluxcd.io/flux/components/"
	return []Rule{
		{
			ID: "CGL111", Severity: Error, Title: "every field is one that the API knows", See: types,
			Reason: "The API server refuses, or silently drops, what it does not know: install.namespace, for one, does not exist.",
			Fix:    "Take the field out, or spell it as the API does.", check: unknownFields,
		},
		{
			ID: "CGL112", Severity: Error, Title: "every value is one that the API takes", See: types,
			Reason: "The API server refuses the object, and with it all of its Kustomization.",
			Fix:    "Write a value that the message names.", check: wrongValues,
		},
		{
			ID: "CGL113", Severity: Error, Title: "every API version is served", See: "https://fluxcd.io/flux/installation/upgrade/",
			Reason: "Flux 2.8 took the beta versions of its APIs away: an object of one of them cannot be applied.",
			Fix:    "Write the version that is served.", check: unserved,
		},
		{
			ID: "CGL114", Severity: Error, Title: "every object of Flux has a namespace", See: "https://fluxcd.io/flux/components/kustomize/kustomizations/#target-namespace",
			Reason: "An object without a namespace cannot be applied, or ends up in whatever namespace the one who applies it is in.",
			Fix:    "Write metadata.namespace, or targetNamespace in the Kustomization that applies it.", check: noNamespace,
		},
		{
			ID: "CGL115", Severity: Error, Title: "every object is what its schema says", See: "https://github.com/yannh/kubeconform",
			Reason: "The API server refuses what its schema does not take.",
			Fix:    "Write what the schema says.", check: problems(facts.ProblemSchema, false, isUnknownField, false),
		},
	}
}

// isUnknownField tells a problem of strict decoding from one of a schema.
func isUnknownField(_ *index, p facts.GitProblem) bool {
	return strings.HasPrefix(p.Message, "unknown field") || strings.HasPrefix(p.Message, "duplicate field")
}

func unknownFields(x *index, report reporter) {
	problems(facts.ProblemSchema, false, isUnknownField, true)(x, func(f Finding) {
		if field, ok := strings.CutPrefix(f.Message, `unknown field "`); ok {
			field, _, _ = strings.Cut(field, `"`)
			_, meant, _ := strings.Cut(f.Message, DidYouMean)
			f.Edits, f.Withheld = x.mendUnknown(f, field, meant)
		}
		report(f)
	})
}

// DidYouMean comes between an unknown field and the one that it may be meant for.
const DidYouMean = "; did you mean "

// misplaced are fields that are written one level too high, by kind: where they belong.
func misplaced(kind, field string) string {
	for _, m := range []struct{ kind, from, to, fields string }{
		{"GitRepository", "spec.", "spec.ref.", "branch tag semver commit name"},
		{"OCIRepository", "spec.", "spec.ref.", "tag semver digest"},
		{"HelmRelease", "spec.chart.", "spec.chart.spec.", "chart version interval reconcileStrategy"},
		{"Kustomization", "spec.", "spec.postBuild.", "substitute substituteFrom"},
	} {
		name, ok := strings.CutPrefix(field, m.from)
		if ok && kind == m.kind && slices.Contains(strings.Fields(m.fields), name) {
			return m.to + name
		}
	}
	return ""
}

// mendUnknown takes an unknown field out of the document that stands at the finding's object, or moves it to where it
// belongs. What may be meant for a field that the API has is left, and said.
func (x *index) mendUnknown(f Finding, field, meant string) (edits []manifest.Edit, why string) {
	file := x.files[f.File]
	if file == nil || strings.Contains(field, "[") {
		return nil, ""
	}
	path := strings.Split(field, ".")
	for _, doc := range file.Docs {
		key, value, ok := doc.Find(path...)
		if !ok || key.Line != f.Line {
			continue
		}
		if to := misplaced(doc.Kind(), field); to != "" {
			return move(doc, path, value, to)
		}
		if meant != "" {
			return nil, "it may be meant for " + strings.TrimSuffix(meant, "?") + ": rename it, or take it out"
		}
		return one(doc.Delete(path...)), ""
	}
	return nil, ""
}

// move takes a scalar to another field. Where anything stands there already, or the value is no scalar, it says so.
func move(doc *manifest.Doc, from []string, value *yaml.Node, to string) (edits []manifest.Edit, why string) {
	by := "it belongs to " + to + ": write it there"
	path := manifest.Keys(to)
	if value.Kind != yaml.ScalarNode || value.Value == "" || strings.Contains(value.Value, "\n") {
		return nil, by
	}
	if manifest.Has(doc.Value, path[:len(path)-1]...) && strings.HasPrefix(to, "spec.ref.") || manifest.Has(doc.Value, path...) {
		return nil, by
	}
	text := value.Value
	if value.ShortTag() == "!!str" && value.Style != 0 {
		text = fmt.Sprintf("%q", text)
	}
	added, ok := doc.Insert(text, path...)
	removed, ok2 := doc.Delete(from...)
	if !ok || !ok2 {
		return nil, by
	}
	return []manifest.Edit{added, removed}, ""
}

// servedVersions are what Flux 2.8 and later serve, by group and kind.
func servedVersions(group string) (version string, known bool) {
	switch group {
	case helmGroup:
		return "v2", true
	case kustomizeGroup, sourceGroup:
		return "v1", true
	}
	return "", false
}

func unserved(x *index, report reporter) {
	for _, s := range x.subjects {
		served, known := servedVersions(s.group())
		if !known || s.Doc == nil {
			continue
		}
		if want := s.group() + "/" + served; s.APIVersion != want {
			f := s.finding("apiVersion", fmt.Sprintf("%s of %s is not served by Flux 2.8 and later: write %s", s.APIVersion, s.Kind, want))
			f.Edits = set(s, want, "apiVersion")
			report(f)
		}
	}
}

func noNamespace(x *index, report reporter) {
	for _, s := range x.subjects {
		if _, ours := servedVersions(s.group()); ours && s.Namespace == "" && s.Doc != nil && (len(s.clusters) > 0 || !x.inherits(s)) {
			report(s.finding("metadata", s.Kind+" "+s.Name+" has no namespace, and nothing that applies it gives it one"))
		}
	}
}

// inherits tells whether a kustomization file near a document that no cluster applies may give it a namespace.
func (x *index) inherits(s *subject) bool {
	dir := s.File[:strings.LastIndex("/"+s.File, "/")]
	return slices.ContainsFunc(x.Files, func(f *manifest.File) bool {
		if !strings.HasPrefix(f.Path, dir+"kustomization.y") || len(f.Docs) == 0 {
			return false
		}
		_, ok := f.Docs[0].Value["namespace"]
		return ok
	})
}

// duration matches what Flux takes for one.
var duration = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)

// takes is what an API takes at one field beyond its type.
type takes struct {
	group, kind, field string
	words              []string       // one of these
	pattern            *regexp.Regexp // or text like this
	required           bool
}

func wrongValues(x *index, report reporter) {
	for _, s := range x.subjects {
		for _, t := range apiTakes() {
			if s.group() == t.group && (s.Kind == t.kind || t.kind == "") && s.Doc != nil {
				t.judge(s, report)
			}
		}
	}
}

func (t takes) judge(s *subject, report reporter) {
	value := s.get(t.field)
	text, isText := value.(string)
	if len(s.clusters) == 0 && strings.Contains(text, "${") {
		return // it is decided where it is applied
	}
	switch {
	case value == nil && t.required:
		report(s.finding(t.field, t.field+" is not written, and "+s.Kind+" needs it"))
	case value == nil:
	case t.words != nil && (!isText || !slices.Contains(t.words, text)):
		f := s.finding(t.field, fmt.Sprintf("%s is %q; the API takes %s", t.field, fmt.Sprint(value), strings.Join(t.words, ", ")))
		report(f)
	case t.pattern != nil && (!isText || !t.pattern.MatchString(text)):
		report(s.finding(t.field, fmt.Sprintf("%s is %q; the API takes %s", t.field, fmt.Sprint(value), sample(t.pattern))))
	}
}

func sample(p *regexp.Regexp) string {
	if p == duration {
		return "a duration such as 10m or 1h30m"
	}
	return "what matches " + p.String()
}
