package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
)

// job is what of a Job's manifest is run here.
type job struct {
	Kind string
	Spec struct {
		CompletionMode string
		Completions    int
		Template       struct {
			Spec struct{ Containers []struct{ Args []string } }
		}
	}
}

// jobOf reads the Job of a file of deploy/.
func jobOf(t *testing.T, file string) job {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", file))
	if err != nil {
		t.Fatal(err)
	}
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		var j job
		if err := yaml.Unmarshal([]byte(doc), &j); err != nil {
			t.Fatal(err)
		}
		if j.Kind == "Job" {
			return j
		}
	}
	t.Fatalf("no Job in %s", file)
	return job{}
}

// args are the container's, for one of its pods, with the folders of this test.
func (j job) args(m *many, shard int) []string {
	var out []string
	for _, arg := range j.Spec.Template.Spec.Containers[0].Args {
		arg = strings.ReplaceAll(arg, "$(SHARD)", fmt.Sprint(shard))
		arg = strings.ReplaceAll(arg, "/etc/cilium-gitops/", m.dir+"/")
		out = append(out, strings.ReplaceAll(arg, "/recordings", m.dir+"/recordings"))
	}
	return out
}

// TestFleetJob runs what deploy/fleet-job.yaml and deploy/fleet-report.yaml run, each pod a process of its own, on a fleet of
// 20 clusters of which one refuses: what the parts saw, judged together, is what one look at all of them tells.
func TestFleetJob(t *testing.T) {
	m := newMany(t, 20)
	m.taken = time.Now().UTC().Truncate(time.Second) // other processes have the real clock
	for i, name := range m.names {
		if i != 3 {
			m.cluster(t, name, func(c http.Handler) http.Handler { return c })
		} else if err := m.Refuse(name); err != nil {
			t.Fatal(err)
		}
	}
	m.write(t)
	if err := os.Mkdir(filepath.Join(m.dir, "recordings"), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugin := filepath.Join(m.dir, "kubectl-cilium_gitops")
	if err := os.Symlink(self, plugin); err != nil {
		t.Fatal(err)
	}
	pod := func(args []string) (int, string) {
		cmd := exec.CommandContext(t.Context(), plugin, args...)
		cmd.Dir = m.dir
		out, err := cmd.Output()
		if _, ended := err.(*exec.ExitError); err != nil && !ended {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	shards := jobOf(t, "fleet-job.yaml")
	if shards.Spec.CompletionMode != "Indexed" || shards.Spec.Completions != len(m.names) {
		t.Fatalf("%s Job of %d", shards.Spec.CompletionMode, shards.Spec.Completions)
	}
	for i := range shards.Spec.Completions {
		want := cli.ExitYes
		if i == 3 {
			want = cli.ExitCannotTell
		}
		if code, out := pod(shards.args(m, i)); code != want || !strings.Contains(out, m.names[i]) {
			t.Errorf("part %d: exit code %d\n%s", i, code, out)
		}
	}
	code, out := pod(append(jobOf(t, "fleet-report.yaml").args(m, 0), "-o", "json"))
	one, whole, story := m.verify(t, "--fleet", filepath.Join(m.dir, "fleet.yaml"), "-o", "json")
	if code != cli.ExitCannotTell || one != code {
		t.Fatalf("exit codes %d of the parts, %d of the whole\n%s", code, one, story)
	}
	var parts, all verified
	if err := json.Unmarshal([]byte(out), &parts); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(whole), &all); err != nil {
		t.Fatal(err)
	}
	got, want := byCluster(parts), byCluster(all)
	if len(got) != len(m.names) || !reflect.DeepEqual(got, want) {
		t.Errorf("of %d clusters:\n%v\nwant\n%v", len(got), got, want)
	}
}

// byCluster are the outcomes: recordings are read in the order of their files.
func byCluster(v verified) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, r := range v.Results {
		if out[r.Cluster] == nil {
			out[r.Cluster] = map[string]string{}
		}
		out[r.Cluster][r.ID] = r.Outcome
	}
	return out
}

// TestShard: parts that are none, or hold none, are wrong usage; every cluster is in exactly one part.
func TestShard(t *testing.T) {
	m := newMany(t, 5)
	for _, name := range m.names {
		if err := m.Refuse(name); err != nil {
			t.Fatal(err)
		}
	}
	m.write(t)
	for _, wrong := range []string{"", "2", "2/2", "-1/2", "0/0", "1/2/3", "x/y", "1/2x", "5/6"} {
		if code, _, story := m.verify(t, "--all-contexts", "--shard", wrong); code != cli.ExitUsage || !strings.Contains(story, "--shard: ") {
			t.Errorf("%s: exit code %d, %s", wrong, code, story)
		}
	}
	if code, _, story := m.verify(t, "--from", m.dir, "--shard", "0/2"); code != cli.ExitUsage {
		t.Errorf("with --from: exit code %d, %s", code, story)
	}
	seen := map[string]int{}
	for i := range 3 {
		_, out, _ := m.verify(t, "--all-contexts", "--shard", fmt.Sprintf("%d/3", i), "-o", "json")
		var v verified
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Clusters {
			seen[c.Name]++
		}
	}
	if want := map[string]int{"c001": 1, "c002": 1, "c003": 1, "c004": 1, "c005": 1}; !reflect.DeepEqual(seen, want) {
		t.Errorf("seen: %v", seen)
	}
}
