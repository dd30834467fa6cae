// Package handover plans how a bootstrapped Cilium comes under Flux's control, runs such plans, and undoes them. A plan
// is computed from facts and touches nothing; the Runner executes that very plan, writes down each step before it
// takes it, and goes on where another process stopped. It reaches a cluster through World alone, so that a run can be
// tried against a model and broken at every request. It must not know clients, Helm or printing.
package handover
