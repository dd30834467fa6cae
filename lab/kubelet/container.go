package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/node"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// RunAnnotation has a pod's command run whatever its image is called: by a program of the node's PATH.
const RunAnnotation = "lab.cilium-gitops.dev/run"

// HoldFile is the name of a file in a pod's folder that keeps its programs from being started again; breaks write it.
const HoldFile = "hold"

// entrypoints are the programs of images whose containers may leave their command out.
func entrypoints() map[string]string {
	return map[string]string{
		"cilium/cilium": "cilium-agent", "cilium/operator-generic": "cilium-operator-generic", "cilium/hubble-relay": "hubble-relay",
		"coredns/coredns": "coredns", "prometheus/prometheus": "prometheus", "spegel-org/spegel": "spegel", "lab/echo": "echo",
		"cilium-gitops/cilium-gitops": "kubectl-cilium_gitops",
	}
}

// entrypoint is the program of an image; none for one that the lab does not know.
func entrypoint(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		image = image[:i]
	}
	for suffix, program := range entrypoints() {
		if image == suffix || strings.HasSuffix(image, "/"+suffix) {
			return program
		}
	}
	return ""
}

func isMissing(image string) bool { return strings.Contains(image, "does-not-exist") }

// lasting is how long a program has to have run for its end to be no part of a series.
const lasting = 20 * time.Second

// container is one container of a pod.
type container struct {
	w        *worker
	spec     *corev1.Container
	plan     Plan // empty where there is no program
	enter    string
	restarts int32
	started  time.Time
	failed   time.Time // when the process was found gone
	tries    int       // how often in a row it did not last
	exit     *Exit     // of the process before
	done     bool      // it ended and is not to be started again
	live     bool
	ready    bool
}

// container plans one container, without starting it.
func (w *worker) container(ctx context.Context, pod *corev1.Pod, spec *corev1.Container, volumes map[string]string) (*container, error) {
	c := &container{w: w, spec: spec, enter: w.path(spec.Name + ".sh")}
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == spec.Name && s.State.Running != nil {
			c.restarts, c.started = s.RestartCount, s.State.Running.StartedAt.Time
		}
	}
	cgroup, err := w.Ground.Cgroup(w.box.Node)
	if err != nil {
		return nil, err
	}
	env, values, err := w.environment(ctx, pod, spec)
	if err != nil {
		return nil, err
	}
	c.plan = Plan{
		Env: env, Cgroup: cgroup, Mounts: w.box.mounts(), Network: w.box.namespace(),
		Log: c.log(), PID: w.path(spec.Name + ".pid"), Exit: w.path(spec.Name + ".exit.json"),
	}
	argv := w.argv(pod, spec)
	if err := w.bind(ctx, pod, c, &argv, volumes); err != nil {
		return nil, err
	}
	for i := range argv {
		argv[i] = expand(argv[i], values)
	}
	c.plan.Argv = argv
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND, 0o644) // one that runs already writes on into it
	if err != nil {
		return nil, fmt.Errorf("make log of %s: %w", spec.Name, err)
	}
	log.Close()
	raw, err := json.Marshal(c.plan)
	if err != nil {
		return nil, fmt.Errorf("plan container %s: %w", spec.Name, err)
	}
	if err := state.WriteFile(c.file(), raw, 0o600); err != nil {
		return nil, err
	}
	return c, state.WriteFile(c.enter, []byte(c.script(pod)), 0o755)
}

// argv is what the container runs; nothing where the lab has no such program.
func (w *worker) argv(pod *corev1.Pod, c *corev1.Container) []string {
	program := entrypoint(c.Image)
	if program == "" && pod.Annotations[RunAnnotation] != "true" {
		return nil
	}
	argv := c.Command
	if len(argv) == 0 {
		argv = []string{program}
	}
	argv = append([]string{filepath.Base(argv[0])}, append(argv[1:len(argv):len(argv)], c.Args...)...)
	if _, err := os.Stat(filepath.Join(w.Bin, argv[0])); err == nil {
		return argv
	}
	if _, err := exec.LookPath(argv[0]); err != nil || pod.Annotations[RunAnnotation] != "true" {
		return nil
	}
	return argv
}

// bind says where the container finds its volumes: at their places where those can be made, and else by another name
// for them in the arguments.
func (w *worker) bind(ctx context.Context, pod *corev1.Pod, c *container, argv *[]string, volumes map[string]string) error {
	for _, m := range c.spec.VolumeMounts {
		from, ok := volumes[m.Name]
		if !ok {
			continue
		}
		if m.SubPath != "" {
			from = filepath.Join(from, m.SubPath)
		}
		if mountable(m.MountPath) {
			c.plan.Binds = append(c.plan.Binds, Bind{From: from, To: m.MountPath})
			continue
		}
		for i, arg := range *argv {
			(*argv)[i] = relocate(arg, m.MountPath, from)
		}
	}
	if pod.Labels["app.kubernetes.io/name"] == "cilium-agent" && len(*argv) > 0 {
		return w.agent(ctx, argv)
	}
	if pod.Spec.HostNetwork {
		return nil
	}
	resolv := w.path("resolv.conf")
	c.plan.Binds = append(c.plan.Binds, Bind{From: resolv, To: "/etc/resolv.conf"})
	return state.WriteFile(resolv, fmt.Appendf(nil, "nameserver %s\nsearch %s.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
		w.Ground.Cluster.DNS, w.namespace), 0o644)
}

