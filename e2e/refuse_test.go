//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// shapes are trees that must not be handed over, by what is wrong with them: what is written instead, and the refusal that
// names it.
var shapes = map[string]struct {
	edits []string
	id    string
}{
	"another release name":          {[]string{"spec:\n  interval", "spec:\n  releaseName: cilium-cni\n  interval"}, "CG208"},
	"another target namespace":      {[]string{"spec:\n  interval", "spec:\n  targetNamespace: network\n  interval"}, "HP103"},
	"another storage namespace":     {[]string{"spec:\n  interval", "spec:\n  storageNamespace: flux-system\n  interval"}, "CG208"},
	"a HelmRelease somewhere else":  {[]string{"  namespace: kube-system\n  annotations", "  namespace: flux-system\n  annotations", "spec:\n  interval", "spec:\n  targetNamespace: kube-system\n  interval"}, "HelmRelease flux-system/cilium"},
	"an install that is remediated": {[]string{"  install:\n    strategy:\n      name: RetryOnFailure\n      retryInterval: 5m\n", "  install:\n    remediation:\n      retries: 3\n"}, "HP105"},
	"an upgrade that is uninstalled": {[]string{
		"  upgrade:\n    strategy:\n      name: RetryOnFailure\n      retryInterval: 5m\n", "  upgrade:\n    remediation:\n      retries: 1\n      strategy: uninstall\n",
	}, "HP106"},
	"an upgrade by force": {[]string{"  upgrade:\n", "  upgrade:\n    force: true\n"}, "HP107"},
}

// TestRefusals: every wrong shape of the tree, and of Helm's records, is refused by name, by plan and by run alike, and
// nothing is written.
func TestRefusals(t *testing.T) {
	l := theLab
	tree := l.scaffolded(t)
	core := filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")
	wiring := filepath.Join(tree, "kubernetes/clusters/infra/infrastructure.yaml")
	before := l.whole(t, "infra")
	refused := func(t *testing.T, id string) {
		t.Helper()
		for _, args := range [][]string{{"plan"}, {"run", "--yes", "--soak", "1s"}} {
			r := l.run(t, tree, "flux-handover", append(args, "--context", "infra")...)
			if r.code != 4 || !strings.Contains(r.stdout, id) {
				t.Errorf("%v: exit code %d, and no %q\n%s%s", args, r.code, id, r.stderr, r.stdout)
			}
		}
		l.must(t, tree, "git", "checkout", "-q", ".")
	}
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			edit(t, core, s.edits...)
			refused(t, s.id)
		})
	}
	t.Run("pruned without a seatbelt", func(t *testing.T) {
		edit(t, core, "    kustomize.toolkit.fluxcd.io/prune: disabled\n", "    example.org/seatbelt: none\n")
		edit(t, wiring, "  deletionPolicy: Orphan", "  deletionPolicy: MirrorPrune")
		refused(t, "HP110")
	})
	name := strings.TrimSpace(l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "get", "secrets", "-l", "owner=helm,name=cilium,status=deployed", "-o", "name"))
	record := []string{"--context", "infra", "-n", "kube-system", "label", "--overwrite", name}
	t.Run("a release that is pending", func(t *testing.T) {
		t.Cleanup(func() { l.must(t, "", "kubectl", append(record, "status=deployed")...) })
		l.must(t, "", "kubectl", append(record, "status=pending-upgrade")...)
		refused(t, "pending-upgrade")
	})
	t.Run("a second release", func(t *testing.T) {
		second := []string{"--context", "infra", "-n", "kube-system", "secret", "sh.helm.release.v1.kube-system-cilium.v1"}
		copied := strings.NewReplacer(`"`+strings.TrimPrefix(name, "secret/")+`"`, `"sh.helm.release.v1.kube-system-cilium.v1"`, `"name": "cilium"`, `"name": "kube-system-cilium"`).
			Replace(l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "get", name, "-o", "json"))
		file := filepath.Join(t.TempDir(), "second.json")
		write(t, file, copied)
		t.Cleanup(func() { l.must(t, "", "kubectl", append([]string{"delete"}, second...)...) })
		l.must(t, "", "kubectl", "--context", "infra", "create", "-f", file)
		refused(t, "kube-system-cilium")
	})
	t.Run("H7 a release by another name", func(t *testing.T) {
		l.renamed(t, name)
		for _, args := range [][]string{{"plan"}, {"plan", "--strategy", "take-over"}, {"run", "--yes", "--strategy", "take-over"}} {
			r := l.run(t, tree, "flux-handover", append(args, "--context", "infra")...)
			if r.code != 4 || !strings.Contains(r.stdout, "cni") {
				t.Errorf("%v: exit code %d, and release cni is not named\n%s%s", args, r.code, r.stderr, r.stdout)
			}
		}
	})
	for key, text := range l.whole(t, "infra") {
		if before[key] != text && !strings.HasPrefix(key, "Event/") {
			t.Errorf("%s was written:\n%s\nbefore:\n%s", key, text, before[key])
		}
	}
}

// renamed has infra's release go by the name of cni until the test ends: its record, and what its objects say.
func (l *lab) renamed(t *testing.T, record string) {
	t.Helper()
	dir := t.TempDir()
	kubectl := func(args ...string) string {
		return l.must(t, "", "kubectl", append([]string{"--context", "infra", "-n", "kube-system"}, args...)...)
	}
	manifest := filepath.Join(dir, "manifest.yaml")
	write(t, manifest, l.must(t, "", "helm", "--kube-context", "infra", "-n", "kube-system", "get", "manifest", "cilium"))
	was := kubectl("get", record, "-o", "json")
	file := filepath.Join(dir, "record.json")
	write(t, file, strings.NewReplacer("sh.helm.release.v1.cilium.", "sh.helm.release.v1.cni.", `"name": "cilium"`, `"name": "cni"`).Replace(was))
	old := filepath.Join(dir, "old.json")
	write(t, old, was)
	kubectl("create", "-f", file)
	kubectl("delete", record)
	says := func(release string) {
		l.must(t, "", "kubectl", "--context", "infra", "annotate", "--overwrite", "-f", manifest, "meta.helm.sh/release-name="+release)
	}
	says("cni")
	t.Cleanup(func() {
		says("cilium")
		kubectl("create", "-f", old)
		kubectl("delete", "-f", file)
	})
}
