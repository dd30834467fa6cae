package lint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Rebuild is what lint judges, with those files changed: their new text, by path. Nothing is written.
type Rebuild func(files map[string][]byte) (Input, error)

// Mending is what mending a tree comes to.
type Mending struct {
	// Result is what is found in the mended tree. Fixes that were withheld are told with the findings.
	Result
	// Files are the new texts of the files that change, by path.
	Files map[string][]byte
	Made  []Made
}

// Made is one change that mends something.
type Made struct{ File, Says string }

// maxRounds bounds mending: what one fix brings about, a later round mends.
const maxRounds = 40

// Mend makes all fixes that the rules offer, and keeps those after which the tree builds, the finding is gone, and
// nothing that is built differs elsewhere than in the fields of the fix. A fix is made as a whole, once, or not at all.
func Mend(in Input, rules []Rule, rebuild Rebuild) (Mending, error) {
	m := &mender{
		rules: rules, rebuild: rebuild, in: in, result: Run(in, rules), files: map[string][]byte{},
		refused: map[string]string{}, gone: map[string]bool{},
	}
	for range maxRounds {
		before := len(m.made) + len(m.refused)
		if err := m.try(m.offered()); err != nil {
			return Mending{}, err
		}
		if len(m.made)+len(m.refused) == before {
			break
		}
	}
	m.tell()
	return Mending{Result: m.result, Files: m.files, Made: m.made}, nil
}

type mender struct {
	rules   []Rule
	rebuild Rebuild
	in      Input
	result  Result
	files   map[string][]byte
	made    []Made
	refused map[string]string // why, by fix
	gone    map[string]bool   // findings that are mended
}

// fix is one fix, and the findings that it mends.
type fix struct {
	edits    []manifest.Edit
	findings []Finding
	others   []Cluster // that it must leave as they are
}

// key tells a fix from others, whatever the text around it.
func (f fix) key() string {
	text := ""
	for _, e := range f.edits {
		text += e.Key() + "\x00"
	}
	return text
}

// offered are the fixes of the findings that are not refused yet, those that take fields out last.
func (m *mender) offered() []*fix {
	var all []*fix
	byKey := map[string]*fix{}
	for _, found := range m.result.Findings {
		if len(found.Edits) == 0 {
			continue
		}
		f := &fix{edits: found.Edits, others: m.in.Others}
		key := f.key()
		if _, refused := m.refused[key]; refused {
			continue
		}
		if byKey[key] == nil {
			byKey[key] = f
			all = append(all, f)
		}
		byKey[key].findings = append(byKey[key].findings, found)
	}
	slices.SortStableFunc(all, func(a, b *fix) int { return a.last() - b.last() })
	return all
}

func (f fix) last() int {
	if slices.ContainsFunc(f.edits, manifest.Edit.Last) {
		return 1
	}
	return 0
}

// try makes fixes together. Where that is not right, it makes one half of them and then the other.
func (m *mender) try(all []*fix) error {
	if len(all) == 0 {
		return nil
	}
	files, made, kept := m.compose(all)
	if len(kept) == 0 {
		m.refused[all[0].key()] = "the file is written in a way that cannot be changed with nothing else: change it by hand"
		return m.try(all[1:])
	}
	after, err := m.rebuild(files)
	if err != nil {
		return fmt.Errorf("build the tree as it would be mended: %w", err)
	}
	result := Run(after, m.rules)
	why := m.wrong(after, result, kept)
	switch {
	case why == "":
		for _, f := range kept {
			for _, found := range f.findings {
				for _, name := range found.names() {
					m.gone[name] = true
				}
			}
		}
		m.in, m.result, m.files = after, result, files
		m.made = append(m.made, made...)
		return nil
	case len(kept) == 1:
		m.refused[kept[0].key()] = why
		return nil
	}
	if err := m.try(kept[:len(kept)/2]); err != nil {
		return err
	}
	return m.try(kept[len(kept)/2:])
}

// compose makes fixes one after another, in memory. Those that another one stands in the way of are left for later.
func (m *mender) compose(all []*fix) (files map[string][]byte, made []Made, kept []*fix) {
	files = maps.Clone(m.files)
	for _, f := range all {
		file := f.edits[0].File
		text, ok := files[file]
		if !ok {
			text = m.text(file)
		}
		changed, edits, ok := manifest.Compose(text, f.edits)
		if !ok {
			continue
		}
		files[file] = changed
		kept = append(kept, f)
		for _, e := range edits {
			made = append(made, Made{File: file, Says: e.Says})
		}
	}
	return files, made, kept
}

func (m *mender) text(file string) []byte {
	for _, f := range m.in.Files {
		if f.Path == file {
			return f.Text
		}
	}
	return nil
}

// tell says with each finding that is left why its fix is withheld.
func (m *mender) tell() {
	for i := range m.result.Findings {
		found := &m.result.Findings[i]
		if len(found.Edits) == 0 {
			continue
		}
		why, refused := m.refused[fix{edits: found.Edits}.key()]
		if !refused {
			why = "it was not reached: run it again"
		}
		found.Edits, found.Withheld = nil, facts.Text(why)
	}
}