// relocate replaces a folder's path in an argument, "--data=/data/x", where a path begins and not in the middle of one.
func relocate(arg, folder, to string) string {
	path := regexp.MustCompile(`(^|[=:,])` + regexp.QuoteMeta(strings.TrimSuffix(folder, "/")) + `($|[/:,])`)
	return path.ReplaceAllString(arg, "${1}"+strings.ReplaceAll(to, "$", "$$")+"${2}")
}

// agent changes Cilium's agent's arguments to what this machine needs: its init containers are not run, and one of them
// writes the configuration down; and /host/proc and the host's CNI folder are not there.
func (w *worker) agent(ctx context.Context, argv *[]string) error {
	files, err := w.configMap(ctx, "cilium-config", nil, nil)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	dir := w.path("cilium-config")
	for key, text := range files {
		if err := state.WriteFile(filepath.Join(dir, key), text, 0o644); err != nil {
			return err
		}
	}
	(*argv) = append((*argv)[:1:1], "--config-dir="+dir, "--procfs=/proc", "--cgroup-root=/sys/fs/cgroup", "--bpf-root=/sys/fs/bpf",
		"--devices=eth0", "--write-cni-conf-when-ready=", "--enable-gops=false")
	return nil
}

func (c *container) log() string  { return c.w.path(c.spec.Name + ".log") }
func (c *container) file() string { return c.w.path(c.spec.Name + ".json") }

// process is the name of the container's process among the lab's.
func (c *container) process() string {
	return node.Prefix(c.w.Ground.Cluster.Name) + fmt.Sprintf("pods/%s_%s_%.8s/%s", c.w.namespace, c.w.name, c.w.uid, c.spec.Name)
}

// keep starts the container's program, and starts it again when it has ended: at once the first time, then later and
// later, as the kubelet does, up to ten seconds.
func (c *container) keep(pod *corev1.Pod) error {
	if len(c.plan.Argv) == 0 {
		if c.started.IsZero() {
			c.started = time.Now().UTC().Truncate(time.Second)
		}
		c.live = true
		return nil
	}
	if _, ok := c.w.Ground.Processes.Find(c.process()); ok {
		if !c.live && c.started.IsZero() {
			c.started = time.Now().UTC().Truncate(time.Second)
		}
		c.live, c.failed = true, time.Time{}
		return nil
	}
	if exit, err := readExit(c.plan.Exit); err == nil {
		c.exit = exit
		c.started = exit.Started
		policy := pod.Spec.RestartPolicy
		if policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && exit.Code == 0 {
			c.live, c.ready, c.done = false, false, true
			return nil
		}
	}
	if c.live || !c.started.IsZero() {
		if c.failed.IsZero() {
			if time.Since(c.started) > lasting {
				c.tries = 0
			}
			c.failed, c.live, c.ready = time.Now(), false, false
			c.restarts++
			c.tries++
		}
		wait := min(time.Duration(c.tries-1)*2*time.Second, 10*time.Second)
		if _, err := os.Stat(c.w.path(HoldFile)); err == nil || time.Since(c.failed) < wait {
			return nil
		}
	}
	os.Remove(c.plan.Exit)
	os.Remove(c.plan.PID)
	err := c.w.Ground.Processes.Start(process.Spec{
		Name: c.process(), Path: c.w.Ground.Self, Args: []string{"--state", string(c.w.Ground.Dir), "contain", c.file()}, Inherit: true,
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", c.spec.Name, err)
	}
	c.started, c.live, c.failed = time.Now().UTC().Truncate(time.Second), true, time.Time{}
	return nil
}

// stopContainers ends the pod's programs, within its grace period and no more than ten seconds.
func (w *worker) stopContainers(pod *corev1.Pod) {
	grace := 2 * time.Second
	if pod != nil && pod.Spec.TerminationGracePeriodSeconds != nil {
		grace = min(time.Duration(*pod.Spec.TerminationGracePeriodSeconds)*time.Second, 10*time.Second)
	}
	prefix := node.Prefix(w.Ground.Cluster.Name) + fmt.Sprintf("pods/%s_%s_%.8s/", w.namespace, w.name, w.uid)
	w.Ground.Processes.Stop(grace, w.Ground.Processes.Names(prefix)...)
}
