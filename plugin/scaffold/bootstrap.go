package scaffold

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// bootstrap adds what installs Cilium before Flux is there, with the values that Flux has: a helmfile, and the
// template that makes its values from the HelmRelease and the cluster's settings.
func (m *maker) bootstrap() {
	file := m.options.Fleet.Bootstrap.Helmfile
	if file == "" {
		return
	}
	template := path.Join(path.Dir(file), "templates", "values.yaml.gotmpl")
	m.file(file, m.helmfile(), Keep, Additions{})
	m.file(template, m.gotmpl(path.Dir(template)), Generated, Additions{})
}

func (m *maker) helmfile() string {
	var b strings.Builder
	b.WriteString("# Installs Cilium once, before Flux can: helmfile -f " + m.options.Fleet.Bootstrap.Helmfile +
		" -e CLUSTER --kube-context CONTEXT -l name=" + m.cilium.Release + " sync\n" +
		"# Never where a HelmRelease manages it: Flux and helmfile would undo each other.\nenvironments:\n")
	for _, c := range m.clusters {
		fmt.Fprintf(&b, "  %s: {}\n", quoted(c.Name))
	}
	name := "cilium"
	b.WriteString("---\n")
	if !m.isOCI() {
		fmt.Fprintf(&b, "repositories:\n  - name: cilium\n    url: %s\n", m.options.Chart)
		name = "cilium/cilium"
	} else {
		name = m.options.Chart
	}
	fmt.Fprintf(&b, "releases:\n  - name: %s\n    namespace: %s\n    chart: %s\n", m.cilium.Release, m.cilium.Namespace, name)
	fmt.Fprintf(&b, "    version: {{ %s | dig \"data\" %q \"\" | quote }}\n",
		m.settingsExpr(path.Dir(m.options.Fleet.Bootstrap.Helmfile)), versionVariable)
	b.WriteString("    wait: true\n    values:\n      - templates/values.yaml.gotmpl\n")
	return b.String()
}

// settingsExpr reads the settings of the environment's cluster, from a directory of the repository.
func (m *maker) settingsExpr(from string) string {
	return fmt.Sprintf("(readFile (printf %q (index %s .Environment.Name)) | fromYaml | default dict)",
		up(from)+"%s/"+settingsFile, m.pathsExpr())
}

// pathsExpr is a dict of each cluster's directory.
func (m *maker) pathsExpr() string {
	var b strings.Builder
	b.WriteString("(dict")
	for _, c := range m.clusters {
		fmt.Fprintf(&b, " %q %q", c.Name, c.Path)
	}
	return b.String() + ")"
}

// up is the way from a directory to the repository's root.
func up(from string) string { return strings.Repeat("../", strings.Count(path.Clean(from), "/")+1) }

// gotmpl does to the HelmRelease what Flux does: its text is substituted first and read as YAML then, so that types
// come out the same.
func (m *maker) gotmpl(from string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("{{/* The values that Flux gives Cilium on the cluster of this environment: the HelmRelease's text with the variables of")
	line("     the cluster's settings put in, read as YAML afterwards, as kustomize-controller does it. */}}")
	line("{{- $settings := %s.data -}}", m.settingsExpr(from))
	line("{{- $dollar := \"\\x01\" -}}")
	line("{{- $text := readFile %q | replace \"$$\" $dollar -}}", up(from)+corePath+"/helmrelease.yaml")
	if m.template.quotes {
		line("{{- $text = $text | replace \"${quote}\" \"\\\"\" -}}")
	}
	var names []string
	for _, v := range m.template.variables {
		names = append(names, fmt.Sprintf("%q", v.Name))
	}
	slices.Sort(names)
	line("{{- range $name := list %s -}}", strings.Join(names, " "))
	line("{{- $text = $text | replace (printf \"${%%s}\" $name) (index $settings $name) -}}")
	line("{{- end -}}")
	line("{{- $values := ($text | replace $dollar \"$\" | fromYaml).spec.values -}}")
	m.gotmplPatches(line, from)
	if len(m.tree.Secrets) > 0 {
		line("{{- /* What is not in Git: the file that %s was made from. */ -}}", m.options.Secret)
		line("{{- $values = mergeOverwrite (readFile (requiredEnv \"CILIUM_SECRET_VALUES\") | fromYaml) $values -}}")
	}
	line("{{ $values | toYaml }}")
	return b.String()
}

// gotmplPatches lays the cluster's own values over the shared ones.
func (m *maker) gotmplPatches(line func(string, ...any), from string) {
	if len(m.template.patches) == 0 {
		return
	}
	line("{{- $files := readFile (printf %q (index %s .Environment.Name)) -}}", up(from)+"%s/"+wiringFile, m.pathsExpr())
	line("{{- range $doc := splitList \"\\n---\\n\" $files -}}")
	line("{{- $kustomization := fromYaml $doc | default dict -}}")
	line("{{- if eq (dig \"metadata\" \"name\" \"\" $kustomization) %q -}}", m.flux.Kustomization)
	line("{{- range (dig \"spec\" \"patches\" list $kustomization) -}}")
	line("{{- range (.patch | replace \"$$\" \"$\" | fromYaml) -}}")
	line("{{- $at := $values -}}")
	line("{{- $keys := .path | trimPrefix \"/spec/values/\" | splitList \"/\" -}}")
	line("{{- range (initial $keys) -}}{{- $at = index $at (. | replace \"~1\" \"/\" | replace \"~0\" \"~\") -}}{{- end -}}")
	line("{{- $_ := set $at (last $keys | replace \"~1\" \"/\" | replace \"~0\" \"~\") .value -}}")
	line("{{- end -}}{{- end -}}{{- end -}}{{- end -}}")
}
