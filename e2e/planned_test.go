//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The files of a scaffolded tree that the tests below change.
const (
	coreDir     = "kubernetes/infrastructure/networking/cilium/core"
	coreRelease = coreDir + "/helmrelease.yaml"
)

// TestPlanned: what was planned is what happens, or nothing does. Each case begins with Cilium as its bootstrap left it on
// infra, is refused or stopped for the reason that it names, and leaves every pod of Cilium as it was.
func TestPlanned(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	before := l.pods(t, "infra")
	for _, c := range []struct {
		name string
		test func(*testing.T, *lab, string)
	}{
		{"C1 edited and not committed", uncommitted},
		{"C2 values in the cluster that the tree has otherwise", otherValues},
		{"C2 a field that somebody else sets on the HelmRelease", foreignField},
		{"H12 a tag that was pushed again", pushedAgain},
		{"H14 not pushed and Flux applies an older commit", olderCommit},
		{"C3 another order of the environment", reordered},
	} {
		if !t.Run(c.name, func(t *testing.T) { c.test(t, l, tree) }) {
			return // what follows would begin with what this one left
		}
		if c.name[:2] == "C3" {
			continue
		}
		if now := l.pods(t, "infra"); now != before {
			t.Fatalf("%s: pods of Cilium changed, before:\n%s\nafter:\n%s", c.name, before, now)
		}
	}
}

// refuses holds that plan and run are refused with exit code 4 and say each of those words, and that run writes to no
// object of Flux's or Cilium's.
func (l *lab) refuses(t *testing.T, tree, cluster string, says ...string) {
	t.Helper()
	logs := l.auditOffsets(t)
	for _, args := range [][]string{{"plan"}, {"run", "--yes", "--soak", "1s"}} {
		r := l.run(t, tree, "flux-handover", append(args, "--context", cluster)...)
		if r.code != 4 {
			t.Errorf("%v: exit code %d, want 4\n%s%s", args, r.code, r.stderr, r.stdout)
		}
		for _, word := range says {
			if !strings.Contains(r.stdout+r.stderr, word) {
				t.Errorf("%v: does not say %q\n%s%s", args, word, r.stderr, r.stdout)
			}
		}
	}
	for e := range l.audit(t, cluster, logs[cluster], "flux-handover/") {
		if strings.Contains("create update patch delete", e.Verb) && !strings.Contains(e.RequestURI, "selfsubjectaccessreviews") &&
			e.ObjectRef.Resource != "leases" && e.ObjectRef.Resource != "configmaps" {
			t.Errorf("refused, and wrote: %s %s", e.Verb, e.RequestURI)
		}
	}
}

// commit commits everything in a tree.
func (l *lab) commit(t *testing.T, tree, message string) {
	t.Helper()
	l.must(t, tree, "git", "add", "-A")
	l.must(t, tree, "git", "commit", "-q", "-m", message)
}

// undo takes a tree back to its first commit after the clone.
func (l *lab) undo(t *testing.T, tree string, commits int) {
	t.Helper()
	l.must(t, tree, "git", "reset", "-q", "--hard", "HEAD~"+strconv.Itoa(commits))
	l.must(t, tree, "git", "clean", "-fdq")
}

const podAnnotation = "  values:\n    podAnnotations:\n      example.org/rolled: once\n"

