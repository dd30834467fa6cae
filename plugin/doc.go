// Package plugin holds the packages of kubectl cilium-gitops and flux handover. In reading order:
//
//   - values: Helm value trees
//   - facts: what is known of one cluster at one time; data only
//   - fleet: which clusters there are and what is expected of them
//   - manifest: files of objects as text: where each field stands, and edits that leave all else as it is
//   - lint: every judgement of manifests: a tree in, findings out
//   - repo: a gatherer: Git working tree -> facts.Git, and what lint asks for; never writes
//   - live: a gatherer: cluster -> facts; never writes
//   - check: every judgement: facts in, verdict out
//   - report: everything printable, in every format
//   - cli: cobra, flags and wiring
//
// Imports point one way, from cli down to values; TestImports in internal/rules holds that.
package plugin
