//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// reader is the user that deploy/rbac-readonly.yaml names.
const reader = "cilium-gitops"

type role struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Rules      []rule         `json:"rules,omitempty"`
	RoleRef    map[string]any `json:"roleRef,omitempty"`
	Subjects   []any          `json:"subjects,omitempty"`
}

type rule struct {
	NonResourceURLs []string `json:"nonResourceURLs,omitempty"`
	APIGroups       []string `json:"apiGroups,omitempty"`
	Resources       []string `json:"resources,omitempty"`
	Verbs           []string `json:"verbs"`
}

func shippedRoles(t *testing.T) []role {
	t.Helper()
	data, err := os.ReadFile("../deploy/rbac-readonly.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var roles []role
	for _, doc := range strings.Split(string(data), "\n---\n") {
		var r role
		if err := yaml.UnmarshalStrict([]byte(doc), &r); err != nil {
			t.Fatal(err)
		}
		roles = append(roles, r)
	}
	return roles
}

// apply makes the cluster's roles exactly these.
func apply(t *testing.T, cluster string, roles []role) {
	t.Helper()
	var all []string
	for _, r := range roles {
		doc, err := yaml.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(doc))
	}
	file := filepath.Join(t.TempDir(), "roles.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(all, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "kubectl", "--context", cluster, "apply", "-f", file)
}

// TestReadOnlyRoleSuffices: with the shipped role and nothing else, verify --no-exec sees everything.
func TestReadOnlyRoleSuffices(t *testing.T) {
	apply(t, "infra", shippedRoles(t))
	v := settled(t, func(v verification) bool { return v.Summary.Unknown == 0 })
	if got := v.outcomes(); len(got) != 0 {
		t.Errorf("not everything passes: %v", got)
	}
	// Without the exec role every check that asks an agent is unknown, and names the verb.
	all, r := verify(t, "--context", "infra", "--as", reader)
	if r.code != 3 {
		t.Errorf("exit code %d, want 3", r.code)
	}
	for _, id := range []string{"CG108", "CG109", "CG111", "CG130", "CG703", "CG708", "CG710", "CG712"} {
		c := all.result(t, "infra", id)
		if c.Outcome != "unknown" || !strings.Contains(fmt.Sprint(c.Evidence), `pods/exec`) {
			t.Errorf("%s without exec: %+v", id, c)
		}
	}
}

// settled verifies as the reader until the API server's authorizer has caught up with the roles.
func settled(t *testing.T, good func(verification) bool) verification {
	t.Helper()
	return eventually(t, func() (verification, bool) {
		v, _ := verify(t, "--context", "infra", "--no-exec", "--as", reader)
		return v, good(v)
	})
}

// blinded is which checks cannot look once a resource may not be read. A verb that is missing here is one that this
// lab never needs: the API server gives its version to everybody, and every Gateway API CRD is annotated.
var blinded = map[string][]string{
	"list nodes":                     {"CG102", "CG104", "CG105", "CG126", "CG401", "CG402", "CG404"},
	"list pods":                      {"CG105", "CG106", "CG110", "CG123", "CG124", "CG401", "CG402", "CG709"},
	"get configmaps":                 {"CG101", "CG302", "CG123", "CG125", "CG126", "CG128", "CG112", "CG113", "CG114", "CG115", "CG116", "CG117", "CG118", "CG701", "CG702", "CG704", "CG705", "CG706", "CG405", "CG709"},
	"list daemonsets":                {"CG104", "CG110", "CG117", "CG118", "CG122", "CG124", "CG127", "CG128", "CG129", "CG402", "CG1001", "CG709", "CG901"},
	"list deployments":               {"CG107", "CG124", "CG704", "CG402", "CG901"},
	"list customresourcedefinitions": {"CG117", "CG118", "CG119", "CG201", "CG709"},
	"list gatewayclasses":            {"CG701"},
	"list servicemonitors":           {"CG707"},
	"list helmreleases":              {"CG202", "CG203", "CG204", "CG205", "CG206", "CG301", "CG302", "CG403", "CG501", "CG502", "CG503", "CG601", "CG602", "CG603", "CG604", "CG1001", "CG903", "CG904"},
	"list kustomizations":            {"CG204", "CG205", "CG206", "CG903", "CG904"},
	"list clusterissuers":            {"CG902"},
	"get gitrepositories":            {"CG903", "CG904"},
	"list secrets":                   {"CG301", "CG112", "CG113", "CG114", "CG115", "CG120", "CG121", "CG122", "CG124", "CG126", "CG702", "CG704", "CG705", "CG706", "CG403", "CG1001"},
	"get secrets":                    {"CG301", "CG112", "CG113", "CG114", "CG115", "CG124", "CG126", "CG702", "CG704", "CG706"},
}

// TestEachRightMissing takes one verb of one resource away at a time: what could not look is unknown and names the
// verb, the rest is as before, and nothing passes for want of looking.
func TestEachRightMissing(t *testing.T) {
	shipped := shippedRoles(t)
	t.Cleanup(func() { apply(t, "infra", shipped) })
	tried := map[string]bool{}
	for i, r := range shipped {
		for j, one := range r.Rules {
			for _, verb := range one.Verbs {
				for _, resource := range one.Resources {
					right := verb + " " + resource
					tried[right] = true
					if blinded[right] == nil {
						continue
					}
					t.Run(right, func(t *testing.T) {
						apply(t, "infra", without(shipped, i, j, verb, resource))
						checkBlind(t, verb, resource, blinded[right])
					})
				}
			}
		}
	}
	for right := range blinded {
		if !tried[right] {
			t.Errorf("the shipped role does not grant %s", right)
		}
	}
}

func checkBlind(t *testing.T, verb, resource string, want []string) {
	t.Helper()
	var last []string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("unknown at last: %v, want %v", last, want)
		}
	})
	v := settled(t, func(v verification) bool {
		last = slices.Sorted(maps.Keys(v.outcomes()))
		return v.Summary.Unknown == len(want)
	})
	var got []string
	for _, r := range v.Results {
		switch r.Outcome {
		case "unknown":
			got = append(got, r.ID)
			if text := fmt.Sprint(r.Evidence); !strings.Contains(text, "forbidden: ") || !strings.Contains(text, "cannot "+verb+" resource \""+resource+"\"") {
				t.Errorf("%s does not name the verb: %s", r.ID, text)
			}
		case "fail":
			t.Errorf("%s fails for want of looking: %+v", r.ID, r)
		}
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("unknown are %v, want %v", got, want)
	}
}

// without is the roles less one verb on one resource; the rule's other resources keep it.
func without(roles []role, i, j int, verb, resource string) []role {
	out := slices.Clone(roles)
	out[i].Rules = slices.Clone(out[i].Rules)
	whole := out[i].Rules[j]
	lesser, rest := whole, whole
	lesser.Resources = []string{resource}
	lesser.Verbs = slices.DeleteFunc(slices.Clone(whole.Verbs), func(v string) bool { return v == verb })
	rest.Resources = slices.DeleteFunc(slices.Clone(whole.Resources), func(r string) bool { return r == resource })
	out[i].Rules = slices.Delete(out[i].Rules, j, j+1)
	if len(lesser.Verbs) > 0 {
		out[i].Rules = append(out[i].Rules, lesser)
	}
	if len(rest.Resources) > 0 {
		out[i].Rules = append(out[i].Rules, rest)
	}
	return out
}
