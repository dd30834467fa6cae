package report

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/gonvenience/bunt"
	"github.com/gonvenience/ytbx"
	"github.com/homeport/dyff/pkg/dyff"
	"github.com/rogpeppe/go-internal/diff"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// patched is a document that differs as files do.
type patched interface{ patch() ([]byte, error) }

func isPatch(doc Doc) bool { _, ok := doc.(patched); return ok }

// renderUnified writes what patch takes, and nothing where nothing differs. What could not be seen is a line that
// patch passes over.
func renderUnified(doc Doc, _ Style) ([]byte, error) {
	d, ok := doc.(patched)
	if !ok {
		return nil, fmt.Errorf("%T is no patch", doc)
	}
	return d.patch()
}

// unified is how one text differs from another, as diff -u has it.
func unified(from, before, to, after string) string {
	text := string(diff.Diff(from, []byte(before), to, []byte(after)))
	_, text, _ = strings.Cut(text, "\n") // "diff FROM TO": what follows names both again
	return text
}

// yamlOf is an object as a file; no object is an empty one.
func yamlOf(body map[string]any) (string, error) {
	if body == nil {
		return "", nil
	}
	text, err := yaml.Marshal(body)
	if err != nil {
		return "", err
	}
	return cleanLines(string(text)), nil
}

// cleanLines is a text without what a terminal or a browser acts on, each line on its own.
func cleanLines(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(facts.Text(line))
	}
	return out.String()
}

// human is what differs between two objects, as dyff words it. Its library keeps its colours in one place for all.
func human(before, after map[string]any, style Style) (string, error) {
	var files [2]ytbx.InputFile
	for i, body := range []map[string]any{before, after} {
		text, err := yamlOf(body)
		if err != nil {
			return "", err
		}
		if files[i].Documents, err = ytbx.LoadYAMLDocuments([]byte(text)); err != nil {
			return "", err
		}
	}
	found, err := dyff.CompareInputFiles(files[0], files[1], dyff.KubernetesEntityDetection(false))
	if err != nil {
		return "", err
	}
	painting.Lock()
	defer painting.Unlock()
	color := bunt.OFF
	if style.Color {
		color = bunt.ON
	}
	bunt.SetColorSettings(color, bunt.OFF)
	var out bytes.Buffer
	words := dyff.HumanReport{
		Report: found, Indent: 2, OmitHeader: true, DoNotInspectCerts: true, NoTableStyle: true,
		MinorChangeThreshold: 0, MultilineContextLines: 2, PrefixMultiline: true,
	}
	err = words.WriteReport(&out)
	return strings.TrimLeft(strings.TrimRight(out.String(), " \n"), "\n"), err
}

var painting sync.Mutex

// alike is two objects without fields that an API server drops on the one side and the other side lacks: null and
// nothing are no difference. Keys of data are kept, since there an empty text is one.
func alike(before, after map[string]any, top bool) (was, is map[string]any) {
	was, is = map[string]any{}, map[string]any{}
	for key, v := range before {
		if _, both := after[key]; both || !empty(v) {
			was[key] = v
		}
	}
	for key, v := range after {
		if _, both := before[key]; both || !empty(v) {
			is[key] = v
		}
	}
	for key := range was {
		other, both := is[key]
		switch {
		case top && key == "data" || !both:
		case empty(was[key]) && empty(other):
			is[key] = was[key]
		default:
			was[key], is[key] = alikeValues(was[key], other)
		}
	}
	return was, is
}

func alikeValues(a, b any) (was, is any) {
	x, xMap := a.(map[string]any)
	y, yMap := b.(map[string]any)
	if xMap && yMap {
		x, y = alike(x, y, false)
		return x, y
	}
	p, pList := a.([]any)
	q, qList := b.([]any)
	if !pList || !qList || len(p) != len(q) {
		return a, b
	}
	was1, is1 := make([]any, len(p)), make([]any, len(q))
	for i := range p {
		was1[i], is1[i] = alikeValues(p[i], q[i])
	}
	return was1, is1
}

// empty holds of what an API server drops.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
