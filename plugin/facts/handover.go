package facts

import "time"

// The parts that a handover needs besides.
const (
	Identity Part = "identity" // the UID of Namespace kube-system: which cluster this is, whatever it is called
	Sources  Part = "sources"  // Flux's sources: Git repositories, OCI artifacts, Helm repositories, Helm charts
	Fields   Part = "fields"   // who owns fields of the release's objects
)

// Source is one object that Flux fetches artifacts by, as the cluster has it.
type Source struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	By         string `json:"by,omitempty"` // the Kustomization that applies it, "namespace/name"
	URL        string `json:"url,omitempty"`
	From       string `json:"from,omitempty"` // of a HelmChart: the source that it is taken from, "Kind/namespace/name"
	Type       string `json:"type,omitempty"` // of a HelmRepository: oci | default. An oci one is static and never ready
	Suspend    bool   `json:"suspend,omitempty"`
	// Revision is its artifact's: "main@sha1:4f1c...", "1.18.2@sha256:0c34..."; empty where it has none.
	Revision   string      `json:"revision,omitempty"`
	Digest     string      `json:"digest,omitempty"` // of the artifact's bytes
	Conditions []Condition `json:"conditions,omitempty"`
	Interval   string      `json:"interval,omitempty"` // how often it is fetched, as written
	Generation int64       `json:"generation,omitempty"`
	// Fetched is when the controller last stored an artifact: a fetch that finds nothing new does not move it.
	Fetched            time.Time `json:"fetched,omitzero"`
	ObservedGeneration int64     `json:"observedGeneration,omitempty"`
	HandledReconcileAt string    `json:"handledReconcileAt,omitempty"` // the last request to fetch that was answered
	RequestedAt        string    `json:"requestedAt,omitempty"`        // the newest request to fetch
}

// Ref is "Kind/namespace/name".
func (s Source) Ref() string { return s.Kind + "/" + s.Namespace + "/" + s.Name }

// FieldOwners is who owns fields of one object of the release, its status aside.
type FieldOwners struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Managers  []string `json:"managers,omitempty"` // "helm (Apply)", "helm-controller (Apply)", "kubectl-edit (Update)"
	// Shared counts the fields that manager helm and helm-controller both apply, Left those that helm alone still does.
	Shared int `json:"shared,omitempty"`
	Left   int `json:"left,omitempty"`
}
