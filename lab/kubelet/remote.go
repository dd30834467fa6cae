package kubelet

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/node"
)

// EnterVariable names, in the environment of a command that the simulated kubelet runs for `kubectl exec`, the script
// that takes it into the container.
const EnterVariable = "CILIUM_LAB_ENTER"

// answerRemote tells the simulated kubelet, which is the one whom the API server asks, where the pod's containers are
// entered, where their logs are, and where their ports can be reached from this machine.
func (w *worker) answerRemote(ctx context.Context, pod *corev1.Pod, all []*container) error {
	var execs, logs []any
	for _, c := range all {
		execs = append(execs, map[string]any{
			"containers": []any{c.spec.Name},
			"local":      map[string]any{"envs": []any{map[string]any{"name": EnterVariable, "value": c.enter}}},
		})
		logs = append(logs, map[string]any{"containers": []any{c.spec.Name}, "logsFile": c.log(), "previousLogsFile": c.log()})
	}
	forwards, err := w.openPorts(pod)
	if err != nil {
		return err
	}
	objects := []*api.Object{w.remote(pod, "Exec", "execs", execs), w.remote(pod, "Logs", "logs", logs)}
	if len(forwards) > 0 {
		objects = append(objects, w.remote(pod, "PortForward", "forwards", forwards))
	}
	return w.Client.Apply(ctx, objects...)
}

func (w *worker) remote(pod *corev1.Pod, kind, field string, items []any) *api.Object {
	return &api.Object{Object: map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": kind,
		"metadata": map[string]any{
			"name": pod.Name, "namespace": pod.Namespace,
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Pod", "name": pod.Name, "uid": string(pod.UID)}},
		},
		"spec": map[string]any{field: items},
	}}
}

// ports are doors on this machine's loopback interface to the ports of a pod.
type ports struct{ listeners []net.Listener }

func (p *ports) close() {
	if p == nil {
		return
	}
	for _, l := range p.listeners {
		l.Close()
	}
}

// openPorts opens a door to each port that the pod's containers declare.
func (w *worker) openPorts(pod *corev1.Pod) ([]any, error) {
	w.ports.close()
	w.ports = &ports{}
	var forwards []any
	namespace := w.box.namespace()
	for _, c := range pod.Spec.Containers {
		for _, port := range c.Ports {
			if port.Protocol == corev1.ProtocolUDP {
				continue
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, fmt.Errorf("open port %d: %w", port.ContainerPort, err)
			}
			w.ports.listeners = append(w.ports.listeners, listener)
			inside := fmt.Sprintf("127.0.0.1:%d", port.ContainerPort)
			go func() {
				_ = node.Forward(listener, func() (net.Conn, error) { return node.DialIn(context.Background(), namespace, inside) })
			}()
			address, ok := listener.Addr().(*net.TCPAddr)
			if !ok {
				return nil, fmt.Errorf("open port %d: no TCP address", port.ContainerPort)
			}
			forwards = append(forwards, map[string]any{
				"ports": []any{int64(port.ContainerPort)}, "target": map[string]any{"address": "127.0.0.1", "port": int64(address.Port)},
			})
		}
	}
	return forwards, nil
}

// script takes a command into the container: its namespaces, its cgroup, its environment.
func (c *container) script(pod *corev1.Pod) string {
	env := slices.Clone(c.plan.Env)
	slices.Sort(env)
	for i := range env {
		env[i] = quote(env[i])
	}
	into := fmt.Sprintf("--mount=%s --net=%s", c.plan.Mounts, c.plan.Network)
	script := "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
	if len(c.plan.Argv) > 0 {
		script += fmt.Sprintf("pid=$(cat %s 2>/dev/null) || { echo \"container %s of pod %s is not running\" >&2; exit 1; }\n",
			quote(c.plan.PID), c.spec.Name, pod.Name)
		into = `--target "$pid" --mount --net`
	}
	return script + fmt.Sprintf("echo $$ > %s/cgroup.procs\nexec nsenter %s -- env -i %s \"$@\"\n", quote(c.plan.Cgroup), into, strings.Join(env, " "))
}

// quote makes one word of a text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
