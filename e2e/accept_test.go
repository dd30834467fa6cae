//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// podsOf are the names and UIDs of a cluster's pods of Cilium's that a selector picks.
func (l *lab) podsOf(t *testing.T, cluster, selector string) []string {
	t.Helper()
	return strings.Fields(l.must(t, "", "kubectl", "--context", cluster, "-n", "kube-system", "get", "pods", "-l", "app.kubernetes.io/part-of=cilium,"+selector,
		"--sort-by=.metadata.name", "-o", `jsonpath={range .items[*]}{.metadata.name}/{.metadata.uid}/{.status.containerStatuses[*].ready}{"\n"}{end}`))
}

// TestNamed: what is accepted by name, and what is allowed by name.
func TestNamed(t *testing.T) {
	t.Parallel()
	l := another(t, "--helm", "3")
	tree := l.scaffolded(t)
	t.Run("a role of its own", func(t *testing.T) { l.byItsRole(t, tree, "apps") })
	t.Run("agents to be replaced", func(t *testing.T) { l.accepts(t, tree, "infra") })
}

// handoverer is the user that deploy/rbac-handover.yaml names.
const handoverer = "cilium-gitops-handover"

// byItsRole hands a cluster over and takes it back with the shipped role and nothing else; of each verb that it lacks a
// plan says so.
func (l *lab) byItsRole(t *testing.T, tree, cluster string) {
	flux := func(verb string, more ...string) result {
		return l.run(t, tree, "flux-handover", append([]string{verb, "--context", cluster, "--as", handoverer}, more...)...)
	}
	shipped := read(t, "../deploy/rbac-handover.yaml")
	grant := func(roles string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "roles.yaml")
		write(t, file, roles)
		l.must(t, "", "kubectl", "--context", cluster, "apply", "-f", file)
	}
	for _, lack := range []struct{ line, verb, says string }{
		{`["leases"]`, "update", "flux-system/leases.coordination.k8s.io/cilium-gitops-handover  got denied  want update"},
		{`["leases"]`, "create", "flux-system/leases.coordination.k8s.io  got denied  want create"},
		{`["helmreleases"] # placed`, "patch", "kube-system/helmreleases.helm.toolkit.fluxcd.io/cilium  got denied  want patch"},
		{`["helmreleases"] # placed`, "watch", "kube-system/helmreleases.helm.toolkit.fluxcd.io  got denied  want watch"},
		{`["ocirepositories", "helmrepositories", "gitrepositories", "buckets", "helmcharts"] # what`, "create", "kube-system/ocirepositories.source.toolkit.fluxcd.io  got denied  want create"},
		{`["pods"] # watched`, "watch", "kube-system/pods  got denied  want watch"},
		{`["replicasets"]`, "list", "kube-system/replicasets.apps  got denied  want list"},
		{`["configmaps"] # cluster-settings`, "update", "flux-system/configmaps/cilium-gitops-handover  got denied  want update"},
	} {
		grant(lacking(t, shipped, lack.line, lack.verb))
		eventually(t, func() (string, bool) {
			r := flux("plan")
			return r.stdout + r.stderr, r.code == 4 && strings.Contains(strings.Join(strings.Fields(r.stdout), " "), strings.Join(strings.Fields(lack.says), " "))
		})
	}
	grant(shipped)
	eventually(t, func() (string, bool) {
		r := flux("plan")
		return r.stdout + r.stderr, r.code == 0
	})
	before, pods := l.whole(t, cluster), l.pods(t, cluster)
	for _, step := range [][]string{{"run", "--yes", "--soak", "2s"}, {"status"}, {"report"}, {"cleanup"}, {"rollback", "--yes"}} {
		if r := flux(step[0], step[1:]...); r.code != 0 {
			t.Fatalf("%v: exit code %d\n%s%s", step, r.code, r.stderr, r.stdout)
		}
	}
	l.isAsBefore(t, "by its role", cluster, before, pods)
}

// lacking is a file of roles without one verb of the rule on whose line that stands.
func lacking(t *testing.T, roles, line, verb string) string {
	t.Helper()
	head, rule, ok := strings.Cut(roles, line)
	at := strings.Index(rule, "verbs: [")
	end := strings.Index(rule, "]\n  - ")
	if last := strings.Index(rule, "]\n---"); end < 0 || last >= 0 && last < end {
		end = last
	}
	if !ok || at < 0 || end < at || !strings.Contains(rule[at:end], `"`+verb+`"`) {
		t.Fatalf("the roles have no %s of %s", verb, line)
	}
	return head + line + rule[:at] + strings.Replace(rule[at:end], `"`+verb+`"`, `"deletecollection"`, 1) + rule[end:]
}

// accepts: a value that replaces the agents is refused; accepted by name the run goes through, every agent is another one
// and ready, every other pod is the same, and the evidence says what was accepted.
func (l *lab) accepts(t *testing.T, tree, cluster string) {
	core := filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")
	edit(t, core, "    prometheus:\n      enabled: true\n      serviceMonitor:\n        enabled: true\n    routingMode", "    podAnnotations:\n      example.org/rolled: once\n    prometheus:\n      enabled: true\n      serviceMonitor:\n        enabled: true\n    routingMode")
	l.must(t, tree, "git", "commit", "-q", "-a", "-m", "Roll the agents")
	args := []string{"--context", cluster, "--soak", "3s"}
	if r := l.run(t, tree, "flux-handover", append([]string{"plan"}, args...)...); r.code != 4 || !strings.Contains(r.stdout, "HP301") || !strings.Contains(r.stdout, "--allow-restart DaemonSet/cilium") {
		t.Errorf("plan, not accepted: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	if r := l.run(t, tree, "flux-handover", append([]string{"run", "--yes", "--allow-restart", "Deployment/cilium-operator"}, args...)...); r.code != 4 {
		t.Errorf("another accepted: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	agents, others := l.podsOf(t, cluster, "k8s-app=cilium"), l.podsOf(t, cluster, "k8s-app!=cilium")
	r := l.run(t, tree, "flux-handover", append([]string{"run", "--yes", "--allow-restart", "DaemonSet/cilium", "-o", "json"}, args...)...)
	if r.code != 0 {
		t.Fatalf("run: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	t.Logf("run:\n%s", r.stdout)
	if diff := cmp.Diff(others, l.podsOf(t, cluster, "k8s-app!=cilium")); diff != "" {
		t.Errorf("other pods changed (-before +after):\n%s", diff)
	}
	after := l.podsOf(t, cluster, "k8s-app=cilium")
	if len(after) != len(agents) || slices.ContainsFunc(after, func(pod string) bool { return slices.Contains(agents, pod) || !strings.HasSuffix(pod, "/true") }) {
		t.Errorf("agents were %v and are %v", agents, after)
	}
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	var doc struct{ Clusters []struct{ Evidence string } }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &doc); err != nil || len(doc.Clusters) != 1 {
		t.Fatalf("%v: %s", err, lines[len(lines)-1])
	}
	v := l.run(t, tree, "kubectl", "cilium-gitops", "verify", "--from", doc.Clusters[0].Evidence, "--check", "CG401,CG402,CG403,CG405", "-o", "json")
	var judged verification
	if err := json.Unmarshal([]byte(v.stdout), &judged); err != nil || v.code != 0 {
		t.Fatalf("verify: exit code %d, %v\n%s%s", v.code, err, v.stderr, v.stdout)
	}
	if got := judged.result(t, cluster, "CG401"); !strings.Contains(got.Reason, "3 are others, as was accepted of DaemonSet/kube-system/cilium") {
		t.Errorf("CG401: %s", got.Reason)
	}
}