func uncommitted(t *testing.T, l *lab, tree string) {
	edit(t, filepath.Join(tree, coreRelease), "interval: 10m # how soon", "interval: 11m # how soon")
	l.refuses(t, tree, "infra", coreRelease, "git commit")
	l.must(t, tree, "git", "checkout", "-q", ".")
	write(t, filepath.Join(tree, coreDir, "more.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n  namespace: kube-system\n")
	edit(t, filepath.Join(tree, coreDir, "kustomization.yaml"), "  - helmrelease.yaml\n", "  - helmrelease.yaml\n  - more.yaml\n")
	l.must(t, tree, "git", "commit", "-q", "-am", "Names a file that is not there")
	l.refuses(t, tree, "infra", coreDir+"/more.yaml")
	l.undo(t, tree, 1)
	if r := l.run(t, tree, "flux-handover", "plan", "--context", "infra"); r.code != 0 {
		t.Fatalf("all committed: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
}

func otherValues(t *testing.T, l *lab, tree string) {
	edit(t, filepath.Join(tree, coreRelease), "  values:\n", "  valuesFrom:\n    - kind: ConfigMap\n      name: cilium-values\n  values:\n")
	values := filepath.Join(tree, coreDir, "values.yaml")
	configMap := func(text string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-values\n  namespace: kube-system\ndata:\n  values.yaml: |\n" + text
	}
	write(t, values, configMap("    debug:\n      enabled: false\n"))
	edit(t, filepath.Join(tree, coreDir, "kustomization.yaml"), "  - helmrelease.yaml\n", "  - helmrelease.yaml\n  - values.yaml\n")
	l.commit(t, tree, "Values of its own")
	l.refuses(t, tree, "infra", "cilium-values") // the cluster has none
	other := filepath.Join(t.TempDir(), "other.yaml")
	write(t, other, configMap("    podAnnotations:\n      example.org/rolled: once\n"))
	l.must(t, "", "kubectl", "--context", "infra", "apply", "-f", other)
	defer l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "delete", "configmap", "cilium-values")
	l.refuses(t, tree, "infra", "cilium-values") // the cluster has another
	l.must(t, "", "kubectl", "--context", "infra", "apply", "-f", values)
	if r := l.run(t, tree, "flux-handover", "plan", "--context", "infra"); r.code != 0 {
		t.Errorf("the cluster has the same: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	l.undo(t, tree, 1)
}

// foreignField: a HelmRelease, suspended, on which another manager sets a value that the tree does not have. Whether the
// plan sees it or the run: nothing is let go.
func foreignField(t *testing.T, l *lab, tree string) {
	file := filepath.Join(t.TempDir(), "hr.yaml")
	write(t, file, "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: cilium\n  namespace: kube-system\nspec:\n"+
		"  suspend: true\n  interval: 10m\n  chartRef:\n    kind: OCIRepository\n    name: cilium-charts\n"+podAnnotation)
	l.must(t, "", "kubectl", "--context", "infra", "apply", "--server-side", "--field-manager=somebody", "-f", file)
	r := l.run(t, tree, "flux-handover", "run", "--context", "infra", "--yes", "--soak", "1s")
	if r.code != 4 || !strings.Contains(r.stdout+r.stderr, "podAnnotations") {
		t.Errorf("run: exit code %d, want 4 and the path of the value\n%s%s", r.code, r.stderr, r.stdout)
	}
	if got := l.get(t, "infra", "kube-system", "helmrelease/cilium", "{.spec.suspend} {.status.history}"); got != "true " {
		t.Errorf("HelmRelease: suspend and history are %q", got)
	}
	l.gone(t, tree)
}

// gone takes Flux's objects of Cilium from infra, where nothing was adopted.
func (l *lab) gone(t *testing.T, tree string) {
	t.Helper()
	if r := l.goBack(t, tree, "infra"); r.code != 0 {
		t.Logf("rollback: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "delete", "helmrelease,ocirepository", "--all", "--wait", "--timeout=60s")
	if got := l.must(t, "", "helm", "--kube-context", "infra", "-n", "kube-system", "list", "-q"); strings.TrimSpace(got) != "cilium" {
		t.Fatalf("helm list: %q", got)
	}
}

// pushedAgain: between plan and run the tag is pushed again, and Flux fetches it. The run of that plan is refused, and nothing
// is placed.
func pushedAgain(t *testing.T, l *lab, tree string) {
	source := filepath.Join(t.TempDir(), "source.yaml")
	write(t, source, strings.Replace(read(t, filepath.Join(tree, coreDir, "ocirepository.yaml")), "${CILIUM_VERSION}", "1.18.2", 1))
	l.must(t, "", "kubectl", "--context", "infra", "apply", "-f", source)
	fetched := func(other string) string {
		return eventually(t, func() (string, bool) {
			got := l.get(t, "infra", "kube-system", "ocirepository/cilium-charts", "{.status.artifact.revision}")
			return got, strings.Contains(got, "sha256:") && got != other
		})
	}
	was := fetched("")
	plan := filepath.Join(t.TempDir(), "plan.json")
	l.must(t, tree, "flux-handover", "plan", "--context", "infra", "--save", plan)
	chart, registry := l.repacked(t), "oci://"+l.variable("LAB_REGISTRY")+"/charts"
	l.must(t, "", "helm", "push", chart, registry, "--plain-http")
	defer l.must(t, "", "helm", "push", l.variable("LAB_CHART"), registry, "--plain-http")
	l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "annotate", "ocirepository", "cilium-charts", "reconcile.fluxcd.io/requestedAt=again")
	fetched(was)
	r := l.run(t, tree, "flux-handover", "run", "--context", "infra", "--plan", plan, "--yes")
	if r.code != 4 || !strings.Contains(r.stderr, "the chart's digest was ") {
		t.Errorf("run: exit code %d, want 4 and both digests\n%s%s", r.code, r.stderr, r.stdout)
	}
	t.Logf("run of a plan with the former chart: %s", r.stderr)
	if got := l.get(t, "infra", "kube-system", "helmrelease/cilium", "{.metadata.name}"); got != "" {
		t.Errorf("HelmRelease %q was placed", got)
	}
	l.gone(t, tree)
}

// repacked is the lab's chart with another description: the same version, another digest, the same objects.
func (l *lab) repacked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l.must(t, dir, "tar", "xzf", l.variable("LAB_CHART"))
	file := filepath.Join(dir, "cilium", "Chart.yaml")
	write(t, file, strings.Replace(read(t, file), "description:", "description: Pushed again.", 1))
	l.must(t, dir, "helm", "package", "cilium")
	charts, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(charts) != 1 {
		t.Fatalf("packed %v: %v", charts, err)
	}
	return charts[0]
}

// olderCommit: the Kustomization that applies the HelmRelease is active at one commit, the working tree is at the next one,
// which is not pushed.
func olderCommit(t *testing.T, l *lab, tree string) {
	l.holdRoot(t, true)
	l.sendOff(t, tree)
	file := filepath.Join(t.TempDir(), "hr.yaml")
	write(t, file, "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: cilium\n  namespace: kube-system\nspec:\n"+
		"  suspend: true\n  interval: 10m\n  chartRef:\n    kind: OCIRepository\n    name: cilium-charts\n")
	l.must(t, "", "kubectl", "--context", "infra", "apply", "--server-side", "--field-manager=flux", "-f", file)
	l.must(t, "", "flux", "--context", "infra", "resume", "kustomization", "cluster-infra-infrastructure")
	eventually(t, func() (string, bool) {
		got := l.get(t, "infra", "kube-system", "helmrelease/cilium", "{.metadata.labels.kustomize\\.toolkit\\.fluxcd\\.io/name} {.spec.suspend}")
		return got, got == "cilium-core true"
	})
	edit(t, filepath.Join(tree, coreRelease), "interval: 10m # how soon", "interval: 11m # how soon")
	l.commit(t, tree, "Another interval")
	l.refuses(t, tree, "infra", "cilium-core", "git push")
	l.undo(t, tree, 1)
	if r := l.run(t, tree, "flux-handover", "plan", "--context", "infra"); r.code != 0 {
		t.Errorf("the commit that Flux has: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
}

// reordered: an environment in another order replaces every agent. It is predicted, refused, and, accepted by name, what
// happens; no other pod is touched.
func reordered(t *testing.T, l *lab, tree string) {
	env := func(first, second string) string {
		return "    extraEnv:\n      - name: " + first + "\n        value: \"1\"\n      - name: " + second + "\n        value: \"1\"\n"
	}
	values := filepath.Join(l.state, "apps", "values.yaml")
	with := filepath.Join(t.TempDir(), "values.yaml")
	write(t, with, strings.ReplaceAll(env("FIRST", "SECOND"), "\n    ", "\n")[4:])
	l.must(t, "", "helm", "--kube-context", "apps", "-n", "kube-system", "upgrade", "cilium", l.variable("LAB_CHART"), "--values", values, "--values", with, "--wait", "--timeout", "3m")
	core := filepath.Join(tree, coreRelease)
	edit(t, core, "  values:\n", "  values:\n"+env("FIRST", "SECOND"))
	l.commit(t, tree, "The environment of the release")
	agents, others := l.podsOf(t, "apps", "k8s-app=cilium"), l.podsOf(t, "apps", "k8s-app!=cilium")
	l.must(t, tree, "kubectl", "cilium-gitops", "diff", "--what", "impact", "--context", "apps")
	edit(t, core, env("FIRST", "SECOND"), env("SECOND", "FIRST"))
	l.commit(t, tree, "The environment in another order")
	r := l.run(t, tree, "kubectl", "cilium-gitops", "diff", "--what", "impact", "--context", "apps")
	if r.code != 1 || !strings.Contains(r.stdout, "would replace "+strconv.Itoa(len(agents))+" of") {
		t.Errorf("diff: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	if p := l.run(t, tree, "flux-handover", "plan", "--context", "apps"); p.code != 4 || !strings.Contains(p.stdout, "HP301") {
		t.Errorf("plan: exit code %d\n%s%s", p.code, p.stderr, p.stdout)
	}
	l.must(t, tree, "flux-handover", "run", "--context", "apps", "--yes", "--soak", "2s", "--allow-restart", "DaemonSet/cilium")
	if now := l.podsOf(t, "apps", "k8s-app!=cilium"); strings.Join(now, "\n") != strings.Join(others, "\n") {
		t.Errorf("other pods were %v and are %v", others, now)
	}
	for _, pod := range l.podsOf(t, "apps", "k8s-app=cilium") {
		if strings.Contains(strings.Join(agents, "\n"), pod) {
			t.Errorf("not replaced: %s", pod)
		}
	}
}

// TestBackWithoutControllers: helm-controller and kustomize-controller are down when the way back is taken. Helm has gone
// back when the command returns, what Flux has is suspended, nothing uninstalls Cilium when they are there again, and the
// same command then takes the rest away.
func TestBackWithoutControllers(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	before, pods := l.whole(t, "infra"), l.pods(t, "infra")
	l.must(t, tree, "flux-handover", "run", "--context", "infra", "--yes", "--soak", "1s")
	for _, name := range []string{"helm-controller", "kustomize-controller"} {
		l.must(t, "", "kubectl", "--context", "infra", "-n", "flux-system", "scale", "deployment", name, "--replicas=0")
		l.halt(t, "infra/"+name)
	}
	r := l.goBack(t, tree, "infra")
	t.Logf("rollback without controllers: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	l.ofBootstrap(t, "without controllers", "infra")
	if now := l.pods(t, "infra"); now != pods {
		t.Errorf("pods of Cilium changed:\n%s\nbefore:\n%s", now, pods)
	}
	if got := l.get(t, "infra", "kube-system", "helmrelease/cilium", "{.spec.suspend} [{.metadata.deletionTimestamp}]"); got != "true []" {
		t.Errorf("HelmRelease: suspend and deletion are %q", got)
	}
	for _, name := range []string{"helm-controller", "kustomize-controller"} {
		l.must(t, "", "kubectl", "--context", "infra", "-n", "flux-system", "scale", "deployment", name, "--replicas=1")
	}
	if err := l.program(os.Stderr, "up"); err != nil {
		t.Fatal(err)
	}
	if again := l.goBack(t, tree, "infra"); again.code != 0 {
		t.Fatalf("with controllers: exit code %d\n%s%s", again.code, again.stderr, again.stdout)
	}
	l.isAsBefore(t, "with controllers again", "infra", before, pods)
}

// halt kills one of the lab's programs, which stays down until `lab up`.
func (l *lab) halt(t *testing.T, name string) {
	t.Helper()
	for line := range strings.Lines(l.must(t, "", l.bin, "status", "--state", l.state)) {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] != name {
			continue
		}
		pid, err := strconv.Atoi(fields[3])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("the lab has no %s", name)
}

// TestBackFromTheRoot: the HelmRelease lies in the cluster's own path, applied by the Kustomization that applies everything
// else there. Going back leaves that Kustomization, its GitRepository and the sources of others as they are.
func TestBackFromTheRoot(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	l.inTheRoot(t, tree)
	pods := l.pods(t, "apps")
	l.must(t, tree, "flux-handover", "run", "--context", "apps", "--yes", "--soak", "1s")
	l.sendOff(t, tree)
	l.reconcile(t, "apps", "kustomization/cluster-apps-infrastructure")
	others := func() string {
		return l.get(t, "apps", "flux-system", "kustomization/cluster-apps-infrastructure", "{.metadata.uid} [{.spec.suspend}] [{.metadata.deletionTimestamp}]") + "\n" +
			l.get(t, "apps", "flux-system", "gitrepository/flux-system", "{.metadata.uid} [{.spec.suspend}] [{.metadata.deletionTimestamp}]") + "\n" +
			l.get(t, "apps", "flux-system", "helmrepository/ingress-nginx", "{.metadata.uid} [{.spec.suspend}] [{.metadata.deletionTimestamp}]")
	}
	was := others()
	if strings.Count(was, "[]") != 6 {
		t.Fatalf("before: %s", was)
	}
	r := l.goBack(t, tree, "apps")
	t.Logf("rollback: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	if now := others(); now != was {
		t.Errorf("what is not Cilium's was\n%s\nand is\n%s", was, now)
	}
	l.ofBootstrap(t, "from the root", "apps")
	if now := l.pods(t, "apps"); now != pods {
		t.Errorf("pods of Cilium changed:\n%s\nbefore:\n%s", now, pods)
	}
	if got := l.get(t, "apps", "kube-system", "helmrelease/cilium", "{.spec.suspend}"); got != "true" && got != "" {
		t.Errorf("HelmRelease: suspend is %q", got)
	}
}

// inTheRoot moves Cilium of apps into the cluster's own path, beside a source of another application, and commits it.
func (l *lab) inTheRoot(t *testing.T, tree string) {
	t.Helper()
	settings := strings.NewReplacer("${CLUSTER_ID}", "2", "${CLUSTER}", "apps", "${POD_CIDR_STRING}", "10.246.0.0/16", "${CILIUM_VERSION}", "1.18.2")
	dir := filepath.Join(tree, "kubernetes/clusters/apps")
	for _, name := range []string{"helmrelease.yaml", "ocirepository.yaml"} {
		write(t, filepath.Join(dir, name), settings.Replace(read(t, filepath.Join(tree, coreDir, name))))
	}
	write(t, filepath.Join(dir, "ingress.yaml"), "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata:\n  name: ingress-nginx\n"+
		"  namespace: flux-system\nspec:\n  type: oci\n  interval: 1h\n  url: oci://"+l.variable("LAB_REGISTRY")+"/charts\n  insecure: true\n")
	edit(t, filepath.Join(dir, "kustomization.yaml"), "  - infrastructure.yaml\n", "  - helmrelease.yaml\n  - ocirepository.yaml\n  - ingress.yaml\n")
	file := filepath.Join(tree, "fleet.yaml")
	write(t, file, strings.Replace(read(t, file), "kustomization: cilium-core", "kustomization: cluster-apps-infrastructure", 1))
	if !strings.Contains(read(t, file), "cluster-apps-infrastructure") {
		write(t, file, read(t, file)+"flux: {kustomization: cluster-apps-infrastructure}\n")
	}
	l.commit(t, tree, "Cilium in the cluster's own path")
}
