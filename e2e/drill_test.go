//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// soon makes a scaffolded tree report what is not healthy after half a minute.
func (l *lab) soon(t *testing.T, tree string) {
	t.Helper()
	for _, cluster := range []string{"infra", "apps"} {
		file := filepath.Join(tree, "kubernetes/clusters", cluster, "infrastructure.yaml")
		edit(t, file, "  timeout: 20m", "  timeout: 30s")
	}
	l.must(t, tree, "git", "commit", "-q", "-a", "-m", "Report soon")
}

// quick is soon, pushed, and adopted by Flux.
func (l *lab) quick(t *testing.T, tree string) {
	t.Helper()
	l.soon(t, tree)
	before := l.both(t)
	l.sendOff(t, tree)
	l.adopted(t, tree, before)
}

// rests is a cluster as it is declared, and who owns what of the objects that drills write to; what they are meant to
// leave behind is left out.
func (l *lab) rests(t *testing.T, cluster string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, text := range l.whole(t, cluster) {
		if key != "ConfigMap/flux-system/cilium-gitops-drill" {
			all[key] = bareOf(t, text)
		}
	}
	for _, object := range []string{"daemonset/cilium", "deployment/cilium-operator"} {
		var o struct {
			Metadata struct {
				ManagedFields []struct {
					Manager, Operation, Subresource string
					FieldsV1                        any
				}
			}
		}
		out := l.must(t, "", "kubectl", "--context", cluster, "-n", "kube-system", "get", object, "-o", "json", "--show-managed-fields")
		if err := json.Unmarshal([]byte(out), &o); err != nil {
			t.Fatal(err)
		}
		for _, f := range o.Metadata.ManagedFields {
			if f.Subresource == "" {
				text, _ := json.Marshal(f.FieldsV1)
				all["owners of "+object+" "+f.Manager+" "+f.Operation] = string(text)
			}
		}
	}
	return all
}

// bareOf is an object without what a drill leaves behind on purpose, or cannot put back: its result, and the counter of
// the DaemonSet's templates.
func bareOf(t *testing.T, text string) string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	if o["kind"] == "ControllerRevision" {
		delete(o, "revision")
	}
	meta, _ := o["metadata"].(map[string]any)
	if annotations, ok := meta["annotations"].(map[string]any); ok {
		delete(annotations, "cilium-gitops.dev/drills")
		delete(annotations, "deprecated.daemonset.template.generation")
		if len(annotations) == 0 {
			delete(meta, "annotations")
		}
	}
	out, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// sameAs holds that a cluster is what it was; of objects whose keys begin with one of but nothing is said.
