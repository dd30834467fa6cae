package scaffold_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

const (
	infra = "kubernetes/clusters/infra/"
	core  = "kubernetes/infrastructure/networking/cilium/core/"
)

func tree1(t *testing.T, there map[string]string) map[string]scaffold.Laid {
	return laid(t, there, false)
}

// laid lays the story's tree over files that are there.
func laid(t *testing.T, there map[string]string, force bool) map[string]scaffold.Laid {
	t.Helper()
	disk := fstest.MapFS{}
	for name, text := range there {
		disk[name] = &fstest.MapFile{Data: []byte(text)}
	}
	all, err := scaffold.Lay(scaffold.Make(both(), options()).Files, disk, force)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]scaffold.Laid{}
	for _, l := range all {
		out[l.Path] = l
	}
	return out
}

func TestLayTwiceChangesNothing(t *testing.T) {
	there := map[string]string{}
	for path, l := range tree1(t, nil) {
		if l.Action != scaffold.Created {
			t.Errorf("%s is %s in an empty directory", path, l.Action)
		}
		there[path] = l.New
	}
	for path, l := range tree1(t, there) {
		if l.Action != scaffold.Unchanged {
			t.Errorf("%s is %s the second time: %s", path, l.Action, l.Why)
		}
	}
}

func TestLayOverWhatIsThere(t *testing.T) {
	settings := "# ours\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: cluster-settings, namespace: flux-system}\ndata:\n" +
		"    CLUSTER: infra   # its name\n    NOTE: |\n      two\n      lines\n# the end\n"
	for name, c := range map[string]struct {
		path, old, want string
		action          scaffold.Action
		why             string
	}{
		"settings gain": {
			infra + "cluster-settings.yaml", settings,
			strings.Replace(settings, "# the end\n", "    CILIUM_VERSION: 1.18.2\n    CLUSTER_ID: \"1\"\n    POD_CIDR_STRING: 10.244.0.0/16\n# the end\n", 1),
			scaffold.Changed, "",
		},
		"settings disagree":  {infra + "cluster-settings.yaml", strings.Replace(settings, "infra   #", "other #", 1), "", scaffold.Conflict, `CLUSTER is "other" there, and "infra" in the release`},
		"settings in a flow": {infra + "cluster-settings.yaml", "kind: ConfigMap\ndata: {CLUSTER: infra}\n", "", scaffold.Conflict, "one setting below the other"},
		"settings are none":  {infra + "cluster-settings.yaml", "kind: Secret\n", "", scaffold.Conflict, `is a "Secret"`},
		"resources gain": {
			infra + "kustomization.yaml", "kind: Kustomization\nresources:\n- ./infrastructure.yaml # all of it\n- other\npatches: []\n",
			"kind: Kustomization\nresources:\n- ./infrastructure.yaml # all of it\n- other\n- cluster-settings.yaml\npatches: []\n", scaffold.Changed, "",
		},
		"resources without end of line": {
			infra + "kustomization.yaml", "resources:\n  - infrastructure.yaml\n  - x", "resources:\n  - infrastructure.yaml\n  - x\n  - cluster-settings.yaml\n", scaffold.Changed, "",
		},
		"resources in a flow": {infra + "kustomization.yaml", "resources: [a]\n", "", scaffold.Conflict, "one below the other"},
		"no resources":        {infra + "kustomization.yaml", "kind: Kustomization\n", "", scaffold.Conflict, "no list of resources"},
		"documents gain":      {infra + "infrastructure.yaml", "kind: Kustomization\nmetadata: {name: bgp}\n", "kind: Kustomization\nmetadata: {name: bgp}\n---\n", scaffold.Changed, ""},
		"another Kustomization of the name": {
			infra + "infrastructure.yaml", "kind: Kustomization\nmetadata: {name: cilium-core}\nspec: {wait: true}\n", "", scaffold.Conflict, "has a Kustomization cilium-core that says something else",
		},
		"documents that are no YAML": {infra + "infrastructure.yaml", "a: [\n", "", scaffold.Conflict, "cannot be read"},
		"our own, otherwise":         {core + "helmrelease.yaml", "kind: HelmRelease\n", "", scaffold.Conflict, "says something else"},
		"fleet of others": {
			"fleet.yaml", "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters:\n- name: edge # far\n",
			"apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters:\n- name: edge # far\n- name: infra\n  context: infra\n  path: kubernetes/clusters/infra\n" +
				"- name: apps\n  context: apps\n  path: kubernetes/clusters/apps\n", scaffold.Changed, "",
		},
		"fleet that knows the cluster otherwise": {
			"fleet.yaml", "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters: [{name: infra, path: elsewhere}]\n", "", scaffold.Conflict, "path elsewhere there",
		},
		"a helmfile of theirs": {"bootstrap/helmfile.d/01-core.yaml.gotmpl", "releases: []\n", "releases: []\n", scaffold.Unchanged, "left alone"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tree1(t, map[string]string{c.path: c.old})[c.path]
			if got.Action != c.action || !strings.Contains(got.Why, c.why) {
				t.Errorf("is %s (%s), want %s (%s)", got.Action, got.Why, c.action, c.why)
			}
			if c.want == "" {
				return
			}
			if strings.HasSuffix(c.want, "---\n") && strings.HasPrefix(got.New, c.want) {
				return
			}
			if diff := cmp.Diff(c.want, got.New); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Comments, order and style of our own files are the user's to change.
func TestLayKeepsWhatSaysTheSame(t *testing.T) {
	fresh := tree1(t, nil)
	mine := "# my own words\n" + strings.ReplaceAll(fresh[core+"helmrelease.yaml"].New, "  interval: 10m # how soon drift is seen\n", "  interval: \"10m\"\n")
	if got := tree1(t, map[string]string{core + "helmrelease.yaml": mine})[core+"helmrelease.yaml"]; got.Action != scaffold.Unchanged {
		t.Errorf("is %s: %s", got.Action, got.Why)
	}
}

// Flux takes every file of a directory without kustomization.yaml: one that names only ours would prune the others.
func TestLayMakesNobodyElseInvisible(t *testing.T) {
	for _, other := range []string{"repositories.yaml", "monitoring/x.yaml"} {
		got := tree1(t, map[string]string{infra + other: "kind: X\n"})[infra+"kustomization.yaml"]
		if got.Action != scaffold.Unchanged || got.New != "" {
			t.Errorf("with %s: is %s", other, got.Action)
		}
	}
	got := tree1(t, map[string]string{infra + "cluster-settings.yaml": "kind: ConfigMap\ndata:\n  A: b\n"})[infra+"kustomization.yaml"]
	if got.Action != scaffold.Created {
		t.Errorf("with settings alone it is %s", got.Action)
	}
	if got := tree1(t, map[string]string{infra + "kustomization.yml": "resources: []\n"})[infra+"kustomization.yml"]; got.Action != scaffold.Conflict {
		t.Errorf("with a kustomization.yml it is %s", got.Action)
	}
}

func TestForce(t *testing.T) {
	wired := infra + "infrastructure.yaml"
	there := map[string]string{
		core + "helmrelease.yaml":       "kind: HelmRelease\n",
		wired:                           "kind: A\n---\nkind: Kustomization\nmetadata: {name: cilium-core}\n---\nkind: B\n",
		infra + "cluster-settings.yaml": "kind: ConfigMap\ndata:\n  CLUSTER: x # mine\n  A: b\n",
		infra + "kustomization.yaml":    "resources: [a]\n",
	}
	got := laid(t, there, true)
	for _, path := range []string{core + "helmrelease.yaml", wired, infra + "cluster-settings.yaml"} {
		if got[path].Action != scaffold.Changed {
			t.Errorf("%s is %s: %s", path, got[path].Action, got[path].Why)
		}
	}
	if text := got[wired].New; !strings.HasPrefix(text, "kind: A\n---\n") || !strings.HasSuffix(text, "---\nkind: B\n") || !strings.Contains(text, "wait: false") {
		t.Errorf("the documents beside ours are not what they were:\n%s", text)
	}
	if text := got[infra+"cluster-settings.yaml"].New; !strings.Contains(text, "  CLUSTER: infra\n  A: b\n") {
		t.Errorf("settings:\n%s", text)
	}
	if got[infra+"kustomization.yaml"].Action != scaffold.Conflict {
		t.Errorf("what is shared must not be overwritten, not even by force")
	}
}
