package scaffold

import (
	"encoding/json"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// texts are the settings from which Flux makes what each cluster has. Flux substitutes text into YAML, so a string
// that YAML reads as something else needs quotes: around the variable, or, where clusters have different types, in
// the setting.
func (d *designer) texts(nodes []node) (texts map[string]string, quoted, ok bool) {
	texts = map[string]string{}
	strs := all(nodes, func(n node) bool { _, ok := n.value.(string); return ok })
	plain := all(nodes, func(n node) bool { return reads(scalar(n.value), n.value) })
	quotable := strs && all(nodes, func(n node) bool { return reads(`"`+n.value.(string)+`"`, n.value) })
	for i, n := range nodes {
		text := scalar(n.value)
		switch {
		case plain:
		case quotable:
			quoted = true
		case !reads(text, n.value):
			raw, _ := json.Marshal(n.value)
			text = string(raw)
		}
		if strings.Contains(text, "\n") || !plain && !quotable && !reads(text, n.value) {
			return nil, false, false
		}
		texts[d.clusters[i].Name] = text
	}
	return texts, quoted, true
}

// scalar is a value as a setting: its text.
func scalar(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}

// reads tells whether YAML reads text, in a map and in a list, as want: the YAML 1.1 of Kubernetes as well as the YAML
// 1.2 of helmfile, which differ on what is a number, a switch or a date.
func reads(text string, want any) bool {
	if strings.ContainsAny(text, "\n\r") {
		return false
	}
	readers := []func([]byte, any) error{
		func(data []byte, into any) error { return yaml.UnmarshalStrict(data, into) },
		yaml3.Unmarshal,
	}
	for _, read := range readers {
		var in struct{ A map[string]any }
		if read([]byte("a:\n  v: "+text+"\n  w: 1\n"), &in) != nil || len(in.A) != 2 || !values.Equal(in.A["v"], want) {
			return false
		}
		var list struct{ A []any }
		if read([]byte("a:\n- "+text+"\n- 1\n"), &list) != nil || len(list.A) != 2 || !values.Equal(list.A[0], want) {
			return false
		}
	}
	return true
}
