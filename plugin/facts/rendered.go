package facts

import "github.com/cilium-gitops/cilium-gitops/plugin/values"

// How Helm applies a release's objects. An install is not an upgrade: there is no record of what was there before.
const (
	ServerSide = "ssa" // fields are owned by managers; what another manager still owns stays
	ClientSide = "csa" // a patch of three ways: the record's manifest, the new one, and what lives
)

// Rendered is what Flux would apply of Cilium's chart, and what is there already. Secrets are masked, yet two that are
// the same have the same mask, and two that differ do not.
type Rendered struct {
	By           string `json:"by"`                 // "HelmRelease/kube-system/cilium"
	Release      string `json:"release"`            // "kube-system/cilium": by what Helm's record is found
	Revision     int    `json:"revision,omitempty"` // of the record that would be upgraded; 0: Flux would install
	To           int    `json:"to,omitempty"`       // of the record whose manifest After is, where that is gone back to
	Method       string `json:"method"`             // ssa | csa
	Chart        string `json:"chart"`
	ChartVersion string `json:"chartVersion"` // as templates see it: with Flux's suffix
	ChartFrom    string `json:"chartFrom"`    // where its bytes come from
	KubeVersion  string `json:"kubeVersion,omitempty"`

	Before []Object `json:"before,omitempty"` // the record's manifest
	After  []Object `json:"after,omitempty"`  // what Flux would apply
	Live   []Object `json:"live,omitempty"`   // those of both that exist
	Hooks  []Hook   `json:"hooks,omitempty"`  // what would run besides
	// LiveSeen: what Live lacks does not exist.
	LiveSeen bool `json:"liveSeen,omitempty"`
	// Intent is what decides what Flux would release; nil where it is not a HelmRelease that was rendered.
	Intent *Intent `json:"intent,omitempty"`
	// Inputs are the objects of the tree that values and variables are taken from, compared with the cluster's.
	Inputs []Input `json:"inputs,omitempty"`
	// Unknown says what could not be known of all this, each in a sentence.
	Unknown []string `json:"unknown,omitempty"`
}

// Object is one Kubernetes object.
type Object struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Namespace  string      `json:"namespace,omitempty"`
	Name       string      `json:"name"`
	Body       values.Tree `json:"body,omitempty"`
	// Owners are who applied or updated a live object, without those of its status.
	Owners []Owner `json:"owners,omitempty"`
	// Random are the fields that come out differently each time the chart is rendered: Helm makes them.
	Random []values.Path `json:"random,omitempty"`
}

// Owner is one field manager of a live object.
type Owner struct {
	Manager   string         `json:"manager"`
	Operation string         `json:"operation"`        // Apply | Update
	Fields    map[string]any `json:"fields,omitempty"` // as metadata.managedFields has them
}

// Key finds an object whatever its API's version.
func (o Object) Key() string { return o.Kind + "/" + o.Namespace + "/" + o.Name }

// Hook is an object that Helm creates besides the release's: a Job that runs once.
type Hook struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Events    []string `json:"events"`
}
