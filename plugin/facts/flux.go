package facts

import (
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// The parts of a cluster that Flux owns.
const (
	HelmReleases   Part = "helmreleases"   // those of Cilium, in any namespace
	Kustomizations Part = "kustomizations" // Flux's, in any namespace
)

// HelmRelease is one HelmRelease of Cilium's, as the cluster has it. Durations are as written.
type HelmRelease struct {
	APIVersion         string            `json:"apiVersion"`
	Namespace          string            `json:"namespace"`
	Name               string            `json:"name"`
	Generation         int64             `json:"generation"`
	ObservedGeneration int64             `json:"observedGeneration"`
	Labels             map[string]string `json:"labels,omitempty"`
	Annotations        map[string]string `json:"annotations,omitempty"`
	Suspend            bool              `json:"suspend,omitempty"`
	// SuspendedBy are the field managers that own spec.suspend, where it is set: whose they are decides who takes it back.
	SuspendedBy        []string    `json:"suspendedBy,omitempty"`
	Deleting           bool        `json:"deleting,omitempty"`
	ReleaseName        string      `json:"releaseName,omitempty"` // as written
	TargetNamespace    string      `json:"targetNamespace,omitempty"`
	StorageNamespace   string      `json:"storageNamespace,omitempty"`
	Chart              string      `json:"chart,omitempty"`        // spec.chart.spec.chart
	ChartVersion       string      `json:"chartVersion,omitempty"` // spec.chart.spec.version
	Source             string      `json:"source,omitempty"`       // "OCIRepository/kube-system/cilium-charts"
	Interval           string      `json:"interval,omitempty"`
	Timeout            string      `json:"timeout,omitempty"`
	DriftDetection     string      `json:"driftDetection,omitempty"` // the mode
	Values             values.Tree `json:"values,omitempty"`         // inline, secrets masked
	ValuesFrom         []string    `json:"valuesFrom,omitempty"`     // "ConfigMap/cilium-values"
	Conditions         []Condition `json:"conditions,omitempty"`
	History            []Snapshot  `json:"history,omitempty"` // newest first
	LastAction         string      `json:"lastAction,omitempty"`
	ConfigDigest       string      `json:"configDigest,omitempty"` // of the values last attempted
	StoredIn           string      `json:"storedIn,omitempty"`     // status.storageNamespace: where its history's records are
	HandledReconcileAt string      `json:"handledReconcileAt,omitempty"`
	// Drills are the last results of the drills, by their names, from the annotation of DrillsAnnotation.
	Drills map[string]DrillResult `json:"drills,omitempty"`
}

// Release is the name of the Helm release that it manages: spec.releaseName, else target namespace and name joined,
// else its own name (helm-controller's GetReleaseName).
func (h HelmRelease) Release() string {
	switch {
	case h.ReleaseName != "":
		return h.ReleaseName
	case h.TargetNamespace != "":
		return h.TargetNamespace + "-" + h.Name
	}
	return h.Name
}

// Storage is the namespace of its release records: its own, whatever the target, unless spec.storageNamespace says.
func (h HelmRelease) Storage() string {
	if h.StorageNamespace != "" {
		return h.StorageNamespace
	}
	return h.Namespace
}

// Target is the namespace of the release.
func (h HelmRelease) Target() string {
	if h.TargetNamespace != "" {
		return h.TargetNamespace
	}
	return h.Namespace
}

// ID is "namespace/name".
func (h HelmRelease) ID() string { return h.Namespace + "/" + h.Name }

// Snapshot is one entry of a HelmRelease's status.history.
type Snapshot struct {
	Name         string    `json:"name"`
	Namespace    string    `json:"namespace"`
	Version      int64     `json:"version"`
	Status       string    `json:"status"`
	Action       string    `json:"action,omitempty"`
	Chart        string    `json:"chart,omitempty"`
	ChartVersion string    `json:"chartVersion,omitempty"`
	AppVersion   string    `json:"appVersion,omitempty"`
	ConfigDigest string    `json:"configDigest,omitempty"`
	LastDeployed time.Time `json:"lastDeployed,omitzero"`
}

// FluxKustomization is one Flux Kustomization as the cluster has it.
type FluxKustomization struct {
	APIVersion         string      `json:"apiVersion"`
	Namespace          string      `json:"namespace"`
	Name               string      `json:"name"`
	Generation         int64       `json:"generation"`
	ObservedGeneration int64       `json:"observedGeneration"`
	Suspend            bool        `json:"suspend,omitempty"`
	Deleting           bool        `json:"deleting,omitempty"`
	By                 string      `json:"by,omitempty"` // the Kustomization that applies it, "namespace/name"
	Path               string      `json:"path,omitempty"`
	Source             string      `json:"source,omitempty"` // "GitRepository/flux-system/flux-system"
	Prune              bool        `json:"prune,omitempty"`
	Wait               bool        `json:"wait,omitempty"`
	DeletionPolicy     string      `json:"deletionPolicy,omitempty"`
	Interval           string      `json:"interval,omitempty"`
	Timeout            string      `json:"timeout,omitempty"`
	DependsOn          []string    `json:"dependsOn,omitempty"`      // "namespace/name"
	HealthChecks       []string    `json:"healthChecks,omitempty"`   // "DaemonSet/kube-system/cilium"
	SubstituteFrom     []string    `json:"substituteFrom,omitempty"` // "ConfigMap/cluster-settings"
	Conditions         []Condition `json:"conditions,omitempty"`
	AppliedRevision    string      `json:"appliedRevision,omitempty"`   // "main@sha1:4f1c..."
	AttemptedRevision  string      `json:"attemptedRevision,omitempty"` // the last one tried
	HandledReconcileAt string      `json:"handledReconcileAt,omitempty"`
	RequestedAt        string      `json:"requestedAt,omitempty"` // the annotation of that name: handled when HandledReconcileAt is the same
	// Inventory are the objects that it has applied (status.inventory), "Kind/namespace/name", sorted. Those of Flux's own
	// API groups are kept first; InventoryOmitted is how many others were left out.
	Inventory        []string `json:"inventory,omitempty"`
	InventoryOmitted int      `json:"inventoryOmitted,omitempty"`
	// InventoryKnown: status.inventory is there. It is not where nothing has been applied yet.
	InventoryKnown bool `json:"inventoryKnown,omitempty"`
}

// MaxInventory bounds FluxKustomization.Inventory.
const MaxInventory = 512

// ID is "namespace/name".
func (k FluxKustomization) ID() string { return k.Namespace + "/" + k.Name }
