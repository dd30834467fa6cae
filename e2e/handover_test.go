//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scaffolded is a working tree with what scaffold writes for both clusters, committed and not pushed.
func (l *lab) scaffolded(t *testing.T) string {
	t.Helper()
	tree := l.clone(t)
	chart := "oci://" + l.variable("LAB_REGISTRY") + "/charts/cilium"
	l.must(t, tree, "kubectl", "cilium-gitops", "scaffold", "--context", "infra,apps", "--chart-source", chart, "--chart-source-insecure")
	l.must(t, tree, "git", "add", "-A")
	l.must(t, tree, "git", "commit", "-q", "-m", "Cilium under Flux")
	l.env = append(slices.Clone(l.env), "XDG_STATE_HOME="+filepath.Join(t.TempDir(), "state"))
	return tree
}

// sendOff pushes what is committed and has Flux fetch it.
func (l *lab) sendOff(t *testing.T, tree string) {
	t.Helper()
	commit := strings.TrimSpace(l.must(t, tree, "git", "rev-parse", "HEAD"))
	l.must(t, tree, "git", "push", "-q", "origin", "HEAD")
	for _, cluster := range []string{"infra", "apps"} {
		l.reconcile(t, cluster, "gitrepository/flux-system")
		eventually(t, func() (string, bool) {
			got := l.get(t, cluster, "flux-system", "gitrepository/flux-system", "{.status.artifact.revision}")
			return got, strings.HasSuffix(got, commit)
		})
	}
}

// get is one field of an object; empty where there is none.
func (l *lab) get(t *testing.T, cluster, namespace, object, jsonpath string) string {
	t.Helper()
	return l.run(t, "", "kubectl", "--context", cluster, "-n", namespace, "get", object, "-o", "jsonpath="+jsonpath).stdout
}

// both are both clusters' pods.
func (l *lab) both(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"infra": l.pods(t, "infra"), "apps": l.pods(t, "apps")}
}

// handed holds that both clusters were handed over: revision 2 by an upgrade of Flux's, one deployed record, the same
// pods, nothing left suspended, and no field with two owners.
func (l *lab) handed(t *testing.T, before map[string]string) {
	t.Helper()
	if diff := cmp.Diff(before, l.both(t)); diff != "" {
		t.Errorf("pods of Cilium changed (-before +after):\n%s", diff)
	}
	for _, cluster := range []string{"infra", "apps"} {
		got := l.get(t, cluster, "kube-system", "helmrelease/cilium",
			"{.status.history[0].version} {.status.history[0].status} {.status.lastAttemptedReleaseAction} [{.spec.suspend}]")
		if got != "2 deployed upgrade []" {
			t.Errorf("%s: HelmRelease %q", cluster, got)
		}
		history := l.must(t, "", "helm", "--kube-context", cluster, "-n", "kube-system", "history", "cilium")
		if strings.Count(history, "superseded") != 1 || strings.Count(history, "deployed") != 1 {
			t.Errorf("%s: %s", cluster, history)
		}
		if managers := l.get(t, cluster, "kube-system", "configmap/cilium-config", "{.metadata.managedFields[*].manager}"); slices.Contains(strings.Fields(managers), "helm") &&
			slices.Contains(strings.Fields(managers), "helm-controller") && strings.Contains(l.get(t, cluster, "kube-system", "configmap/cilium-config", "{.metadata.managedFields[*].operation}"), "Apply Apply") {
			t.Errorf("%s: cilium-config is co-owned: %s", cluster, managers)
		}
	}
}

