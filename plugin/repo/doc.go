// Package repo reads a Git working tree as Flux would: for each cluster it starts at the cluster's entry point, builds
// with kustomize, substitutes variables, follows nested Kustomizations and composes the values of Cilium's
// HelmRelease. What it finds becomes facts.Git, with file and line.
//
// It never writes into the tree, follows no symbolic link, fetches nothing, and bounds what it reads: a tree is
// whoever's. It must not know clusters or judge what it reads.
package repo
