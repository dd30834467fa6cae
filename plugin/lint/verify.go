package lint

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// lineNumber matches what changes in a message when lines are added above.
var lineNumber = regexp.MustCompile(`:[0-9]+`)

// names tell a finding from others in each of its clusters, wherever in the file it stands.
func (f Finding) names() []string {
	name := strings.Join([]string{f.Rule, f.Object, lineNumber.ReplaceAllString(f.Message, "")}, "\x00")
	if len(f.Clusters) == 0 {
		return []string{name + "\x00" + f.File}
	}
	var all []string
	for _, c := range f.Clusters {
		all = append(all, name+"\x00"+c)
	}
	return all
}

// wrong says what is wrong with a tree that fixes were made in; nothing where nothing is.
func (m *mender) wrong(after Input, result Result, fixes []*fix) string {
	if why := newProblem(m.in, after); why != "" {
		return "what is built would have a problem that it has not: " + why
	}
	if why := elsewhere(m.in, after, fixes); why != "" {
		return why
	}
	left := map[string]bool{}
	for _, f := range result.Findings {
		for _, name := range f.names() {
			left[name] = true
			if m.gone[name] {
				return fmt.Sprintf("it would bring back what was mended: %s %s", f.Rule, f.Message)
			}
		}
	}
	for _, f := range fixes {
		stays := !slices.ContainsFunc(f.findings, func(found Finding) bool {
			return slices.ContainsFunc(found.names(), func(name string) bool { return !left[name] })
		})
		if stays {
			return "it would mend nothing: a patch on the way sets the field back or takes it out: change that patch"
		}
	}
	return newError(m.result, result)
}

// newError is an error that was not found before.
func newError(before, after Result) string {
	count := map[string]int{}
	keys := func(f Finding) []string {
		all := []string{f.Rule + "\x00" + f.Object}
		for _, c := range f.Clusters {
			all = append(all, all[0]+"\x00"+c)
		}
		return all[min(1, len(f.Clusters)):]
	}
	for _, f := range before.Findings {
		for _, key := range keys(f) {
			count[key]++
		}
	}
	for _, f := range after.Findings {
		for _, key := range keys(f) {
			if count[key]--; count[key] < 0 && f.Severity == Error {
				return fmt.Sprintf("it would bring an error: %s %s", f.Rule, f.Message)
			}
		}
	}
	return ""
}

// newProblem is a problem of reading and building that was not there before.
func newProblem(before, after Input) string {
	seen := map[string]bool{}
	name := func(p facts.GitProblem) string {
		return strings.Join([]string{p.Kind, p.By, p.File, p.Object, lineNumber.ReplaceAllString(p.Message, "")}, "\x00")
	}
	for _, p := range before.Problems {
		seen[name(p)] = true
	}
	for _, c := range slices.Concat(before.Clusters, before.Others) {
		for _, p := range c.Git.Problems {
			seen[c.Name+name(p)] = true
		}
	}
	for _, p := range after.Problems {
		if !seen[name(p)] {
			return p.Message
		}
	}
	for _, c := range slices.Concat(after.Clusters, after.Others) {
		for _, p := range c.Git.Problems {
			if !seen[c.Name+name(p)] {
				return p.Message + " (" + c.Name + ")"
			}
		}
	}
	return ""
}

// elsewhere says what is built otherwise than before in a field that no fix is about.
func elsewhere(before, after Input, fixes []*fix) string {
	was := slices.Concat(before.Clusters, before.Others)
	for i, c := range slices.Concat(after.Clusters, after.Others) {
		_, had := numbered(was[i].Objects)
		names, now := numbered(c.Objects)
		for _, name := range names {
			o := now[name]
			old, there := had[name]
			if !there {
				return fmt.Sprintf("%s of %s would be new", refOf(o), c.Name)
			}
			delete(had, name)
			for _, field := range differing(old.Body, o.Body, nil) {
				if !slices.ContainsFunc(fixes, func(f *fix) bool { return f.changes(c.Name, o, field) }) {
					by := "change it by hand"
					if i >= len(after.Clusters) {
						by = "run it without --for, or change it by hand"
					}
					return fmt.Sprintf("%s of %s would change, too, in %s: %s", refOf(o), c.Name, field, by)
				}
			}
		}
		if len(had) > 0 {
			name := slices.Sorted(maps.Keys(had))[0]
			return fmt.Sprintf("%s of %s would be gone", refOf(had[name]), c.Name)
		}
	}
	return ""
}