// TestHandover: from freshly bootstrapped clusters to Flux, with the tree in Git or not yet, whatever Helm bootstrapped;
// through the real flux; and nothing but what the plan lists is written.
func TestHandover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, helm string
		wired      bool
	}{{"Helm 4 not pushed", "4", false}, {"Helm 4 pushed", "4", true}, {"Helm 3 not pushed", "3", false}, {"Helm 3 pushed", "3", true}} {
		t.Run(c.name, func(t *testing.T) {
			l := another(t, "--helm", c.helm)
			tree := l.scaffolded(t)
			before := l.both(t)
			if c.wired {
				l.holdRoot(t, true)
				l.sendOff(t, tree)
			}
			planned := l.plan(t, tree)
			logs := l.auditOffsets(t)
			owned := map[string]map[string]string{"infra": l.ownedByUs(t, "infra"), "apps": l.ownedByUs(t, "apps")}
			r := l.run(t, tree, "flux", "handover", "run", "--context", "infra,apps", "--sequence", "infra,apps", "--yes", "--soak", "3s")
			t.Logf("run:\n%s%s", r.stderr, r.stdout)
			if r.code != 0 {
				t.Fatalf("run: exit code %d", r.code)
			}
			l.handed(t, before)
			l.wroteOnly(t, logs, planned)
			l.watchedFew(t, logs)
			for cluster, was := range owned {
				for key, fields := range l.ownedByUs(t, cluster) {
					if was[key] != fields && !slices.Contains(planned[cluster], key) {
						t.Errorf("%s: not in the plan, and its fields have other owners: %s %s, before %s", cluster, key, fields, was[key])
					}
				}
			}
			if again := l.run(t, tree, "flux", "handover", "run", "--context", "infra,apps", "--sequence", "infra,apps", "--yes"); again.code != 0 || !strings.Contains(again.stdout+again.stderr, "nothing to do") {
				t.Errorf("a second run: exit code %d\n%s%s", again.code, again.stderr, again.stdout)
			}
			if s := l.run(t, tree, "flux", "handover", "status", "--context", "infra,apps"); s.code != 0 || strings.Count(s.stdout, "finished") < 2 {
				t.Errorf("status: exit code %d\n%s%s", s.code, s.stderr, s.stdout)
			}
			l.sendOff(t, tree)
			l.holdRoot(t, false)
			l.adopted(t, tree, before)
			l.removedInGit(t, tree)
		})
	}
}

