// Package lint judges the manifests of a GitOps tree: what Flux would do with Cilium that nobody wants, from the files
// alone. A rule is a row and one pure function over what was read; it finds places, says what is wrong, and, where the
// repair is mechanical, how the text changes. It must know neither files nor clusters nor printing.
package lint
