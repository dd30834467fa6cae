package lint

import (
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// set, remove and insert are the edits that mend a field of s; none where its text is not of a kind that can be edited
// safely.
func set(s *subject, text, field string) []manifest.Edit {
	if s.Doc == nil {
		return nil
	}
	return one(s.Doc.Set(text, manifest.Keys(field)...))
}

func remove(s *subject, field string) []manifest.Edit {
	if s.Doc == nil {
		return nil
	}
	return one(s.Doc.Delete(manifest.Keys(field)...))
}

func insert(s *subject, field, block string) []manifest.Edit {
	if s.Doc == nil {
		return nil
	}
	return one(s.Doc.Insert(block, manifest.Keys(field)...))
}

// put sets a field that is written, and inserts one that is not.
func put(s *subject, field, text string) []manifest.Edit {
	if s.Doc == nil {
		return nil
	}
	if _, _, ok := s.Doc.Find(manifest.Keys(field)...); ok {
		return set(s, text, field)
	}
	return insert(s, field, text)
}

func one(e manifest.Edit, ok bool) []manifest.Edit {
	if !ok {
		return nil
	}
	return []manifest.Edit{e}
}

// releaseRule is a rule over every HelmRelease of Cilium.
func releaseRule(judge func(x *index, s *subject, report reporter)) func(*index, reporter) {
	return func(x *index, report reporter) {
		for _, s := range x.releases() {
			judge(x, s, report)
		}
	}
}

// forbid finds a field that is true, and takes it out.
func forbid(message string, fields ...string) func(*index, reporter) {
	return releaseRule(func(_ *index, s *subject, report reporter) {
		for _, field := range fields {
			if s.flag(field) {
				f := s.finding(field, field+": true "+message)
				f.Edits = remove(s, field)
				report(f)
			}
		}
	})
}

// list words names for messages.
func words(all []string) string { return strings.Join(all, ", ") }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