func (l *lab) sameAs(t *testing.T, what, cluster string, before map[string]string, but ...string) {
	t.Helper()
	after := l.rests(t, cluster)
	keys := slices.Sorted(maps.Keys(before))
	for key := range after {
		if _, there := before[key]; !there {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if slices.ContainsFunc(but, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			continue
		}
		if diff := cmp.Diff(before[key], after[key]); diff != "" {
			t.Errorf("%s: %s (-before +after):\n%s", what, key, diff)
		}
	}
}

// drills holds drills in a tree's cluster, with the rights of deploy/rbac-handover.yaml, which have to end with that exit
// code.
func (l *lab) drills(t *testing.T, tree, cluster string, code int, args ...string) result {
	t.Helper()
	r := eventually(t, func() (result, bool) {
		r := l.run(t, tree, "flux-handover", append([]string{"drill", "--context", cluster, "--as", handoverer, "--yes", "-o", "wide"}, args...)...)
		return r, r.code != 5
	})
	if r.code != code {
		t.Fatalf("drill %v: exit code %d, want %d\n%s%s", args, r.code, code, r.stderr, r.stdout)
	}
	t.Logf("drill %v:\n%s", args, r.stdout)
	return r
}

// TestDrills: on a cluster under Flux every drill shows what it is for, no pod of Cilium's changes, and afterwards every
// object is what it was; killed in the middle, whoever comes next finishes.
func TestDrills(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	l.quick(t, tree)
	for _, cluster := range []string{"infra", "apps"} {
		l.must(t, "", "kubectl", "--context", cluster, "apply", "-f", "../deploy/rbac-handover.yaml")
	}
	pods, before := l.pods(t, "infra"), l.rests(t, "infra")

	for _, drills := range [][]string{{"stable", "drift-object", "drift-child"}, {"health-agent", "health-rollout"}, {"git-change"}} {
		l.drills(t, tree, "infra", 0, drills...)
		l.sameAs(t, strings.Join(drills, ", "), "infra", before)
	}
	l.killedAndUndone(t, tree, before)
	if diff := cmp.Diff(pods, l.pods(t, "infra")); diff != "" {
		t.Errorf("pods of Cilium changed (-before +after):\n%s", diff)
	}
	if r := l.drills(t, tree, "infra", 1, "health-operator", "--allow-danger"); !strings.Contains(r.stdout, "0 of 0 pods") {
		t.Errorf("without its operator:\n%s", r.stdout)
	}
	l.sameAs(t, "health-operator", "infra", before, "Pod/kube-system/cilium-operator-", "CiliumEndpoint", "Lease")

	r := l.run(t, tree, "kubectl", "cilium-gitops", "verify", "--context", "infra", "--check", "CG501,CG502,CG503,CG601,CG602,CG603,CG604", "-o", "json")
	var v verification
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || v.Summary.Pass != 6 || v.Summary.Warn != 1 {
		t.Errorf("verify: exit code %d, %v\n%s", r.code, err, r.stdout)
	}
	l.findsWaiting(t, tree)
	l.leftInTheCluster(t, tree)
}

// leftInTheCluster: adopted by a push, the fields that Helm 4 has applied stay its own, too: a value that is taken out of
// Git stays in cilium-config. After a run it goes: see removedInGit.
func (l *lab) leftInTheCluster(t *testing.T, tree string) {
	t.Helper()
	edit(t, filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml"), "    encryption:\n      enabled: true\n      type: wireguard\n", "")
	l.must(t, tree, "git", "commit", "-q", "-am", "No encryption")
	l.sendOff(t, tree)
	l.reconcile(t, "apps", "kustomization/cilium-core")
	eventually(t, func() (string, bool) {
		got := l.get(t, "apps", "kube-system", "helmrelease/cilium", "{.status.history[0].version} {.status.conditions[?(@.type=='Ready')].status}")
		return got, got == "3 True"
	})
	if left := l.get(t, "apps", "kube-system", "configmap/cilium-config", "{.data.enable-wireguard}"); left != "true" {
		t.Errorf("nobody has handed the fields over, and enable-wireguard is %q", left)
	}
}

// killedAndUndone kills a drill while the DaemonSet is marked; nothing else begins before it is undone, from a machine
// that has nothing of it.
func (l *lab) killedAndUndone(t *testing.T, tree string, before map[string]string) {
	t.Helper()
	l.free(t, "infra")
	cmd, out := l.background(t, tree, "drill", "health-agent", "--context", "infra", "--yes")
	eventually(t, func() (string, bool) {
		got := l.get(t, "infra", "kube-system", "daemonset/cilium", "{.spec.updateStrategy.type} {.spec.template.metadata.annotations}")
		return got, strings.Contains(got, "cilium-gitops.dev/drill")
	})
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	if got := l.get(t, "infra", "kube-system", "daemonset/cilium", "{.spec.updateStrategy.type}"); got != "OnDelete" {
		t.Errorf("marked, and the strategy is %s\n%s", got, out)
	}
	l.env = append(slices.Clone(l.env), "XDG_STATE_HOME="+filepath.Join(t.TempDir(), "elsewhere"))
	l.free(t, "infra") // else the dead drill's lock answers first
	for _, args := range [][]string{{"plan"}, {"run", "--yes"}, {"rollback", "--dry-run"}, {"drill", "stable", "--yes"}} {
		r := l.run(t, tree, "flux-handover", append(args, "--context", "infra")...)
		if said := r.stdout + r.stderr; r.code != 4 || !strings.Contains(said, "--undo") {
			t.Errorf("%v beside a drill that is not undone: exit code %d\n%s", args, r.code, said)
		}
	}
	if r := l.run(t, tree, "flux-handover", "status", "--context", "infra"); !strings.Contains(r.stdout, "drill --context infra --undo") {
		t.Errorf("status: exit code %d\n%s", r.code, r.stdout)
	}
	l.drills(t, tree, "infra", 0, "--undo")
	l.sameAs(t, "killed and undone", "infra", before)
	if r := l.drills(t, tree, "infra", 0, "--undo"); !strings.Contains(r.stderr, "no drill has left anything") {
		t.Errorf("undone twice:\n%s%s", r.stderr, r.stdout)
	}
}

// findsWaiting: where the Kustomization ignores its health checks, the drill says so and changes nothing.
func (l *lab) findsWaiting(t *testing.T, tree string) {
	t.Helper()
	l.must(t, tree, "git", "pull", "-q")
	edit(t, filepath.Join(tree, "kubernetes/clusters/apps/infrastructure.yaml"), "  wait: false", "  wait: true")
	l.must(t, tree, "git", "commit", "-q", "-a", "-m", "Wait")
	l.sendOff(t, tree)
	eventually(t, func() (string, bool) {
		got := l.get(t, "apps", "flux-system", "kustomization/cilium-core", "{.spec.wait} {.status.conditions[?(@.type==\"Ready\")].status} {.status.observedGeneration} {.metadata.generation}")
		f := strings.Fields(got)
		return got, len(f) == 4 && f[0] == "true" && f[1] == "True" && f[2] == f[3]
	})
	before := l.rests(t, "apps")
	if r := l.drills(t, tree, "apps", 1, "health-agent"); !strings.Contains(r.stdout, "wait: true, and ignores its health checks") {
		t.Errorf("with wait: true:\n%s", r.stdout)
	}
	l.sameAs(t, "wait: true", "apps", before)
}
