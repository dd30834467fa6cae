// Package breaks does harm to a lab, one named fault at a time, and undoes it. Before anything is changed, what was
// there is written down in the state folder, so that another process, later, can put it back.
package breaks

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/control"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
)

// Scope is what a break is aimed at.
type Scope string

// The scopes: --node and --user are read by those that say so.
const (
	OnCluster Scope = "cluster"
	OnNode    Scope = "node"
	OnUser    Scope = "user"
)

// Break is one fault.
type Break struct {
	Name  string
	About string // what is wrong afterwards, in a line
	Scope Scope
	// Cluster is where it happens unless the user says otherwise; empty for the first.
	Cluster string
	// Do breaks, and returns when the effect can be seen.
	Do func(context.Context, *Target) error
	// Undo runs after everything in the record's images was put back; nil when there is nothing more to do.
	Undo func(context.Context, *Target) error
	// First is set for breaks that keep the lab from reaching the cluster: they are undone before others and without it.
	First bool
}

// Record is a break in force.
type Record struct {
	Break   string    `json:"break"`
	Cluster string    `json:"cluster"`
	Node    string    `json:"node,omitempty"`
	User    string    `json:"user,omitempty"`
	Since   time.Time `json:"since"`
	Images  []Image   `json:"images,omitempty"`
	// Note is whatever the break needs to remember for its undoing.
	Note map[string]string `json:"note,omitempty"`
}

// Image is an object as it was; no object means that there was none.
type Image struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Namespace  string          `json:"namespace,omitempty"`
	Name       string          `json:"name"`
	Object     json.RawMessage `json:"object,omitempty"`
}

// Target is the cluster a break works on, and the record it keeps.
type Target struct {
	Record  *Record
	Lab     *site.Lab
	Cluster control.Cluster
	Client  *api.Client
	Kube    kubernetes.Interface
}

// Table lists every break.
func Table() []Break {
	var all []Break
	for _, some := range [][]Break{agentBreaks(), workloadBreaks(), objectBreaks(), helmBreaks(), settingsBreaks(), aroundBreaks(), accessBreaks(), realBreaks()} {
		all = append(all, some...)
	}
	return all
}
