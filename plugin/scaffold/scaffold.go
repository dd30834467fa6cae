// Package scaffold is the GitOps files of a fleet, as data: one HelmRelease for all clusters, made from the values
// that their Helm releases have now, with a variable exactly where they differ. It reads and writes no file and talks
// to no cluster; whoever calls it does.
package scaffold

import (
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Cluster is what is known of one cluster that the files are made from.
type Cluster struct {
	fleet.Cluster
	// Values are those that the user supplied to Helm. Secrets may be masked; they are never written.
	Values values.Tree
	// Version is the chart's: "1.18.2".
	Version string
	// Settings are the variables that Flux substitutes there now; nil where there are none.
	Settings map[string]string
	// Nodes is how many nodes Cilium runs on; 0 where nobody counted.
	Nodes int
	// APIs are Flux's kinds as the cluster serves them; nil where nobody asked.
	APIs []facts.FluxAPI
}

// Options say what the files are to be like.
type Options struct {
	Fleet fleet.Fleet // whose names are used; its clusters are not
	// Chart is where the chart comes from: https://.. of a Helm repository, or oci://.. of the chart itself.
	Chart string
	// Insecure fetches the chart without TLS.
	Insecure bool
	// Source is what the Flux Kustomization takes its tree from: "GitRepository/flux-system".
	Source string
	// Secret names the Secret that holds the values which must not be in Git; empty refuses them.
	Secret string
}

// DefaultChart is the Helm repository that has every version of Cilium.
const DefaultChart = "https://helm.cilium.io/"

// DefaultSource is what Flux's own bootstrap calls its source.
const DefaultSource = "GitRepository/flux-system"

// Tree is the files of a fleet and what led to them.
type Tree struct {
	Files     []File
	Variables []Variable
	Patches   []Patch
	Secrets   []Secret
	Problems  []Problem // where there are any, nothing is to be written
	Notes     []string
	// Next are the commands that come after writing.
	Next []string
}

// File is one file, its path from the repository's root with slashes.
type File struct {
	Path string
	Text string
	// How says what becomes of a file that is there already.
	How How
	// Adds is what has to be in a file that is shared with others.
	Adds Additions
}

// How a file that is there already is treated.
type How int

// The ways.
const (
	Whole     How = iota // it is ours: what differs is a conflict
	Resources            // a kustomization.yaml: our resources are added
	Settings             // a ConfigMap of settings: our variables are added
	Documents            // documents side by side: ours is added, or compared where it is there
	Clusters             // a fleet file: our clusters are added
	Generated            // it is ours alone where it begins as ours does: made anew
	Keep                 // it is somebody's: left alone
)

// Additions are what has to be in a shared file.
type Additions struct {
	Resources []string
	Settings  map[string]string
	Clusters  []fleet.Cluster
	// Beside are the files whose presence makes a new kustomization.yaml wrong: without one Flux takes every file of
	// the directory, with one only those it names.
	Beside []string
}

// Variable is one ${NAME} of the tree.
type Variable struct {
	Name  string            `json:"name"`
	Paths []values.Path     `json:"paths"`  // of the values that it decides; none for the version
	Texts map[string]string `json:"values"` // by cluster
	New   bool              `json:"new"`    // the settings do not have it yet
}

// Patch is one value that cannot be a variable, because clusters differ in shape there.
type Patch struct {
	Cluster string      `json:"cluster"`
	Path    values.Path `json:"path"`
	Value   any         `json:"value"`
	Why     string      `json:"why"`
}

// Secret is one value that must not be in Git.
type Secret struct {
	Path     values.Path `json:"path"`
	Clusters []string    `json:"clusters"`
}

// Problem is something because of which no tree can be written.
type Problem struct {
	Where   string `json:"where"` // a path of the values, or a file
	Message string `json:"message"`
	Next    string `json:"next"` // what to do
}

// Make writes the tree of those clusters.
func Make(clusters []Cluster, options Options) Tree {
	m := &maker{options: options, clusters: clusters, flux: options.Fleet.Flux, cilium: options.Fleet.Cilium}
	m.check()
	m.secrets()
	m.template = design(clusters, m.held)
	m.tree.Problems = append(m.tree.Problems, m.template.problems...)
	m.tree.Variables = m.template.variables
	m.tree.Patches = m.template.patches
	m.notes()
	if len(m.tree.Problems) > 0 {
		return m.tree
	}
	m.files()
	m.next()
	return m.tree
}

// maker collects a tree.
type maker struct {
	options  Options
	clusters []Cluster
	flux     facts.FluxNames
	cilium   facts.Names
	held     map[values.Path]bool // what stays out of Git
	template template
	tree     Tree
}

func (m *maker) problem(where, message, next string) {
	m.tree.Problems = append(m.tree.Problems, Problem{where, message, next})
}

func (m *maker) file(path, text string, how How, adds Additions) {
	m.tree.Files = append(m.tree.Files, File{Path: path, Text: text, How: how, Adds: adds})
}

// files are all files, in the order in which they are read.
func (m *maker) files() {
	m.file(corePath+"/helmrelease.yaml", m.helmRelease(), Whole, Additions{})
	name, text := m.source()
	m.file(corePath+"/"+name, text, Whole, Additions{})
	ours := []string{name, "helmrelease.yaml"}
	m.file(corePath+"/kustomization.yaml", coreKustomization(name), Resources, Additions{Resources: ours, Beside: ours})
	for _, c := range m.clusters {
		m.cluster(c)
	}
	m.file(fleet.File, m.fleetFile(), Clusters, Additions{Clusters: m.fleetClusters()})
	m.bootstrap()
}

// corePath is where the shared HelmRelease lives.
const corePath = "kubernetes/infrastructure/networking/cilium/core"

// names are those of the clusters, in their order.
func (m *maker) names() []string {
	var all []string
	for _, c := range m.clusters {
		all = append(all, c.Name)
	}
	return all
}

// knows tells whether every cluster that was asked has field in its API of that kind; all of them, where nobody asked.
func (m *maker) knows(kind, field string) bool {
	for _, c := range m.clusters {
		for _, api := range c.APIs {
			if api.Kind == kind && len(api.Served) > 0 && !slices.Contains(api.Fields, field) {
				return false
			}
		}
	}
	return true
}

// served is the newest of versions that every cluster serves for kind, or the newest where nobody asked.
func (m *maker) served(kind string, versions ...string) string {
	for _, version := range versions {
		everywhere := true
		for _, c := range m.clusters {
			for _, api := range c.APIs {
				if api.Kind == kind && len(api.Served) > 0 && !slices.Contains(api.Served, version) {
					everywhere = false
				}
			}
		}
		if everywhere {
			return version
		}
	}
	return versions[0]
}
