package handover_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// refusalsOf are the refusals that belong to a row of the faults, by their names in refusals.
var refusalsOf = map[string][]string{
	"R10": {"release pending", "release failed", "release missing", "a second release", "a record by another name"},
	"R11": {"wrong target namespace", "wrong release name", "wrong storage namespace", "another chart", "a HelmRelease in another namespace", "a second HelmRelease"},
	"R12": {
		"install remediation", "install remediates for ever", "upgrade remediation", "upgrade remediates its last", "remediation by uninstall",
		"force", "cleanup on fail", "prune without orphan",
	},
}

// refused has the plan meet each fault of a row.
func refused(t *testing.T, row string) {
	t.Helper()
	var result faultproxy.Result
	for _, name := range refusalsOf[row] {
		refuses(t, name)
		result.Add(name, "the plan is refused by "+refusals[name].id)
	}
	result.Keep(t, "plugin/handover", row)
}

// TestFault_R10_Release: Helm's release is not one that may be adopted. Nothing repairs it.
func TestFault_R10_Release(t *testing.T) { refused(t, "R10") }

// TestFault_R11_Names: with these the HelmRelease would install a second Cilium, not adopt the one that runs.
func TestFault_R11_Names(t *testing.T) { refused(t, "R11") }

// TestFault_R12_Remediation: with these a failure, or a commit that lacks a file, would take Cilium away.
func TestFault_R12_Remediation(t *testing.T) { refused(t, "R12") }
