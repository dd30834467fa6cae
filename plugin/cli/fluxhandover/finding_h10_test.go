package fluxhandover

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestFinding_H10_RefusalsNameTheWayOut: a journal that this tool does not write is refused, and the refusal says what it
// would do, who wrote it, and how to be rid of it.
func TestFinding_H10_RefusalsNameTheWayOut(t *testing.T) {
	for name, forge := range map[string]func(*handover.Journal){
		"a name that is none":     func(j *handover.Journal) { j.Name = " " },
		"a command as name":       func(j *handover.Journal) { j.Name = "cleanup --yes" },
		"a drill that is none":    func(j *handover.Journal) { j.Name = "drill x" },
		"no plan":                 func(j *handover.Journal) { j.Name = "drill stable" },
		"a path as name of run":   func(j *handover.Journal) { j.Run = "../x" },
		"a backup of anybody's":   func(j *handover.Journal) { j.Backup = "/tmp/x" },
		"a baseline of elsewhere": func(j *handover.Journal) { j.Base = &facts.Live{UID: "other"} },
	} {
		forged := aJournal("uid-infra", morning)
		forged.Steps[0].Begun = 1
		forge(forged)
		r := aRun(t, &bytes.Buffer{}, 0)
		r.resume = true
		r.clusters["infra"].kept.journal = forged
		at := target("infra")
		_, err := r.unfinished(context.Background(), &job{target: at, cluster: r.clusters["infra"]}, "uid-infra")
		if code(t, err) != cli.ExitRefused {
			t.Fatalf("%s: %v", name, err)
		}
		for _, want := range []string{
			"not one that this tool writes", "nothing was done", "flux handover status --context infra",
			"delete configmap cilium-gitops-handover", "--show-managed-fields", "flux handover plan --context infra",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: does not say %q: %v", name, want, err)
			}
		}
	}
	forged := aJournal("uid-infra", morning)
	forged.Name, forged.Steps[0].Begun = "drill stable", 1
	o := &drillOptions{runOptions: *aRun(t, &bytes.Buffer{}, 0).runOptions}
	j := &drillJob{job: &job{target: target("infra"), journal: forged}}
	err := o.planUndo(context.Background(), j, facts.Facts{})
	if code(t, err) != cli.ExitRefused || !strings.Contains(err.Error(), "delete configmap cilium-gitops-drill") {
		t.Errorf("drill --undo: %v", err)
	}
}
