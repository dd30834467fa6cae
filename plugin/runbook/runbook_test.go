package runbook

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// tree is what a working tree gives a cluster.
func tree(cluster string) *facts.Git {
	file := "kubernetes/clusters/" + cluster + "/infrastructure.yaml"
	return &facts.Git{
		Path:           "kubernetes/clusters/" + cluster,
		Kustomizations: []facts.GitKustomization{{GitPlace: facts.GitPlace{File: file}, Namespace: "flux-system", Name: "cilium-core", Path: "kubernetes/cilium", Source: "GitRepository/flux-system/fleet"}},
		Objects:        []facts.GitObject{{GitPlace: facts.GitPlace{File: file}, Kind: "Kustomization", Namespace: "flux-system", Name: "cilium-core"}},
		Releases: []facts.GitRelease{{
			GitPlace: facts.GitPlace{File: "kubernetes/cilium/helmrelease.yaml"}, Namespace: "kube-system", Name: "cilium", By: "flux-system/cilium-core",
			Chart: facts.GitChart{Source: &facts.GitSource{Kind: "OCIRepository", Namespace: "kube-system", Name: "cilium-charts", URL: "oci://registry.example.org/cilium"}},
		}},
		Variables: []facts.GitVariable{{
			GitPlace: facts.GitPlace{File: "kubernetes/clusters/" + cluster + "/cluster-settings.yaml"}, Name: "CILIUM_VERSION", Used: []facts.GitUse{{Field: "spec.ref.tag"}},
		}},
	}
}

func input(names ...string) Input {
	in := Input{Fleet: fleet.Default(), Helmfile: "bootstrap/helmfile.yaml", Typed: "flux handover runbook", Drills: []string{"stable"}}
	for _, name := range names {
		in.Clusters = append(in.Clusters, Cluster{Cluster: fleet.Cluster{Name: name, Context: name, Path: "kubernetes/clusters/" + name}, Git: tree(name)})
	}
	return in
}

// block is one fenced block of a page.
type block struct{ info, text string }

// fence matches one.
var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

func blocks(t *testing.T, page Page) []block {
	t.Helper()
	if strings.Count(page.Text, "```")%2 != 0 {
		t.Errorf("%s: a block is not closed", page.Name)
	}
	var all []block
	for _, m := range fence.FindAllStringSubmatch(page.Text, -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

func make4(t *testing.T, in Input) []Page {
	t.Helper()
	pages, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) != 4 {
		t.Fatalf("%d pages", len(pages))
	}
	return pages
}

// TestCommandsStandAsTheyAre: a block of commands is one a shell can read; it has no prompt and no placeholder, names a
// context wherever it reaches a cluster, and says so where it changes one.
func TestCommandsStandAsTheyAre(t *testing.T) {
	programs := []string{"flux", "git", "helm", "kubectl", "rm", "sed"}
	looks := regexp.MustCompile(`^(git (--version|status)|helm \S+ \S+ -n \S+ history|helm (version|\S+ \S+ list)|kubectl cilium-gitops|kubectl \S+ \S+ (-n \S+ )?(get|describe|wait|rollout status)|flux handover (version|plan|status|report|drill --list)|flux handover rollback .*--dry-run|flux \S+ \S+ -n \S+ get)( |$)`)
	local := regexp.MustCompile(`^(git|rm|sed|helm version|kubectl cilium-gitops (version|lint)|flux handover (version|drill --list))( |$)`)
	seen := 0
	for _, page := range make4(t, input("infra", "apps")) {
		for _, b := range blocks(t, page) {
			if b.info == "yaml" {
				continue
			}
			if "```"+b.info != Changes && b.info != "sh" {
				t.Errorf("%s: a block is marked %q", page.Name, b.info)
			}
			if out, err := exec.Command("sh", "-n", "-c", b.text).CombinedOutput(); err != nil {
				t.Errorf("%s: no shell reads this: %v %s\n%s", page.Name, err, out, b.text)
			}
			for command := range strings.Lines(b.text) {
				command = strings.TrimSpace(command)
				seen++
				first, _, _ := strings.Cut(command, " ")
				if !slices.Contains(programs, first) {
					t.Errorf("%s: what is %q?", page.Name, command)
				}
				if strings.ContainsAny(command, "<>") || strings.Contains(command, "...") || regexp.MustCompile(`\b[A-Z]{4,}\b`).MatchString(strings.ReplaceAll(command, "TMPDIR", "")) {
					t.Errorf("%s: %q holds a placeholder", page.Name, command)
				}
				if !local.MatchString(command) && !strings.Contains(command, "context infra") && !strings.Contains(command, "context apps") {
					t.Errorf("%s: %q reaches whatever context is current", page.Name, command)
				}
				if b.info == "sh" && !looks.MatchString(command) && !cleanupLists(command) {
					t.Errorf("%s: %q is not known to change nothing, and its block is not marked %q", page.Name, command, Changes)
				}
			}
		}
	}
	if seen < 160 {
		t.Errorf("only %d commands", seen)
	}
}

// cleanupLists holds of a cleanup that removes nothing.
func cleanupLists(command string) bool {
	return strings.HasPrefix(command, "flux handover cleanup ") && !strings.Contains(command, "--yes")
}

// TestPagesAreTheFleets: every cluster, object and file of the fleet is named, and the features that it does not want
// are not.
func TestPagesAreTheFleets(t *testing.T) {
	in := input("infra", "apps")
	in.Fleet.Features["bgp"] = fleet.Off
	in.Fleet.Cilium.Namespace = "network"
	var all strings.Builder
	for _, page := range make4(t, in) {
		all.WriteString(page.Text)
		if !strings.HasPrefix(page.Text, Mark) {
			t.Errorf("%s does not say who wrote it", page.Name)
		}
		for _, cluster := range []string{"infra", "apps"} {
			if !strings.Contains(page.Text, "context "+cluster) {
				t.Errorf("%s does not name cluster %s", page.Name, cluster)
			}
		}
	}
	for _, want := range []string{
		"kubernetes/cilium/helmrelease.yaml", "kubernetes/clusters/apps/cluster-settings.yaml", "oci://registry.example.org/cilium", "reconcile source git fleet",
		"-n network", "bootstrap/helmfile.yaml", "drill stable", "git rm -q kubernetes/clusters/apps/infrastructure.yaml",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no page has %q", want)
		}
	}
	if strings.Contains(all.String(), "CG115") {
		t.Error("a page is about BGP, which the fleet does not want")
	}
}

