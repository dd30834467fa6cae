package kubelet

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestImagesThatTheLabHasAProgramFor(t *testing.T) {
	for image, want := range map[string]string{
		"quay.io/cilium/cilium:v1.18.2@sha256:85": "cilium-agent", "quay.io/cilium/operator-generic:v1.18.2": "cilium-operator-generic",
		"127.0.0.1:5000/cilium/hubble-relay:v1": "hubble-relay", "registry.k8s.io/coredns/coredns:v1.12.4": "coredns", "lab/echo": "echo",
		"quay.io/cilium/cilium-envoy:v1": "", "quay.io/other/notcilium/cilium-x": "", "busybox": "",
	} {
		if got := entrypoint(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestWhosePodsAreWhose(t *testing.T) {
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}, Annotations: map[string]string{}}}
		p.Spec.NodeName, p.Spec.Containers = "infra-1", []corev1.Container{{Image: "busybox"}}
		change(p)
		return p
	}
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"a pod with a network of its own": {func(*corev1.Pod) {}, true},
		"not scheduled":                   {func(p *corev1.Pod) { p.Spec.NodeName = "" }, false},
		"of the host's network":           {func(p *corev1.Pod) { p.Spec.HostNetwork = true }, false},
		"an agent": {func(p *corev1.Pod) {
			p.Spec.HostNetwork, p.Labels["app.kubernetes.io/name"] = true, "cilium-agent"
		}, true},
		"of the host's network, to be run": {func(p *corev1.Pod) {
			p.Spec.HostNetwork, p.Annotations[RunAnnotation] = true, "true"
		}, true},
		"whose image is missing": {func(p *corev1.Pod) { p.Spec.Containers[0].Image = "x/does-not-exist:1" }, false},
	} {
		if got := Ours(pod(c.change)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMountsStayOffTheMachine(t *testing.T) {
	for path, want := range map[string]bool{
		"/etc/coredns": true, "/var/run/secrets/kubernetes.io/serviceaccount": true, "/var/lib/hubble-relay/tls": true,
		"/tmp": false, "/usr/bin": false, "/etc/../usr": false, "/home": false, "/etc": false,
	} {
		if mountable(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func TestLinesAreWrittenAsARuntimeDoes(t *testing.T) {
	var out bytes.Buffer
	copyLines(&out, strings.NewReader("one\n"+strings.Repeat("x", 20<<10)+"\nend"), "stdout", &sync.Mutex{})
	var tags []string
	for line := range strings.Lines(out.String()) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(f) != 4 || f[1] != "stdout" || !strings.HasSuffix(line, "\n") {
			t.Fatalf("line %.80q", line)
		}
		tags = append(tags, f[2])
	}
	if got := strings.Join(tags, ""); got != "FPFP" {
		t.Errorf("tags %s", got)
	}
}

// A name that a shell would take apart reaches the program whole.
func TestWordsStayWords(t *testing.T) {
	for _, word := range []string{"a b", `it's`, "$HOME", "`x`", "", "a\nb"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q, %v", word, out, err)
		}
	}
}

// The program's end is written down, whichever way it ends, and its number is not there any more.
func TestContainWritesHowItEnded(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for namespaces")
	}
	cgroup := "/sys/fs/cgroup/unified"
	if _, err := os.Stat(filepath.Join(cgroup, "cgroup.procs")); err != nil {
		if cgroup = "/sys/fs/cgroup"; exec.Command("test", "-f", cgroup+"/cgroup.procs").Run() != nil {
			t.Skip("needs cgroup2")
		}
	}
	for script, want := range map[string]Exit{"echo said; exit 3": {Code: 3}, "kill -9 $$": {Code: 137, Signal: 9}, "sleep 600 & kill -9 $$": {Code: 137, Signal: 9}} {
		dir := t.TempDir()
		plan := Plan{
			Argv: []string{"sh", "-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")}, Cgroup: cgroup,
			Mounts: "/proc/self/ns/mnt", Network: "/proc/self/ns/net",
			Log: filepath.Join(dir, "log"), PID: filepath.Join(dir, "pid"), Exit: filepath.Join(dir, "exit"),
		}
		if err := plan.Contain(context.Background()); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(plan.Exit)
		if err != nil {
			t.Fatal(err)
		}
		var got Exit
		if err := json.Unmarshal(raw, &got); err != nil || got.Code != want.Code || got.Signal != want.Signal {
			t.Errorf("%s: %s, %v; want %+v", script, raw, err, want)
		}
		if _, err := os.Stat(plan.PID); err == nil {
			t.Errorf("%s: its number is still there", script)
		}
	}
}

func TestWhatIsNotLimitedIsTheNodes(t *testing.T) {
	node := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourceCPU: resource.MustParse("4")}
	limited := &corev1.Container{Resources: corev1.ResourceRequirements{
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("200Mi"), corev1.ResourceCPU: resource.MustParse("1500m")},
		Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")},
	}}
	for _, c := range []struct {
		of             *corev1.Container
		field, divisor string
		want           string
	}{
		{&corev1.Container{}, "limits.memory", "", "8589934592"},
		{&corev1.Container{}, "limits.cpu", "1", "4"},
		{&corev1.Container{}, "requests.memory", "", "0"},
		{limited, "limits.memory", "1Mi", "200"},
		{limited, "limits.cpu", "", "2"},
		{limited, "limits.cpu", "1m", "1500"},
		{limited, "requests.memory", "1", "104857600"},
	} {
		ref := &corev1.ResourceFieldSelector{Resource: c.field}
		if c.divisor != "" {
			ref.Divisor = resource.MustParse(c.divisor)
		}
		if got, err := resourceValue(c.of, ref, node); err != nil || got != c.want {
			t.Errorf("%s in %q: %s, %v, want %s", c.field, c.divisor, got, err, c.want)
		}
	}
	if _, err := resourceValue(limited, &corev1.ResourceFieldSelector{Resource: "usage.memory"}, node); err == nil {
		t.Error("an unknown field has no value")
	}
}

func TestFoldersAreFoundWherePathsBegin(t *testing.T) {
	for arg, want := range map[string]string{
		"--storage.tsdb.path=/prometheus":              "--storage.tsdb.path=/tmp/a$b",
		"--config.file=/etc/prometheus/prometheus.yml": "--config.file=/etc/prometheus/prometheus.yml",
		"/prometheus/wal":                              "/tmp/a$b/wal",
		"/prometheus.yml":                              "/prometheus.yml",
		"-v=/prometheus:/data,/prometheus":             "-v=/tmp/a$b:/data,/tmp/a$b",
	} {
		if got := relocate(arg, "/prometheus", "/tmp/a$b"); got != want {
			t.Errorf("%s becomes %s, want %s", arg, got, want)
		}
	}
}
