package facts

import "github.com/cilium-gitops/cilium-gitops/plugin/values"

// Git is what a Git working tree says of one cluster: what Flux would apply there, and from which lines. Secrets are
// masked; nothing of it is asked of a cluster.
type Git struct {
	Path     string `json:"path"`               // the cluster's entry point: "kubernetes/clusters/infra"
	Revision string `json:"revision,omitempty"` // the commit that is checked out, in full; empty where it is not known
	// Checkout is what git says of the working tree; nil where git was not asked.
	Checkout *GitCheckout `json:"checkout,omitempty"`

	// Kustomizations are the Flux Kustomizations that apply the tree, each behind the one that brought it. The first
	// is the entry point; where no Kustomization of the tree has its path, it has no name.
	Kustomizations []GitKustomization `json:"kustomizations,omitempty"`
	// Objects are all objects that those apply, as kustomize-controller would, in their order.
	Objects []GitObject `json:"objects,omitempty"`
	// Releases are the HelmReleases of Cilium, the fleet's own first.
	Releases []GitRelease `json:"releases,omitempty"`
	// Sources are the objects that artifacts are fetched by.
	Sources []GitSource `json:"sources,omitempty"`
	// Settings is the ConfigMap of the cluster's settings, as the tree has it.
	Settings *ConfigMap `json:"settings,omitempty"`
	// Variables are all that are defined for substitution or asked for, by name.
	Variables []GitVariable `json:"variables,omitempty"`
	// Unknown are the fields of what brings Cilium about that are made of variables which only the cluster knows.
	Unknown []GitUnknown `json:"unknown,omitempty"`
	// Problems are what kept part of the tree from being read as Flux reads it.
	Problems []GitProblem `json:"problems,omitempty"`
}

// Cilium is the HelmRelease that the fleet calls Cilium's, else the only one there is; nil when there is none.
func (g *Git) Cilium() *GitRelease {
	if g == nil || len(g.Releases) == 0 {
		return nil
	}
	return &g.Releases[0]
}

// Kustomization finds one by "namespace/name"; nil when there is none.
func (g *Git) Kustomization(id string) *GitKustomization {
	if g == nil {
		return nil
	}
	for i := range g.Kustomizations {
		if g.Kustomizations[i].ID() == id {
			return &g.Kustomizations[i]
		}
	}
	return nil
}

// Object finds one by its kind, namespace and name; nil when no Kustomization applies it.
func (g *Git) Object(kind, namespace, name string) *GitObject {
	if g == nil {
		return nil
	}
	for i := range g.Objects {
		if o := &g.Objects[i]; o.Kind == kind && o.Namespace == namespace && o.Name == name {
			return o
		}
	}
	return nil
}

