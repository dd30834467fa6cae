package fluxhandover

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// records is a world that has Helm's records, and remembers what was done.
type records struct {
	handover.World

	fails error
	done  []handover.Action
}

func (r *records) Image(context.Context, handover.Ref) (json.RawMessage, error) {
	return json.RawMessage(`{"kind":"Secret","metadata":{"name":"sh.helm.release.v1.x.v1","resourceVersion":"7"},"data":{"release":"c2VjcmV0"}}`), r.fails
}

func (r *records) Do(_ context.Context, a handover.Action) error {
	r.done = append(r.done, a)
	return nil
}

// TestFinding_M23_Backup: a record is on this machine, for its owner alone, before it is removed, and the answer says where;
// what cannot be kept is not removed.
func TestFinding_M23_Backup(t *testing.T) {
	ref := handover.Ref{APIVersion: "v1", Kind: "Secret", Namespace: "flux-system", Name: "sh.helm.release.v1.x.v1"}
	for _, fails := range []error{nil, errors.New("no answer")} {
		w := &records{fails: fails}
		o := &cleanupOptions{runOptions: runOptions{aims: newAims(env(nil)), state: aState(t)}}
		j := &job{target: target("infra"), cluster: &pretend{world: w}}
		c := report.CleanupCluster{Cluster: "infra", Leftovers: []report.CleanupItem{{
			Leftover: handover.Leftover{Ref: ref, Action: &handover.Action{Verb: handover.Remove, Ref: ref}}, Outcome: report.LeftFound,
		}}}
		o.remove(t.Context(), j, &c)
		item := c.Leftovers[0]
		if fails != nil {
			if item.Outcome != report.LeftFailed || len(w.done) > 0 {
				t.Errorf("not kept, and removed: %+v %v", item, w.done)
			}
			continue
		}
		raw, err := os.ReadFile(item.Backup)
		if err != nil || item.Outcome != report.LeftRemoved || len(w.done) != 1 || !strings.Contains(string(raw), "c2VjcmV0") || strings.Contains(string(raw), "resourceVersion") {
			t.Errorf("%v %+v %s", err, item, raw)
		}
		if info, err := os.Stat(item.Backup); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
	}
}
