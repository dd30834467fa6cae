package lint_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

var (
	// uninstalls are the rules against what would take Cilium away: remediation by uninstall, force, pruning.
	uninstalls = []string{"CGL212", "CGL213", "CGL214", "CGL216", "CGL221", "CGL222", "CGL414"}
	// certificateLoop is the rule against drift that never ends.
	certificateLoop = []string{"CGL224"}
)

// found has a tree meet the fault of each rule.
func found(t *testing.T, row string, rules []string) {
	t.Helper()
	all := fixtures()
	var result faultproxy.Result
	for _, id := range rules {
		finds(t, id, all[id])
		result.Add(all[id].fault(), "found by "+id)
	}
	result.Keep(t, "plugin/lint", row)
}

// fault is what is wrong with a tree, in the words of the finding.
func (f fixture) fault() string { return `a tree of which is said "` + f.says + `"` }

// TestFault_R12_Tree: with these a failure, or a commit that lacks a file, would take Cilium away.
func TestFault_R12_Tree(t *testing.T) { found(t, "R12", uninstalls) }

// TestFault_R23_Ignored: the certificates that Helm makes are not among what drift detection leaves alone.
func TestFault_R23_Ignored(t *testing.T) { found(t, "R23", certificateLoop) }
