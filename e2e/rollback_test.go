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

// whole is every object of a cluster as it is declared: without status, without what only tells how it came about, and
// without Helm's records and the journal. Of a pod it is which one it is, and how often it restarted.
func (l *lab) whole(t *testing.T, cluster string) map[string]string {
	t.Helper()
	var kinds []string
	for kind := range strings.FieldsSeq(l.must(t, "", "kubectl", "--context", cluster, "api-resources", "--verbs=list", "-o", "name")) {
		if name, _, _ := strings.Cut(kind, "."); !slices.Contains([]string{"events", "leases", "endpoints", "endpointslices", "nodes", "componentstatuses", "replicasets"}, name) {
			kinds = append(kinds, kind)
		}
	}
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(l.must(t, "", "kubectl", "--context", cluster, "get", strings.Join(kinds, ","), "-A", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range list.Items {
		meta := o["metadata"].(map[string]any)
		name, _ := meta["name"].(string)
		namespace, _ := meta["namespace"].(string)
		if strings.HasPrefix(name, "sh.helm.release.v1.cilium.") || name == "cilium-gitops-handover" {
			continue
		}
		delete(o, "status")
		for _, field := range []string{"resourceVersion", "generation", "managedFields", "creationTimestamp"} {
			delete(meta, field)
		}
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			delete(annotations, "reconcile.fluxcd.io/requestedAt")
			if len(annotations) == 0 {
				delete(meta, "annotations")
			}
		}
		text, err := json.MarshalIndent(o, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		all[o["kind"].(string)+"/"+namespace+"/"+name] = string(text)
	}
	return all
}

// fluxPods stand for the controllers of Flux, which a test may scale.
const fluxPods = "Pod/flux-system/"

// isAsBefore holds that a cluster is what its bootstrap left: every object, every pod, and Helm's release.
func (l *lab) isAsBefore(t *testing.T, what, cluster string, before map[string]string, pods string) {
	t.Helper()
	after := l.whole(t, cluster)
	for _, key := range slices.Sorted(maps.Keys(after)) {
		if _, there := before[key]; !there && !strings.HasPrefix(key, fluxPods) {
			t.Errorf("%s: %s is left over", what, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if diff := cmp.Diff(before[key], after[key]); diff != "" && !strings.HasPrefix(key, fluxPods) {
			t.Errorf("%s: %s (-bootstrap +rolled back):\n%s", what, key, diff)
		}
	}
	if diff := cmp.Diff(pods, l.pods(t, cluster)); diff != "" {
		t.Errorf("%s: pods of Cilium changed:\n%s", what, diff)
	}
	l.ofBootstrap(t, what, cluster)
}

// ofBootstrap holds that one record is deployed, the newest, and that it has the first one's manifest and values.
func (l *lab) ofBootstrap(t *testing.T, what, cluster string) {
	t.Helper()
	helm := func(args ...string) string {
		return l.must(t, "", "helm", append([]string{"--kube-context", cluster, "-n", "kube-system"}, args...)...)
	}
	if list := helm("list", "--filter", "^cilium$"); strings.Count(list, "deployed") != 1 {
		t.Errorf("%s: helm list:\n%s", what, list)
	}
	if history := helm("history", "cilium"); strings.Count(history, "deployed") != 1 {
		t.Errorf("%s: helm history:\n%s", what, history)
	}
	for _, part := range []string{"manifest", "values"} {
		if diff := cmp.Diff(helm("get", part, "cilium", "--revision", "1"), helm("get", part, "cilium")); diff != "" {
			t.Errorf("%s: the %s of Helm's release (-bootstrap +now):\n%s", what, part, diff)
		}
	}
}

// goBack rolls a cluster back, waiting for the lock of a process that was killed, and for Flux, which goes on with what that
// process had begun.
func (l *lab) goBack(t *testing.T, tree, cluster string, args ...string) result {
	t.Helper()
	return eventually(t, func() (result, bool) {
		r := l.run(t, tree, "flux-handover", append([]string{"rollback", "--context", cluster, "--yes"}, args...)...)
		return r, r.code != 5 && !strings.Contains(r.stderr, "is not as it was planned for")
	})
}

// killedIn starts a command, kills it once its journal, and not one from before, says that it is in a step or has got
// beyond it, and tells what it said.
func (l *lab) killedIn(t *testing.T, tree, cluster, step string, args ...string) {
	t.Helper()
	steps := []string{"preflight", "backup", "source", "hold", "wire", "adopt", "fields", "let-go", "helm", "owner", "proof", "ask", "remove", "return", "soak"}
	journal := func() (run, step, phase string) {
		parts := strings.Split(l.get(t, cluster, "flux-system", "configmap/cilium-gitops-handover", "{.data.run} {.data.step} {.data.phase}"), " ")
		parts = append(parts, "", "")
		return parts[0], parts[1], parts[2]
	}
	before, _, phase := journal()
	if phase == "running" { // killed before it had changed anything: it is gone on with
		before = ""
	}
	cmd, out := l.unlocked(t, tree, cluster, args...) // where the one before had changed nothing yet, nobody waited for its lock
	eventually(t, func() (string, bool) {
		run, got, _ := journal()
		return got, run != before && slices.Index(steps, got) >= slices.Index(steps, step)
	})
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	t.Logf("%s, killed in %s:\n%s", cluster, step, out)
}

// TestRollback: from a run that was killed in each of its steps, and from one that ended, whatever Helm bootstrapped,
// the cluster is again what its bootstrap left, and can be handed over again: with a bootstrap by Helm 3, too, where Flux
// takes three empty keys from cilium-config and the rollback brings them back.
func TestRollback(t *testing.T) {
	t.Parallel()
	for helm, clusters := range map[string]map[string][]string{
		"4": {"infra": {"source", "hold", "adopt", "fields", "proof", ""}},
		"3": {"infra": {"hold", "adopt", ""}},
	} {
		t.Run("Helm "+helm, func(t *testing.T) {
			l := another(t, "--helm", helm)
			tree := l.scaffolded(t)
			for cluster, steps := range clusters {
				before, pods := l.whole(t, cluster), l.pods(t, cluster)
				for _, step := range steps {
					l.thereAndBack(t, tree, cluster, step)
					l.isAsBefore(t, cluster+" "+step, cluster, before, pods)
				}
				if again := l.goBack(t, tree, cluster); again.code != 0 || !strings.Contains(again.stdout, "nothing to do") {
					t.Errorf("%s: a second rollback: exit code %d\n%s%s", cluster, again.code, again.stderr, again.stdout)
				}
			}
		})
	}
}

// thereAndBack hands a cluster over, killed in that step or to the end, and takes it back.
func (l *lab) thereAndBack(t *testing.T, tree, cluster, step string) {
	t.Helper()
	args := []string{"run", "--context", cluster, "--yes", "--soak", "3s"}
	if step == "" {
		l.free(t, cluster)
		l.must(t, tree, "flux-handover", args...)
	} else {
		l.killedIn(t, tree, cluster, step, args...)
	}
	r := l.goBack(t, tree, cluster)
	t.Logf("%s, from %q, rollback:\n%s%s", cluster, step, r.stderr, r.stdout)
	if r.code != 0 {
		t.Fatalf("%s, from %q: rollback: exit code %d", cluster, step, r.code)
	}
}

// TestRollbackKilled: a rollback that is killed goes on when it is called again, in Helm's own work, too.
func TestRollbackKilled(t *testing.T) {
	t.Parallel()
	l := another(t, "--helm", "3")
	tree := l.scaffolded(t)
	before, pods := l.whole(t, "infra"), l.pods(t, "infra")
	l.must(t, tree, "flux-handover", "run", "--context", "infra", "--yes", "--soak", "1s")
	l.killedIn(t, tree, "infra", "let-go", "rollback", "--context", "infra", "--yes")
	for _, step := range []string{"helm", "remove"} { // the same rollback, which goes on
		l.run(t, "", "kubectl", "--context", "infra", "-n", "flux-system", "delete", "lease", "cilium-gitops-handover") // its holder is dead
		cmd, out := l.background(t, tree, "rollback", "--context", "infra", "--yes")
		eventually(t, func() (string, bool) {
			got := l.get(t, "infra", "flux-system", "configmap/cilium-gitops-handover", "{.data.step} {.data.phase}")
			return got, strings.HasPrefix(got, step+" ") || strings.HasSuffix(got, "rolled-back") || step == "helm" && !strings.HasPrefix(got, "let-go ")
		})
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		t.Logf("killed in %s:\n%s", step, out)
	}
	if r := l.goBack(t, tree, "infra"); r.code != 0 {
		t.Fatalf("going on: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	l.isAsBefore(t, "killed again and again", "infra", before, pods)
}

// TestRollbackOfWhatGitApplies: without a journal, adopted by a push. While Git applies it, Flux's objects stay,
// suspended; once it is out of Git they go.
func TestRollbackOfWhatGitApplies(t *testing.T) {
	t.Parallel()
	l := another(t)
	before, pods := map[string]map[string]string{}, l.both(t)
	for _, cluster := range []string{"infra", "apps"} {
		before[cluster] = l.whole(t, cluster)
	}
	tree := l.scaffolded(t)
	l.sendOff(t, tree)
	l.adopted(t, tree, pods)
	l.cleans(t, "infra", "fields of 47 objects that the bootstrap's Helm owns beside Flux")

	r := l.run(t, tree, "flux-handover", "rollback", "--context", "infra,apps", "--yes")
	t.Logf("rollback:\n%s%s", r.stderr, r.stdout)
	if r.code != 0 || !strings.Contains(r.stderr, "out of it (kubernetes/clusters/infra)") {
		t.Fatalf("rollback: exit code %d", r.code)
	}
	for _, cluster := range []string{"infra", "apps"} {
		l.reconcile(t, cluster, "kustomization/cluster-"+cluster+"-infrastructure")
		if got := l.get(t, cluster, "kube-system", "helmrelease/cilium", "{.spec.suspend}") + l.get(t, cluster, "flux-system", "kustomization/cilium-core", "{.spec.suspend}"); got != "truetrue" {
			t.Errorf("%s: suspended %s", cluster, got)
		}
		l.ofBootstrap(t, "wired", cluster)
	}
	l.must(t, tree, "git", "revert", "--no-edit", "HEAD")
	l.sendOff(t, tree)
	for _, cluster := range []string{"infra", "apps"} {
		eventually(t, func() (string, bool) {
			got := l.get(t, cluster, "flux-system", "kustomization/cilium-core", "{.metadata.name}")
			return got, got == ""
		})
	}
	if r := l.run(t, tree, "flux-handover", "rollback", "--context", "infra,apps", "--yes"); r.code != 0 {
		t.Fatalf("rollback of the rest: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	for _, cluster := range []string{"infra", "apps"} {
		l.isAsBefore(t, "out of Git", cluster, before[cluster], pods[cluster])
	}
}

// TestTheStorysRollback: without the seatbelts that scaffold writes, deleting the Kustomization removes Cilium, and
// verify says so beforehand; ours does not.
func TestTheStorysRollback(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	core := filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")
	edit(t, core, "    kustomize.toolkit.fluxcd.io/prune: disabled\n", "    example.org/seatbelt: none\n", "      helm.sh/resource-policy: keep\n", "      example.org/seatbelt: none\n")
	for _, cluster := range []string{"infra", "apps"} {
		file := filepath.Join(tree, "kubernetes/clusters", cluster, "infrastructure.yaml")
		edit(t, file, "  deletionPolicy: Orphan", "  deletionPolicy: MirrorPrune")
	}
	l.must(t, tree, "git", "commit", "-q", "-a", "-m", "As the story has it")
	pods := l.both(t)
	l.sendOff(t, tree)
	for _, cluster := range []string{"infra", "apps"} {
		eventually(t, func() (string, bool) {
			got := l.get(t, cluster, "kube-system", "helmrelease/cilium", `{.status.conditions[?(@.type=="Ready")].status}`)
			return got, got == "True"
		})
		// A Kustomization that is still at its health checks goes only when those are over.
		eventually(t, func() (string, bool) {
			got := l.get(t, cluster, "flux-system", "kustomization/cilium-core", `{.status.conditions[?(@.type=="Ready")].status}`)
			return got, got == "True"
		})
		r := l.run(t, tree, "kubectl", "cilium-gitops", "verify", "--context", cluster, "--check", "CG206", "-o", "json")
		var v verification
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
			t.Fatal(err)
		}
		if got := v.result(t, cluster, "CG206"); got.Outcome != "fail" && got.Outcome != "warn" {
			t.Errorf("%s: nobody is warned: CG206 %s %s", cluster, got.Outcome, got.Reason)
		}
	}
	l.holdRoot(t, true)

	if r := l.run(t, tree, "flux-handover", "rollback", "--context", "apps", "--yes"); r.code != 0 {
		t.Errorf("rollback: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	if diff := cmp.Diff(pods["apps"], l.pods(t, "apps")); diff != "" {
		t.Errorf("apps: pods of Cilium changed (-before +rolled back):\n%s", diff)
	}
	if left := l.get(t, "apps", "kube-system", "helmrelease/cilium", "{.metadata.name}"); left != "" {
		t.Errorf("apps: HelmRelease %s is left", left)
	}

	l.must(t, "", "flux", "--context", "infra", "delete", "kustomization", "cilium-core", "--silent")
	gone := eventually(t, func() (string, bool) {
		left := l.get(t, "infra", "kube-system", "daemonset/cilium", "{.metadata.name}") + l.pods(t, "infra")
		return left, left == ""
	})
	t.Logf("infra, by flux delete kustomization: no DaemonSet, and no pod of Cilium%s", gone)
}

// cleans holds that cleanup finds something, and once it is asked to, removes it.
func (l *lab) cleans(t *testing.T, cluster, what string) {
	t.Helper()
	for i, c := range []struct {
		args []string
		code int
		says string
	}{{nil, 1, what}, {[]string{"--yes"}, 0, "1 removed, 0 failed, 0 kept"}, {nil, 0, "Nothing is left over"}} {
		r := l.run(t, "", "flux-handover", append([]string{"cleanup", "--context", cluster}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.stdout, c.says) {
			t.Errorf("cleanup %d: exit code %d, want %d and %q\n%s%s", i, r.code, c.code, c.says, r.stderr, r.stdout)
		}
	}
}

// TestCleanupOfASecondRelease: a HelmRelease with the wrong name has made a second release over Cilium's objects. Its
// record goes only once nothing needs it, and Cilium is not touched.
func TestCleanupOfASecondRelease(t *testing.T) {
	t.Parallel()
	l := another(t)
	pods := l.pods(t, "infra")
	file := filepath.Join(t.TempDir(), "wrong.yaml")
	write(t, file, `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: cilium-charts, namespace: flux-system}
spec: {interval: 1h, insecure: true, url: "oci://`+l.variable("LAB_REGISTRY")+`/charts/cilium", ref: {tag: 1.18.2}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: flux-system}
spec:
  interval: 1h
  targetNamespace: kube-system
  chartRef: {kind: OCIRepository, name: cilium-charts}
  values: `+l.must(t, "", "helm", "--kube-context", "infra", "-n", "kube-system", "get", "values", "cilium", "-o", "json")+"\n")
	l.must(t, "", "kubectl", "--context", "infra", "apply", "-f", file)
	eventually(t, func() (string, bool) {
		got := l.get(t, "infra", "flux-system", "helmrelease/cilium", `{.status.conditions[?(@.type=="Ready")].status}`)
		return got, got == "True"
	})
	keeps := func(why string) {
		t.Helper()
		if r := l.run(t, "", "flux-handover", "cleanup", "--context", "infra", "--yes"); r.code != 1 || !strings.Contains(r.stdout, why) {
			t.Errorf("exit code %d, want 1 and %q\n%s%s", r.code, why, r.stderr, r.stdout)
		}
	}
	keeps("HelmRelease flux-system/cilium manages it")
	l.must(t, "", "flux", "--context", "infra", "suspend", "helmrelease", "cilium")
	l.must(t, "", "flux", "--context", "infra", "delete", "helmrelease", "cilium", "--silent")
	keeps("DaemonSet cilium belongs to release kube-system/kube-system-cilium")
	l.must(t, "", "helm", "--kube-context", "infra", "-n", "kube-system", "upgrade", "cilium", l.variable("LAB_CHART"), "--reuse-values", "--take-ownership", "--force-conflicts")
	if v := l.run(t, "", "kubectl", "cilium-gitops", "verify", "--context", "infra", "--phase", "cleanup"); v.code != 1 || !strings.Contains(v.stdout, "needed by nothing") {
		t.Errorf("verify: exit code %d\n%s", v.code, v.stdout)
	}
	l.cleans(t, "infra", "record of release flux-system/kube-system-cilium, revision 1 deployed")
	if diff := cmp.Diff(pods, l.pods(t, "infra")); diff != "" {
		t.Errorf("pods of Cilium changed (-before +cleaned):\n%s", diff)
	}
}