// GitPlace is where in the working tree something stands. Lines and columns begin at 1; 0 is unknown.
type GitPlace struct {
	File   string `json:"file,omitempty"` // from the repository's root, with slashes
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// GitObject is one object that a Kustomization applies.
type GitObject struct {
	GitPlace    `json:",inline"`
	APIVersion  string            `json:"apiVersion"`
	Kind        string            `json:"kind"`
	Namespace   string            `json:"namespace,omitempty"`
	Name        string            `json:"name"`
	By          string            `json:"by,omitempty"` // the Kustomization, "namespace/name"; empty for a nameless entry point
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// GitKustomization is one Flux Kustomization. Durations are as written ("10m"); what is not written is empty.
type GitKustomization struct {
	GitPlace          `json:",inline"`
	APIVersion        string            `json:"apiVersion,omitempty"`
	Namespace         string            `json:"namespace,omitempty"`
	Name              string            `json:"name,omitempty"`
	By                string            `json:"by,omitempty"`          // what applies it, "namespace/name"; empty for the entry point
	Path              string            `json:"path"`                  // from the repository's root, without "./"
	Source            string            `json:"source,omitempty"`      // "GitRepository/flux-system/flux-system"
	NotFollowed       string            `json:"notFollowed,omitempty"` // why what it applies is not known
	Interval          string            `json:"interval,omitempty"`
	RetryInterval     string            `json:"retryInterval,omitempty"`
	Timeout           string            `json:"timeout,omitempty"`
	Suspend           bool              `json:"suspend,omitempty"`
	SuspendWritten    bool              `json:"suspendWritten,omitempty"` // suspend is in Git, be it true or false
	Prune             bool              `json:"prune,omitempty"`
	Wait              bool              `json:"wait,omitempty"`
	Force             bool              `json:"force,omitempty"`
	DeletionPolicy    string            `json:"deletionPolicy,omitempty"`
	TargetNamespace   string            `json:"targetNamespace,omitempty"`
	ServiceAccount    string            `json:"serviceAccount,omitempty"`
	DependsOn         []string          `json:"dependsOn,omitempty"`    // "namespace/name"
	HealthChecks      []string          `json:"healthChecks,omitempty"` // "DaemonSet/kube-system/cilium"
	Substitute        map[string]string `json:"substitute,omitempty"`
	SubstituteFrom    []GitReference    `json:"substituteFrom,omitempty"`
	SubstituteAlways  bool              `json:"substituteAlways,omitempty"`
	Decryption        string            `json:"decryption,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	CommonLabels      map[string]string `json:"commonLabels,omitempty"`
	CommonAnnotations map[string]string `json:"commonAnnotations,omitempty"`
	Patched           bool              `json:"patched,omitempty"` // it patches what it applies
	Applies           int               `json:"applies,omitempty"` // how many objects
}

// ID is "namespace/name", empty for a nameless entry point.
func (k GitKustomization) ID() string {
	if k.Name == "" {
		return ""
	}
	return k.Namespace + "/" + k.Name
}

// GitReference is a ConfigMap or Secret that values or variables are taken from.
type GitReference struct {
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Key        string `json:"key,omitempty"`
	TargetPath string `json:"targetPath,omitempty"`
	Optional   bool   `json:"optional,omitempty"`
	Found      bool   `json:"found,omitempty"`     // the tree has it
	Encrypted  bool   `json:"encrypted,omitempty"` // the tree has it, but only its keys can be read
}

// GitVariable is one variable of post-build substitution, with one definition. Asked for and defined nowhere, it has
// no From; defined and asked for nowhere, it has no Used.
type GitVariable struct {
	GitPlace `json:",inline"` // of its definition
	Name     string           `json:"name"`
	Value    string           `json:"value,omitempty"`
	From     string           `json:"from,omitempty"` // "ConfigMap/flux-system/cluster-settings", "Kustomization/flux-system/cilium-core"
	Secret   bool             `json:"secret,omitempty"`
	// Unknown: only the cluster has its value; in Git it is encrypted.
	Unknown bool `json:"unknown,omitempty"`
	// For are the Kustomizations that have this definition, "namespace/name".
	For  []string `json:"for,omitempty"`
	Used []GitUse `json:"used,omitempty"`
}

// GitUse is one place where a variable is asked for.
type GitUse struct {
	GitPlace   `json:",inline"`
	Object     string `json:"object"`               // "HelmRelease/kube-system/cilium"
	Field      string `json:"field,omitempty"`      // "spec.values.cluster.name"
	Expression string `json:"expression,omitempty"` // "${CLUSTER}", "${CLUSTER:=infra}"
	Default    bool   `json:"default,omitempty"`    // the expression says what to do without a value
}

// The kinds of problems.
const (
	ProblemYAML       = "yaml"       // a file is not YAML
	ProblemSchema     = "schema"     // an object is not what its API takes
	ProblemBuild      = "build"      // kustomize cannot build a directory
	ProblemMissing    = "missing"    // something that is referred to is not in the tree
	ProblemRemote     = "remote"     // something is elsewhere and was not fetched
	ProblemVariable   = "variable"   // a variable has no value
	ProblemSubstitute = "substitute" // substitution left no valid object behind
	ProblemValues     = "values"     // values cannot be composed
	ProblemEncrypted  = "encrypted"  // contents are encrypted
	ProblemLink       = "link"       // a symbolic link: Flux's artifact holds none
	ProblemLimit      = "limit"      // larger or deeper than is looked at
)

// GitProblem is one thing that kept part of the tree from being read as Flux reads it. Where Fatal, Flux itself would
// fail; else it is this reading alone that could not tell.
type GitProblem struct {
	GitPlace `json:",inline"`
	Kind     string `json:"kind"`
	Fatal    bool   `json:"fatal,omitempty"`
	By       string `json:"by,omitempty"` // the Kustomization, "namespace/name"
	Object   string `json:"object,omitempty"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message"`
}

// GitSource is one object that artifacts are fetched by: a repository of charts, an OCI artifact, Git.
type GitSource struct {
	GitPlace   `json:",inline"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	By         string `json:"by,omitempty"` // the Kustomization that applies it
	URL        string `json:"url,omitempty"`
	Type       string `json:"type,omitempty"` // of a HelmRepository: oci | default
	Tag        string `json:"tag,omitempty"`
	SemVer     string `json:"semver,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Branch     string `json:"branch,omitempty"`
	MediaType  string `json:"mediaType,omitempty"` // of layerSelector
	Operation  string `json:"operation,omitempty"` // of layerSelector
	Verify     string `json:"verify,omitempty"`    // the provider
	Interval   string `json:"interval,omitempty"`
	Suspend    bool   `json:"suspend,omitempty"`
	Chart      string `json:"chart,omitempty"`   // of a HelmChart
	Version    string `json:"version,omitempty"` // of a HelmChart
}

// Ref is "Kind/namespace/name".
func (s GitSource) Ref() string { return s.Kind + "/" + s.Namespace + "/" + s.Name }

// GitTemplated is one value that a variable decides.
type GitTemplated struct {
	Path      values.Path `json:"path"`
	Template  string      `json:"template"` // "${CLUSTER_ID}"
	Variables []string    `json:"variables"`
}
