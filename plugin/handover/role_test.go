package handover_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// grant is one Role or ClusterRole of a file of roles.
type grant struct {
	Kind     string
	Metadata struct{ Namespace string }
	Rules    []struct{ APIGroups, Resources, ResourceNames, Verbs []string }
}

// grants tells whether the roles give a right.
func grants(roles []grant, r handover.Right) bool {
	return slices.ContainsFunc(roles, func(g grant) bool {
		if g.Kind != "ClusterRole" && (g.Kind != "Role" || g.Metadata.Namespace != r.Namespace) {
			return false
		}
		for _, rule := range g.Rules {
			if len(rule.ResourceNames) > 0 && !slices.Contains(rule.ResourceNames, r.Name) {
				continue
			}
			if slices.Contains(rule.APIGroups, r.Group) && slices.Contains(rule.Resources, r.Resource) && slices.Contains(rule.Verbs, r.Verb) {
				return true
			}
		}
		return false
	})
}

// shippedRoles are those of deploy/rbac-handover.yaml.
func shippedRoles(t *testing.T) []grant {
	t.Helper()
	data, err := os.ReadFile("../../deploy/rbac-handover.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var roles []grant
	for _, doc := range strings.Split(string(data), "\n---\n") {
		var g grant
		if err := yaml.Unmarshal([]byte(doc), &g); err != nil {
			t.Fatal(err)
		}
		roles = append(roles, g)
	}
	return roles
}

// TestFinding_M20_TheRoleIsNotClusterAdmin: the shipped role makes no role or binding for a cluster, gives no power over
// those that are not Cilium's, and going back asks for no more while the release's objects are there.
func TestFinding_M20_TheRoleIsNotClusterAdmin(t *testing.T) {
	roles := shippedRoles(t)
	const rbac = "rbac.authorization.k8s.io"
	for _, r := range []handover.Right{
		{Verb: "create", Group: rbac, Resource: "clusterrolebindings"},
		{Verb: "create", Group: rbac, Resource: "clusterroles"},
		{Verb: "patch", Group: rbac, Resource: "clusterrolebindings", Name: "cluster-admin"},
		{Verb: "bind", Group: rbac, Resource: "clusterroles", Name: "cluster-admin"},
		{Verb: "escalate", Group: rbac, Resource: "clusterroles", Name: "view"},
		{Verb: "create", Group: rbac, Resource: "rolebindings", Namespace: "kube-system"},
		{Verb: "create", Group: "apps", Resource: "daemonsets", Namespace: "kube-system"},
		{Verb: "create", Resource: "namespaces"},
		{Verb: "patch", Resource: "namespaces", Name: "kube-system"},
	} {
		if grants(roles, r) {
			t.Errorf("the role grants %s %s %s", r.Verb, r.Resource, r.Name)
		}
	}
	m := finished(t)
	back := m.undoing(journal(t, m))
	binding := facts.Object{APIVersion: rbac + "/v1", Kind: "ClusterRoleBinding", Name: "cilium"}
	back.Rendered.After = append(slices.Clone(back.Rendered.After), binding)
	asks := func() bool {
		return slices.Contains(handover.UndoHandover(back).Rights(), handover.Right{Verb: "create", Group: rbac, Resource: "clusterrolebindings"})
	}
	if !asks() {
		t.Error("an object that is gone is made, and nobody asks for the right to")
	}
	if back.Rendered.Live = append(slices.Clone(back.Rendered.Live), binding); asks() {
		t.Error("an object that is there is only patched, and the right to create it is asked for")
	}
}

// TestShippedRole: deploy/rbac-handover.yaml gives every right that a run, a rollback and each drill ask for.
func TestShippedRole(t *testing.T) {
	roles := shippedRoles(t)
	if grants(roles, handover.Right{Verb: "delete", Group: "apps", Resource: "daemonsets", Namespace: "kube-system"}) {
		t.Fatal("the role may delete what nobody deletes")
	}
	for _, verb := range []string{"get", "list", "delete"} { // what cleanup does with what killed probes left
		if !grants(roles, handover.Right{Verb: verb, Resource: "namespaces"}) {
			t.Errorf("cleanup: the role does not grant %s namespaces", verb)
		}
	}
	m := newModel(t)
	m.wired = true
	plans := []*handover.Plan{handover.Make(m.input())}
	in := finished(t)
	back := in.undoing(journal(t, in))
	for _, ref := range []facts.Object{
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "cilium"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding", Name: "cilium"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role", Namespace: "cilium-secrets", Name: "cilium-gateway-secrets"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding", Namespace: "kube-system", Name: "cilium-config-agent"},
		{APIVersion: "monitoring.coreos.com/v1", Kind: "ServiceMonitor", Namespace: "kube-system", Name: "hubble"},
		{APIVersion: "gateway.networking.k8s.io/v1", Kind: "GatewayClass", Name: "cilium"},
		{APIVersion: "v1", Kind: "Namespace", Name: "cilium-secrets"},
		{APIVersion: "v1", Kind: "Service", Namespace: "kube-system", Name: "hubble-peer"},
	} {
		back.Rendered.After, back.Rendered.Live = append(back.Rendered.After, ref), append(back.Rendered.Live, ref)
	}
	plans = append(plans, handover.UndoHandover(back))
	for _, d := range handover.Drills() {
		plans = append(plans, handover.MakeDrill(d, newGround(t).drillInput(t)))
	}
	for _, p := range plans {
		if len(p.Rights()) < 13 {
			t.Errorf("%s asks for %d rights", p.Name, len(p.Rights()))
		}
		for _, r := range p.Rights() {
			if !grants(roles, r) {
				t.Errorf("%s: the role does not grant %s %s.%s in %q", p.Name, r.Verb, r.Resource, r.Group, r.Namespace)
			}
		}
	}
}