// numbered are objects by what tells them apart, those that are there several times by their number, too; and the names
// in the objects' order.
func numbered(objects []Object) ([]string, map[string]Object) {
	names := make([]string, 0, len(objects))
	all := make(map[string]Object, len(objects))
	count := map[string]int{}
	for _, o := range objects {
		key := strings.Join([]string{manifest.Group(o.APIVersion), o.Kind, o.Namespace, o.Name, o.By}, "\x00")
		count[key]++
		name := fmt.Sprint(key, "\x00", count[key])
		names = append(names, name)
		all[name] = o
	}
	return names, all
}

func refOf(o Object) string { return (&subject{Object: o}).ref() }

// changes tells whether a fix is about a field of an object of a cluster.
func (f *fix) changes(cluster string, o Object, field string) bool {
	if slices.ContainsFunc(f.others, func(c Cluster) bool { return c.Name == cluster }) {
		return false
	}
	if f.defines(o, field) {
		return true
	}
	concerns := slices.ContainsFunc(f.findings, func(found Finding) bool {
		return len(found.Clusters) == 0 ||
			slices.Contains(found.Clusters, cluster) && (found.Object == "" || found.Object == facts.Text(refOf(o)))
	})
	return concerns && slices.ContainsFunc(f.edits, func(e manifest.Edit) bool {
		if o.Doc == nil || o.Doc.File.Path != e.File || o.Doc.Index != e.Doc() {
			return false
		}
		return slices.ContainsFunc(e.Fields(), func(of string) bool {
			return field == of || inside(field, of) || inside(of, field)
		})
	})
}

// defines tells whether a fix is about a variable that a field is made of.
func (f *fix) defines(o Object, field string) bool {
	written := text(manifest.Get(o.Template, manifest.Keys(field)...))
	if written == "" {
		return false
	}
	return slices.ContainsFunc(f.edits, func(e manifest.Edit) bool {
		keys := manifest.Keys(e.Field())
		return len(keys) == 2 && keys[0] == "data" && slices.Contains(expressions(written), keys[1])
	})
}

// differing are the fields in which two values differ: of mappings those inside of them, lists as a whole.
func differing(a, b any, at []string) []string {
	left, isMap := a.(map[string]any)
	right, isMapToo := b.(map[string]any)
	if isMap && len(left) > 0 && !isMapToo && b == nil {
		right, isMapToo = nil, true
	}
	if isMapToo && len(right) > 0 && !isMap && a == nil {
		left, isMap = nil, true
	}
	if !isMap || !isMapToo {
		if reflect.DeepEqual(a, b) {
			return nil
		}
		return []string{manifest.JoinKeys(at)}
	}
	if reflect.DeepEqual(left, right) {
		return nil
	}
	var all []string
	for key := range left {
		_, there := right[key]
		below := differing(left[key], right[key], append(at[:len(at):len(at)], key))
		if len(below) == 0 && !there {
			below = []string{manifest.JoinKeys(append(at[:len(at):len(at)], key))}
		}
		all = append(all, below...)
	}
	for key := range right {
		if _, there := left[key]; there {
			continue
		}
		below := differing(nil, right[key], append(at[:len(at):len(at)], key))
		if len(below) == 0 {
			below = []string{manifest.JoinKeys(append(at[:len(at):len(at)], key))}
		}
		all = append(all, below...)
	}
	slices.Sort(all)
	return all
}
