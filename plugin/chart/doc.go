// Package chart fetches Cilium's chart and renders what Flux would apply, as helm-controller does: with the cluster's
// version and APIs, its objects where templates look them up, the version that Flux gives the chart, and the
// post-renderers. It reads real values, secrets too; what leaves it is masked. It must not judge what it renders.
package chart
