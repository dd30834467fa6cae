// Package plugin holds the packages of kubectl cilium-gitops and flux handover. In reading order:
//
//   - values: Helm value trees: looking up, laying over, differing
//   - facts: what is known of one cluster at one time; data only
//   - fleet: which clusters there are and what is expected of them
//   - live: a gatherer: cluster -> facts; never writes
//   - files: files of the user's, written all or none
//   - manifest: YAML files with places, and edits that keep their comments
//   - repo: a gatherer: Git working tree -> facts, built and substituted as Flux does it
//   - chart: a gatherer: the chart, rendered as helm-controller would
//   - bootstrap: a gatherer: the values that Cilium was installed with before Flux
//   - probe: the program inside a probe's pods
//   - checkout: what the user's git says of the checkout, and a label in it, committed and pushed by that git
//   - check: every judgement of a cluster: facts in, verdict out
//   - impact: what of the cluster would change, and which pods would restart
//   - compare: in what clusters differ, and which variable explains it
//   - lint: every judgement of a tree's manifests, with file and line
//   - scaffold: the GitOps files of a fleet, as data
//   - runbook: a fleet's own pages: handing over, what is wrong, the way back
//   - report: everything printable, in every format
//   - cli: cobra, flags and wiring
//
// Imports point one way, from cli down to values; TestImports in internal/rules holds that.
package plugin
