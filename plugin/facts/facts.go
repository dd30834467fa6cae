// Package facts is what is known of one cluster at one time. It is data: small structs of our own that outlive API
// versions, travel through YAML unchanged, and hold nothing secret. It must not know where facts come from or what
// they mean.
package facts

import (
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// APIVersion and Kind head every recording.
const (
	APIVersion = "cilium-gitops.dev/v1alpha1"
	Kind       = "Facts"
)

// Part names one thing that is looked at as a whole: it is seen or it is not. Checks say which parts they need;
// gathering is the union of the needs.
type Part string

// The parts of a cluster.
const (
	Version         Part = "version"         // the API server's version
	Nodes           Part = "nodes"           // every Node
	DaemonSets      Part = "daemonsets"      // Cilium's, kube-proxy's and Spegel's, in any namespace
	Deployments     Part = "deployments"     // of Cilium's namespace and its release's in others; its StatefulSets
	Pods            Part = "pods"            // of Cilium's namespace, and its release's in others
	Config          Part = "config"          // ConfigMap cilium-config
	Settings        Part = "settings"        // ConfigMap cluster-settings
	Releases        Part = "releases"        // Helm's records of Cilium: their labels
	Release         Part = "release"         // the newest record's contents
	Certificates    Part = "certificates"    // Hubble's, their validity alone
	CRDs            Part = "crds"            // names, labels and Gateway API bundle
	GatewayClasses  Part = "gatewayclasses"  // all
	ServiceMonitors Part = "servicemonitors" // Cilium's
	Agents          Part = "agents"          // cilium-dbg status of every agent, by exec
	BGP             Part = "bgp"             // cilium-dbg bgp peers of every agent, by exec
	Tree            Part = "git"             // the cluster's part of the Git working tree
)

// Facts is what is known of one cluster.
type Facts struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`

	Cluster string    `json:"cluster"`           // the fleet's name for it
	Context string    `json:"context,omitempty"` // the kubeconfig context it was reached by
	Server  string    `json:"server,omitempty"`  // the API server's URL
	Taken   time.Time `json:"taken"`             // when the looking began, UTC

	Expect Expect `json:"expect"` // what the fleet asks of this cluster
	Live   Live   `json:"live"`
	// Base is what the cluster said before, where there is a before: at the beginning of a handover, in a baseline.
	Base *Live `json:"base,omitempty"`
	// Accepted are the objects, "Kind/namespace/name", of which somebody accepted by name what has become of them since
	// Base: their pods are others, or their contents.
	Accepted []string `json:"accepted,omitempty"`
	// Own are workloads that were known to be the release's before anything was looked at, "Kind/namespace/name": with
	// them a look at few parts tells the same pods as one at all.
	Own []string `json:"own,omitempty"`
	Git *Git     `json:"git,omitempty"` // what the repository says; nil where nobody looked
	// Rendered is what Flux would apply, where that was asked for.
	Rendered *Rendered `json:"rendered,omitempty"`

	// Seen are the parts that were looked at in full: what such a part lacks is truly absent. A part that is in none
	// of Seen, Blind and Declined was never asked for, and nothing can be said of it.
	Seen []Part `json:"seen,omitempty"`
	// Blind says of each part that could not be seen why not.
	Blind map[Part]string `json:"blind,omitempty"`
	// Declined says of each part that the user chose not to look at which choice that was.
	Declined map[Part]string `json:"declined,omitempty"`
}

// Accepts tells whether somebody accepted what has become of an object, "Kind/namespace/name".
func (f Facts) Accepts(object string) bool { return slices.Contains(f.Accepted, object) }

// Expect is what the fleet asks of a cluster: names, and which features it must have.
type Expect struct {
	// Name is what the fleet file calls this cluster; empty when no fleet file names it.
	Name   string    `json:"name,omitempty"`
	Cilium Names     `json:"cilium"`
	Flux   FluxNames `json:"flux"`
	// Prometheus is left out of recordings made before anybody asked.
	Prometheus PrometheusNames   `json:"prometheus,omitzero"`
	Features   map[string]string `json:"features"` // feature -> required | optional | off
	// Variables are the names that the working tree takes of the cluster's settings; nil where no tree was read.
	Variables []string `json:"variables,omitzero"`
}

// Names are those of Cilium's objects.
type Names struct {
	Namespace string `json:"namespace"`
	Release   string `json:"release"`
	DaemonSet string `json:"daemonSet"`
	Operator  string `json:"operator"`
}

// FluxNames are those of Flux's objects.
type FluxNames struct {
	Namespace            string `json:"namespace"`
	Kustomization        string `json:"kustomization"`
	HelmRelease          string `json:"helmRelease"`
	HelmReleaseNamespace string `json:"helmReleaseNamespace"`
	Source               string `json:"source"`
	Settings             string `json:"settings"`
}

// Live is what the cluster says of itself. A nil pointer or an empty list is absence, where the part was seen.
type Live struct {
	Version         string              `json:"version,omitempty"` // "v1.37.2"
	Nodes           []Node              `json:"nodes,omitempty"`
	DaemonSets      []Workload          `json:"daemonSets,omitempty"`
	Deployments     []Workload          `json:"deployments,omitempty"`
	StatefulSets    []Workload          `json:"statefulSets,omitempty"`
	Pods            []Pod               `json:"pods,omitempty"`
	Config          *ConfigMap          `json:"config,omitempty"`
	Settings        *ConfigMap          `json:"settings,omitempty"`
	Records         []Record            `json:"records,omitempty"`
	Search          *RecordSearch       `json:"search,omitempty"` // nil where there is a record
	Release         *ReleaseContents    `json:"release,omitempty"`
	Certificates    []Certificate       `json:"certificates,omitempty"`
	CRDs            []CRD               `json:"crds,omitempty"`
	GatewayClasses  []GatewayClass      `json:"gatewayClasses,omitempty"`
	ServiceMonitors []ServiceMonitor    `json:"serviceMonitors,omitempty"`
	HelmReleases    []HelmRelease       `json:"helmReleases,omitempty"`
	Kustomizations  []FluxKustomization `json:"kustomizations,omitempty"`
	FluxAPIs        []FluxAPI           `json:"fluxAPIs,omitempty"`
	UID             string              `json:"uid,omitempty"` // of Namespace kube-system
	Sources         []Source            `json:"sources,omitempty"`
	Fields          []FieldOwners       `json:"fields,omitempty"`
	Intent          *Intent             `json:"intent,omitempty"`
	Elsewhere       []string            `json:"elsewhere,omitempty"` // HelmReleases of Cilium with spec.kubeConfig, "namespace/name": another cluster's
	Uses            []SourceUse         `json:"uses,omitempty"`      // by HelmReleases that are not Cilium's
	Controllers     []Controller        `json:"controllers,omitempty"`
	Agents          []Agent             `json:"agents,omitempty"`
	BGP             []AgentBGP          `json:"bgp,omitempty"`
	Probe           *Probe              `json:"probe,omitempty"`
	Streams         *Streams            `json:"streams,omitempty"`
	Health          []AgentHealth       `json:"health,omitempty"`
	Tunnels         []AgentTunnels      `json:"tunnels,omitempty"`
	Relays          []RelayStatus       `json:"relays,omitempty"`
	Scraping        []Scraping          `json:"scraping,omitempty"`
	Issuers         []Issuer            `json:"issuers,omitempty"`
	Fetches         []Source            `json:"fetches,omitempty"`
	Fetching        []Fetched           `json:"fetching,omitempty"`
	Mirrored        *Mirrored           `json:"mirrored,omitempty"`
	Issuance        *Issuance           `json:"issuance,omitempty"`
}

// ConfigMap is one ConfigMap's data.
type ConfigMap struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Data      map[string]string `json:"data,omitempty"`
	// Changed is when anybody last changed its data, from managedFields; zero where the cluster does not say.
	Changed time.Time `json:"changed,omitzero"`
}

// Record is one Helm release record, by its Secret's labels: what it holds has not been read.
type Record struct {
	Namespace string    `json:"namespace"`
	Secret    string    `json:"secret"`
	Release   string    `json:"release"`
	Revision  int       `json:"revision"`
	Status    string    `json:"status"` // deployed, superseded, failed, pending-install, pending-upgrade ...
	Modified  time.Time `json:"modified,omitzero"`
	// Chart is the name of its chart; read only from releases that are not Cilium's own but sound like it.
	Chart string `json:"chart,omitempty"`
	// Compared: the objects that its release names have been compared with those of Cilium's own. Shared is how many both
	// name; Own are those that it alone names, "Kind/namespace/name", the first MaxOwn of OwnCount.
	Compared bool     `json:"compared,omitempty"`
	Shared   int      `json:"shared,omitempty"`
	OwnCount int      `json:"ownCount,omitempty"`
	Own      []string `json:"own,omitempty"`
	// Driver is where Helm keeps it: empty for a Secret, "configmap" for a ConfigMap, whose name is Secret then.
	Driver string `json:"driver,omitempty"`
}

// MaxOwn bounds Record.Own.
const MaxOwn = 4

// RecordSearch is what was found when Helm had no record by the fleet's name where the fleet expects it.
type RecordSearch struct {
	// Claim is the release that the agents' DaemonSet says it belongs to, "namespace/name"; empty where it says none.
	Claim string `json:"claim,omitempty"`
	// Records are those of a release of that name, or of the fleet's, in any namespace.
	Records []Record `json:"records,omitempty"`
	// Blind says where could not be looked, and why.
	Blind []string `json:"blind,omitempty"`
}

// ReleaseContents is what the newest record of the release holds; of its manifest, which workloads there are.
type ReleaseContents struct {
	Namespace    string    `json:"namespace"`
	Name         string    `json:"name"`
	Revision     int       `json:"revision"`
	Status       string    `json:"status"`
	Chart        string    `json:"chart"`        // "cilium"
	ChartVersion string    `json:"chartVersion"` // "1.18.2", after adoption perhaps "1.18.2+0c347cf81b87"
	AppVersion   string    `json:"appVersion"`
	ApplyMethod  string    `json:"applyMethod,omitempty"` // ssa | csa | "" (Helm 3: csa)
	Deployed     time.Time `json:"deployed,omitzero"`
	// Workloads are the DaemonSets, Deployments and StatefulSets of its manifest, "Kind/namespace/name".
	Workloads []string    `json:"workloads,omitempty"`
	Values    values.Tree `json:"values,omitempty"`   // what the user supplied, secrets masked
	Defaults  values.Tree `json:"defaults,omitempty"` // the chart's
}

// Computed is the user's values laid over the chart's. It is for reading: it shares what is in it with both.
func (r *ReleaseContents) Computed() values.Tree { return values.Laid(r.Defaults, r.Values) }
