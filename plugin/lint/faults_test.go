package lint_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// offence is a rule, and what a tree does that goes against it.
type offence struct{ id, what string }

var (
	// uninstalls are the rules against what would take Cilium away.
	uninstalls = []offence{
		{"CGL212", "install remediation"}, {"CGL213", "remediation by uninstall"}, {"CGL214", "upgrade remediation"}, {"CGL216", "force"},
		{"CGL221", "objects that are not kept"}, {"CGL222", "a HelmRelease that may be pruned"}, {"CGL414", "prune without orphan"},
	}
	// certificateLoop is the rule against drift that never ends.
	certificateLoop = []offence{{"CGL224", "drift detection of Helm-made certificates"}}
)

// found has a tree go against each rule.
func found(t *testing.T, row string, all []offence) {
	t.Helper()
	of := fixtures()
	var result faultproxy.Result
	for _, o := range all {
		finds(t, o.id, of[o.id])
		result.Add(o.what, "found by "+o.id)
	}
	result.Keep(t, "plugin/lint", row)
}

// TestFault_R12_Tree: with these a failure, or a commit that lacks a file, would take Cilium away.
func TestFault_R12_Tree(t *testing.T) { found(t, "R12", uninstalls) }

// TestFault_R23_Ignored: the certificates that Helm makes are not among what drift detection leaves alone.
func TestFault_R23_Ignored(t *testing.T) { found(t, "R23", certificateLoop) }
