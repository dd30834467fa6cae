package scaffold

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// clusterName matches what can stand in files, paths and commands.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._@:/-]*[A-Za-z0-9])?$`)

// check finds what no tree can be made of.
func (m *maker) check() {
	seen := map[string]string{}
	for _, c := range m.clusters {
		if !clusterName.MatchString(c.Name) || !fs.ValidPath(path.Clean(c.Path)) || path.Clean(c.Path) == "." {
			m.problem(fmt.Sprintf("%q", c.Name), fmt.Sprintf("with %q is no name and directory that files can be made of", c.Path), "name the cluster in "+fleet.File)
		}
		if len(c.Values) == 0 {
			m.problem(c.Name, "its release has no values of its own", "see what it was installed with: helm -n "+m.cilium.Namespace+" get values "+m.cilium.Release)
		}
		if c.Version == "" {
			m.problem(c.Name, "the version of its chart is not known", "give it: --cilium-version X.Y.Z")
		}
		for name := range c.Settings {
			if !variableName.MatchString(name) {
				m.problem(c.Name+" "+name, "this setting's name is none that Flux substitutes: it refuses all of them",
					"rename it to letters, digits and underscores")
			}
		}
		if path, ok := mergeKey("", map[string]any(c.Values)); ok {
			m.problem(string(path), "is a key that means merging to YAML: kustomize drops it, however it is quoted", "give the release values without it")
		}
		id := c.Values.Text("cluster.id")
		if other, ok := seen[id]; ok && id != "" && id != "0" {
			m.problem("cluster.id", fmt.Sprintf("%s and %s both have %s", other, c.Name, id), "compare the clusters: are two contexts one cluster?")
		}
		seen[id] = c.Name
		if masked := m.masked(c); len(masked) > 0 {
			m.problem(c.Path+"/"+settingsFile, c.Name+"'s settings "+strings.Join(masked, ", ")+" look like secrets, which are not read, and the file would lose them",
				"put the cluster's own "+settingsFile+" there first")
		}
	}
}

// mergeKey finds a key "<<".
func mergeKey(path values.Path, value any) (values.Path, bool) {
	var below []any
	switch v := value.(type) {
	case []any:
		below = v
	case map[string]any:
		if _, ok := v["<<"]; ok {
			return path.Child("<<"), true
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if at, ok := mergeKey(path.Child(key), v[key]); ok {
				return at, true
			}
		}
	}
	for i, v := range below {
		if at, ok := mergeKey(path.Child(fmt.Sprint(i)), v); ok {
			return at, true
		}
	}
	return "", false
}

// masked are the settings whose text was not read.
func (m *maker) masked(c Cluster) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if c.Settings[name] == facts.Redacted {
			names = append(names, name)
		}
	}
	return names
}

// secrets finds the values that must not be in Git and keeps them out, or refuses where no Secret is named.
func (m *maker) secrets() {
	m.held = map[values.Path]bool{}
	for _, c := range m.clusters {
		held("", map[string]any(c.Values), map[string]any(facts.Redact(c.Values)), m.held)
	}
	for _, at := range slices.Sorted(maps.Keys(m.held)) {
		s := Secret{Path: at}
		for _, c := range m.clusters {
			if _, ok := c.Values.Lookup(at); ok {
				s.Clusters = append(s.Clusters, c.Name)
			}
		}
		m.tree.Secrets = append(m.tree.Secrets, s)
		if m.options.Secret == "" {
			m.problem(string(at), "is a secret on "+words(s.Clusters)+": it does not go into Git",
				"name a Secret that will hold it: --secret cilium-secret-values")
		}
	}
}

// held notes the paths at which masking changes value. Lists are replaced whole by Helm, so one secret in a list keeps
// the list out.
func held(path values.Path, value, masked any, out map[values.Path]bool) {
	v, isMap := value.(map[string]any)
	if !isMap {
		if !values.Equal(value, masked) || hides(value) {
			out[path] = true
		}
		return
	}
	for key := range v {
		held(path.Child(key), v[key], masked.(map[string]any)[key], out)
	}
}

// hides tells whether something in value was masked before it came here.
func hides(value any) bool {
	switch v := value.(type) {
	case string:
		return v == facts.Redacted
	case []any:
		return slices.ContainsFunc(v, hides)
	case map[string]any:
		for _, below := range v {
			if hides(below) {
				return true
			}
		}
	}
	return false
}

// notes say what a person should know of the tree.
func (m *maker) notes() {
	note := func(format string, args ...any) { m.tree.Notes = append(m.tree.Notes, fmt.Sprintf(format, args...)) }
	for _, c := range m.clusters {
		for _, path := range literals("", map[string]any(c.Values)) {
			note("%s: %s holds a literal ${: the bootstrap put no variable in there; it is kept as it is", c.Name, path)
		}
		if c.APIs == nil {
			note("%s: which versions of Flux's kinds it serves is not known; written for Flux 2.7 and later", c.Name)
		} else if !slices.ContainsFunc(c.APIs, func(a facts.FluxAPI) bool { return len(a.Served) > 0 }) {
			note("%s: Flux is not installed there yet; written for Flux 2.7 and later", c.Name)
		}
	}
	versions := map[string]bool{}
	for _, c := range m.clusters {
		versions[c.Version] = true
	}
	if len(versions) > 1 {
		note("clusters run different versions: %s", strings.Join(slices.Sorted(maps.Keys(versions)), ", "))
	}
	if len(m.clusters) > 1 {
		note("one push wires all %d clusters: to take one first, scaffold that one first", len(m.clusters))
	}
}

// literals are the paths of texts that look like variables.
func literals(path values.Path, value any) []values.Path {
	var all []values.Path
	switch v := value.(type) {
	case string:
		if strings.Contains(v, "${") {
			all = append(all, path)
		}
	case []any:
		for i := range v {
			all = append(all, literals(path.Child(fmt.Sprint(i)), v[i])...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, literals(path.Child(key), v[key])...)
		}
	}
	return all
}

// next are the commands that follow: what only the user may do.
func (m *maker) next() {
	if len(m.tree.Secrets) == 0 {
		return
	}
	for _, c := range m.clusters {
		var paths [][]string
		for _, s := range m.tree.Secrets {
			if slices.Contains(s.Clusters, c.Name) {
				paths = append(paths, s.Path.Keys())
			}
		}
		list, _ := json.Marshal(paths)
		program := ". as $v | reduce " + string(list) + "[] as $p ({}; if ($v | getpath($p)) == null then . else setpath($p; $v | getpath($p)) end)"
		m.tree.Next = append(m.tree.Next, fmt.Sprintf(
			"helm --kube-context %[1]s -n %[2]s get values %[3]s -o json | jq %[4]s | kubectl --context %[1]s -n %[5]s create secret generic %[6]s --from-file=values.yaml=/dev/stdin",
			shell(c.Context), m.cilium.Namespace, m.cilium.Release, shell(program), m.flux.HelmReleaseNamespace, m.options.Secret))
	}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._@:/=-]+$`)

// shell quotes a word of a command line.
func shell(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
