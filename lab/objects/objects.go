// Package objects is what a lab's cluster holds beside Cilium, as manifests: namespaces, the simulated kubelet's
// rules, Flux and Cilium's neighbours.
package objects

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/node"
)

//go:embed manifests
var manifests embed.FS

// Data is what the manifests leave open.
type Data struct {
	Cluster fleet.Cluster
	GitURL  string
	Real    bool   // pods run on nodes of the lab's own; the simulated kubelet has the rest
	LogFile string // what every container answers when asked for its log
}

// Controller is one of Flux's controllers.
type Controller struct{ Name, Version string }

type view struct {
	Data
	Nodes       []fleet.Node
	SecurePort  int
	Flux        []Controller
	FluxVersion string
}

// Controllers are Flux's controllers that a lab runs.
func Controllers() []Controller {
	return []Controller{
		{"source-controller", component.Source}, {"kustomize-controller", component.Kustomize}, {"helm-controller", component.HelmCtl},
	}
}

// All returns the objects that are there before Cilium, in the order in which they can be applied.
func All(data Data) ([]*api.Object, error) { return matching("manifests/*.yaml", data) }

// After returns the objects of kinds that Cilium brings; played agents have no use for them.
func After(data Data) ([]*api.Object, error) {
	if !data.Real {
		return nil, nil
	}
	return matching("manifests/after/*.yaml", data)
}

func matching(pattern string, data Data) ([]*api.Object, error) {
	names, err := fs.Glob(manifests, pattern)
	if err != nil {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	var all []*api.Object
	for _, name := range names {
		objects, err := render(name, view{data, data.Cluster.Nodes(), node.SecurePort, Controllers(), component.Flux})
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

func render(name string, data view) ([]*api.Object, error) {
	raw, err := manifests.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Funcs(template.FuncMap{
		"fields":     strings.Fields,
		"list":       func(items ...string) []string { return items },
		"trimPrefix": func(prefix, s string) string { return strings.TrimPrefix(s, prefix) },
	}).Parse(string(raw))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, err
	}
	// The simulated kubelet's own templates are written with other brackets, to survive this one.
	text := strings.NewReplacer("{%", "{{", "%}", "}}").Replace(out.String())
	return api.Parse([]byte(text))
}