// plan plans both clusters, which have to be ready, and is the objects that a run may write to, by cluster.
func (l *lab) plan(t *testing.T, tree string) map[string][]string {
	t.Helper()
	r := l.run(t, tree, "flux", "handover", "plan", "--context", "infra,apps", "-o", "json")
	var doc struct {
		Plans []struct {
			Cluster string
			Ready   bool
			Touches []struct {
				Ref struct{ Kind, Namespace, Name string }
			}
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != 0 || len(doc.Plans) != 2 {
		t.Fatalf("plan: exit code %d, %v\n%s%s", r.code, err, r.stderr, r.stdout)
	}
	touches := map[string][]string{}
	for _, p := range doc.Plans {
		for _, touch := range p.Touches {
			touches[p.Cluster] = append(touches[p.Cluster], touch.Ref.Kind+"/"+touch.Ref.Namespace+"/"+touch.Ref.Name)
		}
	}
	return touches
}

// holdRoot suspends the Kustomizations that apply the clusters' parts of the repository, or lets them go.
func (l *lab) holdRoot(t *testing.T, hold bool) {
	t.Helper()
	for _, cluster := range []string{"infra", "apps"} {
		verb := "resume"
		if hold {
			verb = "suspend"
		}
		l.must(t, "", "flux", "--context", cluster, verb, "kustomization", "cluster-"+cluster+"-infrastructure")
	}
}

// removedInGit takes a value out of Git and holds that it goes from the cluster as well.
func (l *lab) removedInGit(t *testing.T, tree string) {
	t.Helper()
	file := filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")
	edit(t, file, "    encryption:\n      enabled: true\n      type: wireguard\n", "")
	l.must(t, tree, "git", "commit", "-q", "-am", "No encryption")
	l.sendOff(t, tree)
	for _, cluster := range []string{"infra", "apps"} {
		l.reconcile(t, cluster, "kustomization/cilium-core")
		eventually(t, func() (string, bool) {
			got := l.get(t, cluster, "kube-system", "helmrelease/cilium", "{.status.history[0].version} {.status.conditions[?(@.type=='Ready')].status}")
			return got, got == "3 True"
		})
		if left := l.get(t, cluster, "kube-system", "configmap/cilium-config", "{.data.enable-wireguard}"); left != "" {
			t.Errorf("%s: taken out of Git, and still in the cluster: enable-wireguard %q", cluster, left)
		}
	}
}

func (l *lab) auditLog(cluster string) string { return filepath.Join(l.state, cluster, "audit.log") }

func (l *lab) auditOffsets(t *testing.T) map[string]int64 {
	t.Helper()
	return map[string]int64{"infra": size(t, l.auditLog("infra")), "apps": size(t, l.auditLog("apps"))}
}

// wroteOnly holds that our program wrote to nothing but what its plan lists, counted at the API servers.
func (l *lab) wroteOnly(t *testing.T, since map[string]int64, planned map[string][]string) {
	t.Helper()
	for cluster, offset := range since {
		writes := 0
		for e := range l.audit(t, cluster, offset, "flux-handover/") {
			if slices.Contains([]string{"get", "list", "watch"}, e.Verb) || strings.Contains(e.RequestURI, "selfsubjectaccessreviews") || e.ObjectRef.Subresource == "exec" {
				continue
			}
			writes++
			if !slices.ContainsFunc(planned[cluster], func(touch string) bool {
				parts := strings.Split(touch, "/")
				if e.ObjectRef.Resource == "namespaces" {
					return touch == "Namespace//"+e.ObjectRef.Name
				}
				return strings.HasPrefix(e.ObjectRef.Resource, strings.TrimSuffix(strings.ToLower(parts[0]), "y")) &&
					parts[1] == e.ObjectRef.Namespace && (parts[2] == e.ObjectRef.Name || e.Verb == "create")
			}) {
				t.Errorf("%s: not in the plan: %s %s", cluster, e.Verb, e.RequestURI)
			}
		}
		if writes < 5 {
			t.Errorf("%s: only %d writes seen", cluster, writes)
		}
	}
}

// ownedByUs is what those managers own of every object of a cluster as whom a run writes. The controller of that name
// writes what the run has placed, and the plan lists that.
func (l *lab) ownedByUs(t *testing.T, cluster string) map[string]string {
	t.Helper()
	var kinds []string
	for kind := range strings.FieldsSeq(l.must(t, "", "kubectl", "--context", cluster, "api-resources", "--verbs=list", "-o", "name")) {
		if name, _, _ := strings.Cut(kind, "."); name != "events" && name != "componentstatuses" {
			kinds = append(kinds, kind)
		}
	}
	var list struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Namespace, Name string
				ManagedFields   []struct {
					Manager, Operation, Subresource string
					FieldsV1                        json.RawMessage
				}
			}
		}
	}
	out := l.must(t, "", "kubectl", "--context", cluster, "get", strings.Join(kinds, ","), "-A", "-o", "json", "--show-managed-fields")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range list.Items {
		key := o.Kind + "/" + o.Metadata.Namespace + "/" + o.Metadata.Name
		for _, f := range o.Metadata.ManagedFields {
			if slices.Contains([]string{"flux", "flux-handover", "kustomize-controller", "cilium-gitops", "kubectl-flux-handover"}, f.Manager) && f.Subresource == "" {
				all[key] += f.Manager + " " + f.Operation + " " + string(f.FieldsV1) + "\n"
			}
		}
	}
	if len(list.Items) < 100 {
		t.Fatalf("%s has only %d objects", cluster, len(list.Items))
	}
	return all
}

