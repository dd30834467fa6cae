//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// fleetJob is what is looked at of a Job.
type fleetJob struct {
	Status struct {
		CompletedIndexes, FailedIndexes string
		Succeeded, Failed               int
		Conditions                      []struct{ Type, Status string }
	}
}

// fleetPod is what is looked at of its pods.
type fleetPod struct {
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		Containers []struct {
			Name string
			Args []string
		}
	}
	Status struct{ Phase string }
}

// nowhere is the context of the part that finds nobody.
const nowhere = 19

// twentyContexts are a kubeconfig of 20 contexts: the lab's two clusters in turn, and one behind which nobody listens. A fleet
// file that named them would be at odds with how two clusters call themselves.
func twentyContexts(t *testing.T, dir string) []string {
	t.Helper()
	var config map[string]any
	if err := yaml.Unmarshal([]byte(must(t, "kubectl", "config", "view", "--raw", "--flatten")), &config); err != nil {
		t.Fatal(err)
	}
	clusters, _ := config["clusters"].([]any)
	config["clusters"] = append(clusters, map[string]any{"name": "nowhere", "cluster": map[string]any{"server": "https://127.0.0.1:1"}})
	const fleet = "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\n"
	var contexts []any
	var names []string
	for i := range 20 {
		at := []string{"infra", "apps"}[i%2]
		name := fmt.Sprintf("%02d@%s", i, at)
		entry := map[string]any{"cluster": at, "user": "admin@" + at}
		if i == nowhere {
			entry["cluster"] = "nowhere"
		}
		contexts = append(contexts, map[string]any{"name": name, "context": entry})
		names = append(names, name)
	}
	config["contexts"], config["current-context"] = contexts, "00@infra"
	out, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	for file, body := range map[string][]byte{"kubeconfig": out, "fleet.yaml": []byte(fleet)} {
		if err := os.WriteFile(filepath.Join(dir, file), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// annotated are the documents of a file of deploy/, with pods whose end the lab leaves to the test, and which look at all contexts.
func annotated(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(absolute(t, "../deploy"), file))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
			t.Fatal(err)
		}
		if object["kind"] == "Job" {
			template := object["spec"].(map[string]any)["template"].(map[string]any)
			template["metadata"] = map[string]any{"annotations": map[string]any{"lab.cilium-gitops.dev/run": "elsewhere"}}
			container := template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
			if args := container["args"].([]any); slices.Contains(args, any("--no-exec")) {
				container["args"] = append(args, "--all-contexts")
			}
		}
		body, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(body))
	}
	return strings.Join(out, "---\n")
}

// volume is what the claim of the recordings is bound to: the lab provisions none.
const volume = `apiVersion: v1
kind: PersistentVolume
metadata: {name: cilium-gitops-recordings}
spec:
  capacity: {storage: 256Mi}
  accessModes: [ReadWriteMany]
  hostPath: {path: /recordings}
`

// started creates what a file of deploy/ holds, and removes it with the test.
func started(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "started.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "kubectl", "--context", "infra", "create", "-f", file)
	t.Cleanup(func() { run(t, "kubectl", "--context", "infra", "delete", "--wait=false", "-f", file) })
}

// playPods is the container runtime of a Job's pods until the Job ends: it runs what each pod asks for, with the mounts at these
// places, and says how it ended. It gives what each printed, by its index.
func playPods(t *testing.T, job string, mounts map[string]string) (fleetJob, map[string]string) {
	t.Helper()
	printed, played := map[string]string{}, map[string]bool{}
	at := theLab.with("KUBECONFIG=/dev/null")
	kubectl := func(args ...string) string {
		return must(t, "kubectl", append([]string{"--context", "infra", "-n", "flux-system"}, args...)...)
	}
	ended := eventually(t, func() (fleetJob, bool) {
		var pods struct{ Items []fleetPod }
		if err := json.Unmarshal([]byte(kubectl("get", "pods", "-l", "batch.kubernetes.io/job-name="+job, "-o", "json")), &pods); err != nil {
			t.Fatal(err)
		}
		for _, p := range pods.Items {
			if p.Status.Phase != "Running" || played[p.Metadata.Name] {
				continue
			}
			played[p.Metadata.Name] = true
			index := p.Metadata.Annotations["batch.kubernetes.io/job-completion-index"]
			var args []string
			for _, arg := range p.Spec.Containers[0].Args {
				arg = strings.ReplaceAll(arg, "$(SHARD)", index)
				for mount, place := range mounts {
					arg = strings.Replace(arg, mount, place, 1)
				}
				args = append(args, arg)
			}
			r := at.run(t, "/", "kubectl-cilium_gitops", args...)
			printed[index] = r.stdout
			phase := map[bool]string{true: "Succeeded", false: "Failed"}[r.code == 0]
			kubectl("patch", "pod", p.Metadata.Name, "--subresource=status", "--type=merge", "-p", fmt.Sprintf(
				`{"status":{"phase":%q,"containerStatuses":[{"name":%q,"image":"x","imageID":"x","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":%d}}}]}}`,
				phase, p.Spec.Containers[0].Name, r.code))
		}
		var j fleetJob
		if err := json.Unmarshal([]byte(kubectl("get", "job", job, "-o", "json")), &j); err != nil {
			t.Fatal(err)
		}
		for _, c := range j.Status.Conditions {
			if c.Status == "True" && (c.Type == "Complete" || c.Type == "Failed") {
				return j, true
			}
		}
		return j, false
	})
	return ended, printed
}