// TestOneCluster: a fleet of one has nothing to compare.
func TestOneCluster(t *testing.T) {
	compares := func(in Input) (pages int) {
		for _, page := range make4(t, in) {
			if strings.Contains(page.Text, "compare") {
				pages++
			}
		}
		return pages
	}
	if one, two := compares(input("infra")), compares(input("infra", "apps")); one != 0 || two == 0 {
		t.Errorf("%d pages compare one cluster, %d two", one, two)
	}
}

// TestSharedFile: where other objects stand beside the Kustomization, its file is not removed.
func TestSharedFile(t *testing.T) {
	in := input("infra")
	git := in.Clusters[0].Git
	other := git.Objects[0]
	other.Name = "storage"
	git.Objects = append(git.Objects, other)
	for _, page := range make4(t, in) {
		if strings.Contains(page.Text, "git rm") {
			t.Errorf("%s removes a file that holds more than Cilium's Kustomization", page.Name)
		}
	}
}

// TestNamesAreWords: a name that a shell would act on is quoted, and one that Markdown would act on stays a name.
func TestNamesAreWords(t *testing.T) {
	in := input("infra")
	in.Clusters[0].Context = "admin's $(rm -rf .)\x1b[31m"
	in.Clusters[0].Name = "a`b\n\n# c"
	for _, page := range make4(t, in) {
		if strings.ContainsRune(page.Text, 0x1b) || strings.Contains(page.Text, "\n# c") {
			t.Errorf("%s: a name acts:\n%s", page.Name, page.Text)
		}
		if strings.Contains(page.Text, "--context admin") {
			t.Errorf("%s: a context is not quoted", page.Name)
		}
		if n := strings.Count(page.Text, `'admin'\''s $(rm -rf .)`); n == 0 {
			t.Errorf("%s does not name the context", page.Name)
		}
	}
}

// TestWithoutCilium: a tree that brings no Cilium has no runbook.
func TestWithoutCilium(t *testing.T) {
	in := input("infra")
	in.Clusters[0].Git.Releases = nil
	if _, err := Make(in); err == nil || !strings.Contains(err.Error(), "kubectl cilium-gitops scaffold") {
		t.Errorf("error %v", err)
	}
	in = input("infra")
	in.Clusters[0].Git.Kustomizations = nil
	if _, err := Make(in); err == nil {
		t.Error("nothing applies the HelmRelease")
	}
	if _, err := Make(Input{}); err == nil {
		t.Error("a fleet without clusters")
	}
}
