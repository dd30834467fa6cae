package facts

import "fmt"

// GitUnknown is one field that is made of a variable whose value the tree does not tell.
type GitUnknown struct {
	GitPlace `json:",inline"`
	Object   string `json:"object"` // "HelmRelease/kube-system/cilium"
	Field    string `json:"field"`  // "spec.values.k8sServiceHost"
	Variable string `json:"variable"`
	From     string `json:"from"` // "Secret/flux-system/cluster-secrets"
	// Why it is not known: it is encrypted, it is not in the tree, or what the cluster answered.
	Why string `json:"why"`
}

// MaxUnknown bounds Git.Unknown.
const MaxUnknown = 50

// Text is u in a sentence.
func (u GitUnknown) Text() string {
	return fmt.Sprintf("%s of %s is not known: ${%s} is of %s, and %s", u.Field, u.Object, u.Variable, u.From, u.Why)
}
