package report

import (
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

func TestDrillDocuments(t *testing.T) {
	blind := handover.Refusal{ID: "HP601", Reason: "what a drill has to know could not be seen", Hint: "See what is in the way: kubectl cilium-gitops verify --phase gitops.", Evidence: []check.Evidence{{Where: "pods", Got: "forbidden"}}, Unknown: true}
	done := []DrillDone{{
		Cluster: "infra", Name: "health-agent", Check: "CG501", Run: "20261122T091200Z-4f1c", Outcome: facts.DrillShown, At: morning, Took: 31 * time.Second, Lasted: 75 * time.Second,
		Text: "HealthCheckFailed: timeout waiting for: [DaemonSet/kube-system/cilium status: 'InProgress']\x1b[2J", Notes: []string{"drift is ignored of Secret every name: /data"},
		Steps: []handover.StepRecord{{ID: "hold", Title: "hold", Began: morning, Ended: morning.Add(10 * time.Second), Text: "suspended"}, {ID: "see", Title: "see"}},
	}, {
		Cluster: "infra", Name: "health-operator", Check: "CG503", Outcome: facts.DrillNotShown, Text: "it is healthy to it: 0 of 0 pods",
		Seen: []handover.PodEvent{{Time: morning, Pod: "Pod/kube-system/cilium-operator-1", Text: "gone or replaced"}},
	}, {
		Cluster: "apps", Name: "stable", Check: "CG603", Outcome: DrillNotDone, Text: "step resume: not within 5m0s",
	}, {
		Cluster: "apps", Name: "drift-child", Check: "CG602", Outcome: DrillUnseen, Refusals: []handover.Refusal{blind},
	}, {
		Cluster: "apps", Name: "git-change", Check: "CG604", Outcome: DrillNotBegun,
	}}
	assertFormats(t, "drills", NewDrills(done, []string{"flux handover drill --context apps --undo"}), "table", "wide", "json", "name")
	last := &facts.DrillResult{Outcome: facts.DrillShown, At: morning}
	there := map[string][]DrillThere{"stable": {
		OfDrillPlan(&handover.Plan{Cluster: "infra", Ready: true, Drill: &handover.DrillPlan{Takes: time.Minute}}, last),
		OfDrillPlan(&handover.Plan{Cluster: "apps", Refusals: []handover.Refusal{blind}, Drill: &handover.DrillPlan{}}, nil),
		OfDrillPlan(&handover.Plan{Cluster: "lab", Ready: true, Drill: &handover.DrillPlan{Finding: "it has wait: true"}}, nil),
	}}
	assertFormats(t, "drill-list", NewDrillList(handover.Drills()[:2], there), "table", "json", "name")
}