// TestFleetJob: Kubernetes' own Job controller shares 20 contexts among the pods of deploy/fleet-job.yaml. A part that cannot
// see its cluster fails by itself and is not tried again; what the others kept is judged together as one look at all would be.
func TestFleetJob(t *testing.T) {
	mounted, recordings := t.TempDir(), t.TempDir()
	names := twentyContexts(t, mounted)
	kubectl := func(args ...string) string {
		return must(t, "kubectl", append([]string{"--context", "infra", "-n", "flux-system"}, args...)...)
	}
	kubectl("create", "secret", "generic", "cilium-gitops-fleet", "--from-file="+mounted+"/kubeconfig", "--from-file="+mounted+"/fleet.yaml")
	t.Cleanup(func() {
		run(t, "kubectl", "--context", "infra", "-n", "flux-system", "delete", "secret", "cilium-gitops-fleet")
	})
	started(t, volume)
	started(t, annotated(t, "fleet-job.yaml"))
	mounts := map[string]string{"/etc/cilium-gitops": mounted, "/recordings": recordings}
	job, printed := playPods(t, "cilium-gitops-fleet", mounts)
	if len(printed) != len(names) {
		t.Fatalf("%d of 20 parts were looked at: %v", len(printed), slices.Sorted(maps.Keys(printed)))
	}
	direct := theLab.with("KUBECONFIG="+filepath.Join(mounted, "kubeconfig")).run(t, "/", "kubectl-cilium_gitops",
		"verify", "--no-exec", "--all-contexts", "--fleet", filepath.Join(mounted, "fleet.yaml"), "-o", "json")
	want := outcomes(t, direct.stdout)
	failed := []string{}
	for i, name := range names {
		bad := slices.ContainsFunc(slices.Collect(maps.Values(want[name])), func(o string) bool { return o == "fail" || o == "unknown" })
		if bad {
			failed = append(failed, fmt.Sprint(i))
		}
	}
	if len(failed) != 1 || job.Status.Failed != len(failed) || job.Status.Succeeded != len(names)-len(failed) || !slices.Contains(failed, fmt.Sprint(nowhere)) {
		t.Errorf("%+v, want failed: %v", job.Status, failed)
	}

	t.Logf("the Job: %+v", job.Status)

	started(t, annotated(t, "fleet-report.yaml"))
	_, report := playPods(t, "cilium-gitops-fleet-report", mounts)
	if !strings.Contains(report[""], names[0]) {
		t.Errorf("the report:\n%s", report[""])
	}
	together := theLab.run(t, "/", "kubectl-cilium_gitops", "verify", "--from", recordings, "-o", "json")
	if got := outcomes(t, together.stdout); len(got) != len(names) || fmt.Sprint(got) != fmt.Sprint(want) || together.code != direct.code {
		t.Errorf("exit codes %d of the parts, %d of the whole; outcomes\n%v\nwant\n%v", together.code, direct.code, got, want)
	}
	if text, err := os.ReadFile(filepath.Join(recordings, "cilium-gitops.prom")); err != nil || !strings.Contains(string(text), `cluster="19@apps"`) {
		t.Errorf("%v\n%.300s", err, text)
	}
}

// outcomes are those of each check, by cluster.
func outcomes(t *testing.T, document string) map[string]map[string]string {
	t.Helper()
	var v verification
	if err := json.Unmarshal([]byte(document), &v); err != nil {
		t.Fatalf("%v\n%.500s", err, document)
	}
	out := map[string]map[string]string{}
	for _, r := range v.Results {
		if out[r.Cluster] == nil {
			out[r.Cluster] = map[string]string{}
		}
		out[r.Cluster][r.ID] = r.Outcome
	}
	return out
}
