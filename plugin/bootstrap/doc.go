// Package bootstrap reads the values that Cilium was installed with before Flux: a values file, or what the user's own
// helmfile makes of its state. It runs helmfile for nothing but write-values, which changes no cluster, and repeats
// nothing that helmfile prints, for that may quote secrets. It must not know what the values are compared with.
package bootstrap
