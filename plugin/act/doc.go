// Package act changes a cluster; no other package does. It takes the actions of a handover one at a time, so that each
// may be repeated, and keeps what a handover needs around them: its lock, its journal, a backup, and watches of Cilium's
// pods and the HelmRelease. It decides nothing: what is done, in which order and whether at all is package handover's.
// It knows no verb that uninstalls.
package act
