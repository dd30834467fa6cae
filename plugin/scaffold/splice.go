package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// document is one document of a YAML file: its text and what it says.
type document struct {
	text    string
	content any
}

// documents takes a YAML file apart. The texts, joined by "---\n", are the file.
func documents(text string) ([]document, error) {
	var all []document
	for _, part := range splitDocuments(text) {
		var content any
		if err := sigs.Unmarshal([]byte(part), &content); err != nil {
			return nil, err
		}
		all = append(all, document{part, content})
	}
	return slices.DeleteFunc(all, func(d document) bool { return d.content == nil }), nil
}

func splitDocuments(text string) []string {
	var parts []string
	var part strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimRight(line, " \t\r\n") == "---" {
			parts = append(parts, part.String())
			part.Reset()
			continue
		}
		part.WriteString(line)
	}
	return append(parts, part.String())
}

// insertInto adds lines behind the last entry of the list or map at key, which has to be in block style.
func insertInto(text, key, lines string) (string, bool) {
	var root yaml.Node
	if yaml.Unmarshal([]byte(text), &root) != nil || len(root.Content) == 0 {
		return "", false
	}
	at := child(root.Content[0], key)
	if at == nil || at.Style&yaml.FlowStyle != 0 || len(at.Content) == 0 {
		return "", false
	}
	last := lastLine(at)
	indent := at.Content[0].Column - 1
	if at.Kind == yaml.SequenceNode {
		indent = at.Column - 1
	}
	all := strings.SplitAfter(text, "\n")
	if last > len(all) || indent < 0 {
		return "", false
	}
	// A value of several lines ends where the next line is indented less.
	for last < len(all) && strings.TrimSpace(all[last]) != "" && leading(all[last]) > indent {
		last++
	}
	if !strings.HasSuffix(all[last-1], "\n") {
		all[last-1] += "\n"
	}
	inserted := indented(dedent(lines), indent)
	return strings.Join(all[:last], "") + inserted + strings.Join(all[last:], ""), true
}

func leading(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// dedent takes away what all lines are indented by.
func dedent(lines string) string {
	least := -1
	for line := range strings.Lines(lines) {
		if n := leading(line); strings.TrimSpace(line) != "" && (least < 0 || n < least) {
			least = n
		}
	}
	var out strings.Builder
	for line := range strings.Lines(lines) {
		out.WriteString(line[min(max(least, 0), leading(line)):])
	}
	return out.String()
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// lastLine is the last line on which something below n begins.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// addResources adds what a kustomization.yaml does not name yet.
func addResources(old string, resources []string) (text, why string) {
	var have struct {
		Resources []string `json:"resources"`
	}
	if err := sigs.Unmarshal([]byte(old), &have); err != nil {
		return "", "cannot be read: " + err.Error()
	}
	lines, want := "", slices.Clone(have.Resources)
	for _, r := range resources {
		if !slices.ContainsFunc(have.Resources, func(h string) bool { return strings.TrimPrefix(h, "./") == r }) {
			lines += "- " + r + "\n"
			want = append(want, r)
		}
	}
	if lines == "" {
		return old, ""
	}
	text, ok := insertInto(old, "resources", lines)
	have.Resources = nil
	if !ok || sigs.Unmarshal([]byte(text), &have) != nil || !slices.Equal(have.Resources, want) {
		return "", "has no list of resources, one below the other, to add to"
	}
	return text, ""
}

// addSettings adds the variables that a ConfigMap does not have yet. One that it has with another text is a conflict:
// by force it is replaced.
func addSettings(old string, settings map[string]string, force bool) (text, why string) {
	have, err := ReadSettings([]byte(old))
	if err != nil {
		return "", "cannot be read: " + err.Error()
	}
	text = old
	want := maps.Clone(have)
	if want == nil {
		want = map[string]string{}
	}
	lines := ""
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		now, ok := have[name]
		switch {
		case !ok:
			lines += settingLine(name, settings[name], 0)
		case now == settings[name]:
		case !force:
			return "", fmt.Sprintf("%s is %q there, and %q in the release", name, now, settings[name])
		default:
			text = replaceSetting(text, name, settings[name])
		}
		want[name] = settings[name]
	}
	if lines != "" {
		var ok bool
		if text, ok = insertInto(text, "data", lines); !ok {
			return "", "has no data, one setting below the other, to add to"
		}
	}
	if got, err := ReadSettings([]byte(text)); err != nil || !maps.Equal(got, want) {
		return "", "cannot be added to"
	}
	return text, ""
}

// replaceSetting gives a setting another text on its own line.
func replaceSetting(text, name, value string) string {
	var root yaml.Node
	if yaml.Unmarshal([]byte(text), &root) != nil || len(root.Content) == 0 {
		return text
	}
	data := child(root.Content[0], "data")
	if data == nil || child(data, name) == nil {
		return text
	}
	all := strings.SplitAfter(text, "\n")
	n := child(data, name)
	all[n.Line-1] = settingLine(name, value, data.Content[0].Column-1)
	return strings.Join(all, "")
}

// putDocument adds a document to those of a file, or finds it there.
func putDocument(old, text string, force bool) (out, why string) {
	have, err := documents(old)
	if err != nil {
		return "", "cannot be read: " + err.Error()
	}
	ours, err := documents(text)
	if err != nil || len(ours) != 1 {
		panic("scaffold: not one document: " + text)
	}
	for i, d := range have {
		if identity(d.content) != identity(ours[0].content) {
			continue
		}
		if values.Equal(d.content, ours[0].content) {
			return old, ""
		}
		if !force {
			return "", "has a " + identity(d.content) + " that says something else"
		}
		have[i].text = text
		var parts []string
		for _, d := range have {
			parts = append(parts, d.text)
		}
		return strings.Join(parts, "---\n"), ""
	}
	if !strings.HasSuffix(old, "\n") && old != "" {
		old += "\n"
	}
	return old + "---\n" + text, ""
}

// identity is what tells one object from another, whatever the version of its API.
func identity(content any) string {
	m, _ := content.(map[string]any)
	meta, _ := m["metadata"].(map[string]any)
	text := func(v any) string { s, _ := v.(string); return s }
	return text(m["kind"]) + " " + text(meta["name"])
}