// background starts a run that goes on while the test does.
func (l *lab) background(t *testing.T, tree string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(l.look("flux-handover"), args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = tree, l.env, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, &out
}

// reaches waits until a cluster's journal says that its run is in that step, or has got beyond it: a step may be over
// between two looks.
func (l *lab) reaches(t *testing.T, cluster, step string) {
	t.Helper()
	steps := []string{"preflight", "backup", "source", "hold", "wire", "adopt", "fields", "proof", "soak"}
	eventually(t, func() (string, bool) {
		got := l.get(t, cluster, "flux-system", "configmap/cilium-gitops-handover", "{.data.step}")
		return got, slices.Index(steps, got) >= slices.Index(steps, step)
	})
}

// TestHandoverKilled: the process is killed in one step after another of a real run; whoever goes on ends where an
// undisturbed run does.
func TestHandoverKilled(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	before := l.both(t)
	args := []string{"run", "--context", "infra,apps", "--sequence", "infra,apps", "--yes", "--soak", "3s"}
	for _, at := range []struct {
		cluster, step string
		polite        bool
	}{
		{"infra", "source", false}, {"infra", "hold", false}, {"infra", "adopt", false}, {"infra", "fields", false}, {"infra", "soak", false},
		{"apps", "hold", true}, {"apps", "adopt", false}, {"apps", "soak", false},
	} {
		cmd, out := l.unlocked(t, tree, at.cluster, args...)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("to be killed in %s %s:\n%s", at.cluster, at.step, out)
			}
		})
		l.reaches(t, at.cluster, at.step)
		if at.polite { // as Ctrl-C does
			_ = cmd.Process.Signal(syscall.SIGINT)
			_ = cmd.Wait()
			if text := out.String(); cmd.ProcessState.ExitCode() != 4 || !strings.Contains(text, "Cilium runs on; go on: ") || !strings.Contains(text, " --resume") {
				t.Errorf("interrupted: exit code %d\n%s", cmd.ProcessState.ExitCode(), text)
			}
		} else {
			_ = cmd.Process.Signal(syscall.SIGKILL)
			_ = cmd.Wait()
		}
		t.Logf("killed in %s %s:\n%s", at.cluster, at.step, out)
		args = append(slices.Clone(args[:8]), "--resume")
	}
	r := eventually(t, func() (result, bool) {
		r := l.run(t, tree, "flux-handover", args...)
		return r, r.code != 5 // the lock of a dead run is taken over once it is seen that nobody renews it
	})
	if r.code != 0 {
		t.Fatalf("going on: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	l.handed(t, before)
}

// unlocked is background, once nobody renews the lock of the run that was killed before.
func (l *lab) unlocked(t *testing.T, tree, cluster string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	l.free(t, "infra")
	l.free(t, cluster)
	return l.background(t, tree, args...)
}

// free waits until a cluster's lock may be taken over.
func (l *lab) free(t *testing.T, cluster string) {
	t.Helper()
	eventually(t, func() (string, bool) {
		renewed := l.get(t, cluster, "flux-system", "lease/cilium-gitops-handover", "{.spec.renewTime}")
		at, err := time.Parse(time.RFC3339, renewed)
		return renewed, err != nil || time.Since(at) > 16*time.Second
	})
}

// TestHandoverStopsAtALostPod: an agent's pod is deleted while the first cluster is watched: seen, frozen, the second
// cluster not begun, exit code 4.
func TestHandoverStopsAtALostPod(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	cmd, out := l.background(t, tree, "run", "--context", "infra,apps", "--sequence", "infra,apps", "--yes", "--soak", "5m")
	l.reaches(t, "infra", "soak")

	r := l.run(t, tree, "flux-handover", "run", "--context", "infra", "--yes")
	if r.code != 5 {
		t.Errorf("a second run at the same time: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	pod := strings.Fields(l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "-o", "name"))[0]
	l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "delete", "--wait=false", pod)
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != 4 || !strings.Contains(out.String(), strings.TrimPrefix(pod, "pod/")) {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{" --resume", "handover rollback --context infra"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("does not say how to go on: no %q in\n%s", want, out)
		}
	}
	if got := l.get(t, "infra", "kube-system", "helmrelease/cilium", "{.spec.suspend}"); got != "true" {
		t.Errorf("infra: not frozen: suspend %q", got)
	}
	if r := l.run(t, "", "kubectl", "--context", "apps", "-n", "kube-system", "get", "helmrelease", "cilium"); r.code == 0 {
		t.Errorf("apps was begun:\n%s", r.stdout)
	}
}
