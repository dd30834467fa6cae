package facts

import "github.com/cilium-gitops/cilium-gitops/plugin/values"

// GitRelease is one HelmRelease of Cilium as the tree gives it to one cluster, after substitution. Durations are as
// written; what is not written is empty, and the defaults are helm-controller's.
type GitRelease struct {
	GitPlace   `json:",inline"`
	APIVersion string `json:"apiVersion"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	By         string `json:"by,omitempty"` // the Kustomization that applies it, "namespace/name"

	// ReleaseName, ReleaseNamespace and StorageNamespace are by what Helm's record is found, defaults applied.
	ReleaseName      string `json:"releaseName"`
	ReleaseNamespace string `json:"releaseNamespace"`
	StorageNamespace string `json:"storageNamespace"`
	// Written are the same as written.
	Written GitNames `json:"written,omitzero"`

	Chart GitChart `json:"chart"`

	Interval         string `json:"interval,omitempty"`
	Timeout          string `json:"timeout,omitempty"`
	Suspend          bool   `json:"suspend,omitempty"`
	SuspendWritten   bool   `json:"suspendWritten,omitempty"` // suspend is in Git, be it true or false
	MaxHistory       *int   `json:"maxHistory,omitempty"`
	ServiceAccount   string `json:"serviceAccount,omitempty"`
	PersistentClient *bool  `json:"persistentClient,omitempty"`
	KubeConfig       bool   `json:"kubeConfig,omitempty"` // it is released on another cluster

	Install        GitAction          `json:"install,omitzero"`
	Upgrade        GitAction          `json:"upgrade,omitzero"`
	Rollback       GitAction          `json:"rollback,omitzero"`
	Uninstall      GitUninstall       `json:"uninstall,omitzero"`
	Test           bool               `json:"test,omitempty"`
	DriftDetection *GitDriftDetection `json:"driftDetection,omitempty"`
	WaitStrategy   string             `json:"waitStrategy,omitempty"`
	DependsOn      []string           `json:"dependsOn,omitempty"` // "namespace/name"

	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	CommonLabels      map[string]string `json:"commonLabels,omitempty"`
	CommonAnnotations map[string]string `json:"commonAnnotations,omitempty"`
	PostRenderers     int               `json:"postRenderers,omitempty"` // how many

	ValuesFrom []GitReference `json:"valuesFrom,omitempty"`
	// Values are composed as helm-controller does, secrets masked; nil where they cannot be.
	Values values.Tree `json:"values,omitempty"`
	// ValuesDigest is the SHA-256 that helm-controller keeps of the composed values (status.lastAttemptedConfigDigest).
	ValuesDigest string `json:"valuesDigest,omitempty"`
	// Templated are the values that variables decide.
	Templated []GitTemplated `json:"templated,omitempty"`
	// Fields are where the fields of the manifest stand: "spec.values.cluster.name" -> its line.
	Fields map[string]int `json:"fields,omitempty"`
}

// GitNames are what a HelmRelease writes of the names of its release.
type GitNames struct {
	ReleaseName      string `json:"releaseName,omitempty"`
	TargetNamespace  string `json:"targetNamespace,omitempty"`
	StorageNamespace string `json:"storageNamespace,omitempty"`
}

// GitChart is where a HelmRelease takes its chart from.
type GitChart struct {
	// By is the field that says so: chartRef | chart; empty where neither or both are given.
	By      string `json:"by,omitempty"`
	Kind    string `json:"kind,omitempty"` // of the source: OCIRepository, HelmChart, HelmRepository, GitRepository, Bucket
	Name    string `json:"name,omitempty"` // of the chart
	Version string `json:"version,omitempty"`
	// VersionFrom is the field that gives the version: "chart.spec.version", "ref.tag", "ref.semver", "ref.digest".
	VersionFrom string `json:"versionFrom,omitempty"`
	// SourceNamespace and SourceName are the source's, defaults applied.
	SourceNamespace string `json:"sourceNamespace,omitempty"`
	SourceName      string `json:"sourceName,omitempty"`
	// Source is it, where a Kustomization of this cluster applies it.
	Source *GitSource `json:"source,omitempty"`
}

// GitAction is what a HelmRelease says of one Helm action. A nil pointer is what is not written.
type GitAction struct {
	Strategy             string `json:"strategy,omitempty"` // RemediateOnFailure | RetryOnFailure
	RetryInterval        string `json:"retryInterval,omitempty"`
	Remediation          bool   `json:"remediation,omitempty"` // remediation is written
	Retries              int    `json:"retries,omitempty"`
	RemediateLastFailure *bool  `json:"remediateLastFailure,omitempty"`
	RemediateBy          string `json:"remediateBy,omitempty"` // upgrade.remediation.strategy: rollback | uninstall
	Timeout              string `json:"timeout,omitempty"`
	CRDs                 string `json:"crds,omitempty"`
	CreateNamespace      bool   `json:"createNamespace,omitempty"`
	CleanupOnFail        bool   `json:"cleanupOnFail,omitempty"`
	Force                bool   `json:"force,omitempty"`
	Replace              bool   `json:"replace,omitempty"`
	PreserveValues       bool   `json:"preserveValues,omitempty"`
	DisableWait          bool   `json:"disableWait,omitempty"`
	DisableHooks         bool   `json:"disableHooks,omitempty"`
	DisableTakeOwnership bool   `json:"disableTakeOwnership,omitempty"`
	ServerSideApply      string `json:"serverSideApply,omitempty"` // of upgrade and rollback: enabled | disabled | auto; of install: true | false
	Recreate             bool   `json:"recreate,omitempty"`        // of rollback
}

// GitUninstall is what a HelmRelease says of Helm uninstall.
type GitUninstall struct {
	KeepHistory         bool   `json:"keepHistory,omitempty"`
	DisableWait         bool   `json:"disableWait,omitempty"`
	DeletionPropagation string `json:"deletionPropagation,omitempty"`
}

// GitDriftDetection is spec.driftDetection.
type GitDriftDetection struct {
	Mode   string      `json:"mode,omitempty"` // enabled | warn | disabled
	Ignore []GitIgnore `json:"ignore,omitempty"`
}

// GitIgnore is one rule of what is no drift.
type GitIgnore struct {
	Paths     []string `json:"paths,omitempty"`
	Kind      string   `json:"kind,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name,omitempty"`
	Selector  string   `json:"selector,omitempty"` // of labels or annotations
}
