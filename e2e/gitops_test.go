//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// pods is UID and restarts of every pod of Cilium's in a cluster.
func (l *lab) pods(t *testing.T, cluster string) string {
	t.Helper()
	return l.must(t, "", "kubectl", "--context", cluster, "-n", "kube-system", "get", "pods", "-l", "app.kubernetes.io/part-of=cilium",
		"--sort-by=.metadata.name", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.containerStatuses[*].containerID} {.status.containerStatuses[*].restartCount}{"\n"}{end}`)
}

// clone checks the lab's repository out.
func (l *lab) clone(t *testing.T) string {
	t.Helper()
	tree := filepath.Join(t.TempDir(), "fleet")
	l.must(t, "", "git", "clone", "-q", l.variable("LAB_GIT_URL"), tree)
	l.must(t, tree, "git", "config", "user.name", "e2e")
	l.must(t, tree, "git", "config", "user.email", "e2e@example.org")
	return tree
}

// push commits everything and has Flux fetch and apply it.
func (l *lab) push(t *testing.T, tree, message string) {
	t.Helper()
	l.must(t, tree, "git", "add", "-A")
	l.must(t, tree, "git", "commit", "-q", "-m", message)
	l.must(t, tree, "git", "push", "-q", "origin", "HEAD")
	for _, cluster := range []string{"infra", "apps"} {
		l.reconcile(t, cluster, "gitrepository/flux-system")
	}
}

func (l *lab) reconcile(t *testing.T, cluster string, objects ...string) {
	t.Helper()
	token := strings.TrimSpace(l.must(t, "", "date", "+%s%N"))
	for _, o := range objects {
		l.must(t, "", "kubectl", "--context", cluster, "-n", "flux-system", "annotate", "--overwrite",
			"--field-manager=flux-client-side-apply", o, "reconcile.fluxcd.io/requestedAt="+token)
	}
}

// TestScaffoldIsAdopted: what scaffold writes from both live clusters is applied by Flux with no hand edit: adopted,
// ready, and no pod replaced.
func TestScaffoldIsAdopted(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.clone(t)
	before := map[string]string{"infra": l.pods(t, "infra"), "apps": l.pods(t, "apps")}

	chart := "oci://" + l.variable("LAB_REGISTRY") + "/charts/cilium"
	l.must(t, tree, "kubectl", "cilium-gitops", "scaffold", "--context", "infra,apps", "--chart-source", chart, "--chart-source-insecure")
	if r := l.run(t, tree, "kubectl", "cilium-gitops", "lint", "."); r.code != 0 {
		t.Errorf("lint finds fault with what scaffold writes: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if again := l.must(t, tree, "kubectl", "cilium-gitops", "scaffold", "--context", "infra,apps", "--chart-source", chart, "--chart-source-insecure", "-o", "json"); strings.Contains(again, `"created"`) || strings.Contains(again, `"changed"`) {
		t.Errorf("a second scaffold is not idle:\n%s", again)
	}
	l.push(t, tree, "Cilium under Flux")

	l.adopted(t, tree, before)
	if r := l.run(t, tree, "kubectl", "cilium-gitops", "verify", "--context", "infra,apps"); r.code != 0 {
		t.Errorf("verify after the adoption: exit code %d\n%s", r.code, r.stdout)
	}
	if r := l.run(t, tree, "kubectl", "cilium-gitops", "compare", "--context", "infra,apps"); r.code != 0 {
		t.Errorf("compare after the adoption: exit code %d\n%s", r.code, r.stdout)
	}
}

// TestScaffoldRoundTrip: scaffolded and composed again, the values are those of the release, whatever Cilium and Helm.
func TestScaffoldRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cilium, helm string }{{"1.16.5", "3"}, {"1.19.1", "4"}, {"1.20.2", "3"}} {
		t.Run(fmt.Sprintf("Cilium %s by Helm %s", c.cilium, c.helm), func(t *testing.T) {
			roundTrip(t, another(t, "--cilium-version", c.cilium, "--helm", c.helm))
		})
	}
	t.Run("Cilium 1.18.2 by Helm 4", func(t *testing.T) { roundTrip(t, &theLab) })
}

func roundTrip(t *testing.T, l *lab) {
	t.Helper()
	tree := t.TempDir()
	l.must(t, tree, "kubectl", "cilium-gitops", "scaffold", "--context", "infra,apps")
	f := fleet.Default()
	for _, cluster := range []string{"infra", "apps"} {
		var want map[string]any
		out := l.must(t, "", "helm", "--kube-context", cluster, "-n", "kube-system", "get", "values", "cilium", "-o", "json")
		if err := json.Unmarshal([]byte(out), &want); err != nil {
			t.Fatal(err)
		}
		git, err := repo.Read(context.Background(), tree, f, f.ByContext(cluster))
		if err != nil {
			t.Fatal(err)
		}
		release := git.Cilium()
		if release == nil {
			t.Fatalf("%s: no HelmRelease: %+v", cluster, git.Problems)
		}
		if diff := cmp.Diff(want, map[string]any(release.Values)); diff != "" {
			t.Errorf("%s: other values than the release's (-release +tree):\n%s", cluster, diff)
		}
	}
	if r := l.run(t, tree, "kubectl", "cilium-gitops", "verify", "--context", "infra,apps", "--skip", "CG121"); r.code != 0 {
		t.Errorf("verify: exit code %d\n%s", r.code, r.stdout)
	}
}

// TestCompareOnTheLab: two clusters of a fleet differ in their variables and in nothing else. What is broken on one of
// them is unexpected: TestBreaks.
func TestCompareOnTheLab(t *testing.T) {
	if code, unexpected := compare(t, "infra,apps"); code != 0 {
		t.Fatalf("exit code %d: %q", code, unexpected)
	}
}

// TestTheStoryMendedIsAdopted takes the story's own manifests, has lint mend what is mechanical, does by hand what
// lint then still asks for, and pushes: adopted, and no pod replaced.
func TestTheStoryMendedIsAdopted(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.clone(t)
	before := map[string]string{"infra": l.pods(t, "infra"), "apps": l.pods(t, "apps")}
	story, err := filepath.Abs("../plugin/repo/testdata/story/kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	l.must(t, tree, "cp", "-r", story, ".")

	r := l.run(t, tree, "kubectl", "cilium-gitops", "lint", "--fix", ".")
	if r.code != 1 || !strings.Contains(r.stdout, "mended") {
		t.Fatalf("lint --fix: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	l.byHand(t, tree)
	if r := l.run(t, tree, "kubectl", "cilium-gitops", "lint", "."); r.code != 0 {
		t.Fatalf("lint after mending by hand: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	l.push(t, tree, "The story, mended")
	l.adopted(t, tree, before)
}

// byHand does what lint asks for and cannot do itself: the source beside the HelmRelease, in its Kustomization and
// where the chart really is; one version; and all values of the bootstrap instead of the story's few.
func (l *lab) byHand(t *testing.T, tree string) {
	t.Helper()
	cilium := filepath.Join(tree, "kubernetes", "infrastructure", "networking", "cilium")
	core := filepath.Join(cilium, "core")
	l.must(t, cilium, "mv", "ocirepository.yaml", "core/")
	l.must(t, cilium, "rm", "kustomization.yaml", "core/ks.yaml")
	edit(t, filepath.Join(core, "kustomization.yaml"), "  - helmrelease.yaml", "  - helmrelease.yaml\n  - ocirepository.yaml")
	edit(t, filepath.Join(core, "ocirepository.yaml"),
		"namespace: flux-system", "namespace: kube-system",
		"url: oci://ghcr.io/cilium/charts", "url: oci://"+l.variable("LAB_REGISTRY")+"/charts/cilium\n  insecure: true",
		`tag: "1.18.2"`, "tag: ${CILIUM_VERSION}")
	scaffolded := t.TempDir()
	l.must(t, scaffolded, "kubectl", "cilium-gitops", "scaffold", "--context", "infra,apps")
	_, values, _ := strings.Cut(read(t, filepath.Join(scaffolded, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")), "\n  values:\n")
	file := filepath.Join(core, "helmrelease.yaml")
	text := read(t, file)
	head, _, _ := strings.Cut(text, "\n  values:\n")
	before, rest, _ := strings.Cut(head, "  chart:\n")
	_, after, _ := strings.Cut(rest, "  install:\n")
	if values == "" || after == "" {
		t.Fatalf("the story's HelmRelease is not as expected:\n%s", text)
	}
	write(t, file, before+"  chartRef:\n    kind: OCIRepository\n    name: cilium-charts\n  install:\n"+after+"\n  values:\n"+values)
}

// adopted waits until Flux has applied the tree and everything is ready, and holds that no pod of Cilium's changed.
func (l *lab) adopted(t *testing.T, tree string, before map[string]string) {
	t.Helper()
	last := ""
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("verify at last:\n%s", last)
		}
	})
	eventually(t, func() (struct{}, bool) {
		r := l.run(t, tree, "kubectl", "cilium-gitops", "verify", "--context", "infra,apps", "--phase", "gitops", "-o", "json")
		last = r.stdout
		var v verification
		if json.Unmarshal([]byte(r.stdout), &v) != nil {
			return struct{}{}, false
		}
		return struct{}{}, r.code == 0 && v.Summary.Skip == 0
	})
	for _, cluster := range []string{"infra", "apps"} {
		if diff := cmp.Diff(before[cluster], l.pods(t, cluster)); diff != "" {
			t.Errorf("%s: pods of Cilium changed (-before +after):\n%s", cluster, diff)
		}
		history := l.must(t, "", "helm", "--kube-context", cluster, "-n", "kube-system", "history", "cilium")
		if !strings.Contains(history, "superseded") || strings.Count(history, "deployed") != 1 {
			t.Errorf("%s: not adopted:\n%s", cluster, history)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit replaces texts, each of which must be there.
func edit(t *testing.T, file string, pairs ...string) {
	t.Helper()
	text := read(t, file)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q:\n%s", file, pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	write(t, file, text)
}
