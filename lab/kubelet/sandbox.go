package kubelet

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

const (
	sandboxFile = "sandbox.json"
	cniConfig   = `{"cniVersion":"0.3.1","name":"cilium","type":"cilium-cni","log-file":"/var/run/cilium/cilium-cni.log"}`
)

// sandbox is a pod's place on its node.
type sandbox struct {
	UID types.UID `json:"uid"`
	// ID is what the network knows the sandbox by. Each try has another one: what is late in undoing the one before is
	// not to undo this one.
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Node      string `json:"node"`
	Host      bool   `json:"host,omitempty"`   // of the node's network
	Played    bool   `json:"played,omitempty"` // nothing runs in it: it has an address and no network
	IP        string `json:"ip,omitempty"`
	// Holder and Since name the node's process: a node that was made anew has none of the old one's sandboxes.
	Holder int    `json:"holder"`
	Since  uint64 `json:"since"`
}

func readSandbox(file string) (*sandbox, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read sandbox: %w", err)
	}
	var box sandbox
	if err := json.Unmarshal(raw, &box); err != nil {
		return nil, fmt.Errorf("read sandbox: %w", err)
	}
	return &box, nil
}

// namespace is the pod's network namespace as this machine's processes can open it.
func (b *sandbox) namespace() string {
	if b.Host || b.Played {
		return fmt.Sprintf("/proc/%d/ns/net", b.Holder)
	}
	return seenBy(b.Holder, "run", "netns", b.ID)
}

// seenBy is a path as this machine's processes can open it that a process sees below its own root.
func seenBy(pid int, path ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(pid), "root"}, path...)...)
}

func (b *sandbox) mounts() string { return fmt.Sprintf("/proc/%d/ns/mnt", b.Holder) }

// ensureSandbox finds the pod's sandbox or makes it, by the CNI plugin unless it shares the node's network.
func (w *worker) ensureSandbox(ctx context.Context, pod *corev1.Pod) error {
	holder, since, err := w.Ground.Holder(pod.Spec.NodeName)
	if err != nil {
		return err
	}
	if w.box == nil {
		if w.box, err = readSandbox(w.path(sandboxFile)); err != nil {
			w.box = nil
		}
	}
	if w.box != nil && w.box.Holder == holder && w.box.Since == since && w.box.IP != "" && w.box.Played == !w.runs(pod) {
		return nil
	}
	if w.box != nil && w.box.IP == "" {
		if err := w.removeSandbox(ctx); err != nil { // it was not finished
			return err
		}
	}
	w.box = &sandbox{
		UID: pod.UID, ID: rand.Text(), Namespace: pod.Namespace, Name: pod.Name, Node: pod.Spec.NodeName, Host: pod.Spec.HostNetwork,
		Played: !w.runs(pod), Holder: holder, Since: since,
	}
	w.containers = nil
	if err := w.keepSandbox(); err != nil { // before it is made: what is half made has to be found again
		return err
	}
	switch {
	case w.box.Host:
		w.box.IP = w.nodeIP()
		return w.keepSandbox()
	case w.box.Played:
		w.box.IP = w.pretend()
		return w.keepSandbox()
	}
	if _, err := os.Stat(seenBy(holder, "run", "cilium", "cilium.sock")); err != nil {
		w.box = nil
		return fmt.Errorf("make sandbox: no agent on %s", pod.Spec.NodeName)
	}
	w.adding <- struct{}{} // an agent has its hands full with one
	err = w.addNetwork(ctx)
	<-w.adding
	if err != nil {
		w.box = nil
		return fmt.Errorf("make sandbox: %w", err)
	}
	return w.keepSandbox()
}

func (w *worker) nodeIP() string {
	for _, n := range w.Ground.Cluster.Nodes() {
		if n.Name == w.box.Node {
			return n.IP
		}
	}
	return ""
}

// runs tells whether any of the pod's containers has a program.
func (w *worker) runs(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return w.argv(pod, &c) != nil })
}

// pretend is an address for a pod in which nothing runs: of the cluster's pod network, and of no node's part of it, so
// that no agent gives it to another.
func (w *worker) pretend() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pretended++
	octets := strings.Split(w.Ground.Cluster.PodCIDR, ".")
	return fmt.Sprintf("%s.%s.%d.%d", octets[0], octets[1], 200+w.pretended/250, 1+w.pretended%250)
}

// pretends is the number of the address that was given to a sandbox in which nothing runs.
func (b *sandbox) pretends() int {
	address, err := netip.ParseAddr(b.IP)
	if err != nil || !b.Played || !address.Is4() {
		return 0
	}
	octets := address.As4()
	return (int(octets[2])-200)*250 + int(octets[3]) - 1
}

func (w *worker) keepSandbox() error {
	raw, err := json.Marshal(w.box)
	if err != nil {
		return fmt.Errorf("keep sandbox: %w", err)
	}
	return state.WriteFile(w.path(sandboxFile), raw, 0o644)
}

func (w *worker) addNetwork(ctx context.Context) error {
	if _, err := os.Stat(w.box.namespace()); err != nil {
		if _, err := w.onNode(ctx, nil, "", "ip", "netns", "add", w.box.ID); err != nil {
			return err
		}
		lo := exec.CommandContext(ctx, "nsenter", "--net="+w.box.namespace(), "ip", "link", "set", "lo", "up")
		if out, err := lo.CombinedOutput(); err != nil {
			return fmt.Errorf("raise lo: %w: %s", err, out)
		}
	}
	out, err := w.cni(ctx, "ADD")
	if err != nil {
		_, _ = w.cni(ctx, "DEL")
		_, _ = w.onNode(ctx, nil, "", "ip", "netns", "delete", w.box.ID)
		return err
	}
	var result struct {
		IPs []struct {
			Address netip.Prefix `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.IPs) == 0 {
		return fmt.Errorf("read answer of cilium-cni: %w: %s", err, out)
	}
	w.box.IP = result.IPs[0].Address.Addr().String()
	return nil
}

// removeSandbox undoes it; where the node is not there any more, nothing of it is either.
func (w *worker) removeSandbox(ctx context.Context) error {
	box, err := readSandbox(w.path(sandboxFile))
	if err != nil {
		return nil //nolint:nilerr // none was made
	}
	holder, since, err := w.Ground.Holder(box.Node)
	if err != nil || holder != box.Holder || since != box.Since || box.Host || box.Played {
		return nil //nolint:nilerr // the node went, and the sandbox with it
	}
	w.box = box
	if _, err := os.Stat(box.namespace()); err != nil {
		return nil //nolint:nilerr // half removed already
	}
	// Without an agent the plugin keeps the request in a queue that the next agent works off.
	if _, err := w.cni(ctx, "DEL"); err != nil {
		return fmt.Errorf("remove sandbox: %w", err)
	}
	if _, err := w.onNode(ctx, nil, "", "ip", "netns", "delete", box.ID); err != nil {
		return fmt.Errorf("remove sandbox: %w", err)
	}
	return nil
}

// cni calls the plugin as a container runtime does.
func (w *worker) cni(ctx context.Context, command string) ([]byte, error) {
	env := []string{
		"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + w.box.ID, "CNI_NETNS=/run/netns/" + w.box.ID, "CNI_IFNAME=eth0",
		"CNI_PATH=" + w.Bin,
		fmt.Sprintf("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=%s;K8S_POD_NAME=%s;K8S_POD_UID=%s;K8S_POD_INFRA_CONTAINER_ID=%s",
			w.namespace, w.name, w.uid, w.box.ID),
	}
	return w.onNode(ctx, env, cniConfig, "cilium-cni")
}

// onNode runs a command in the node's namespaces.
func (w *worker) onNode(ctx context.Context, env []string, stdin string, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	args := append([]string{"--target", fmt.Sprint(w.box.Holder), "--mount", "--net", "--", "env", "PATH=" + w.searchPath()}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(stdout.String()+stderr.String()))
	}
	return stdout.Bytes(), nil
}

// searchPath is the PATH of everything that runs on a node.
func (k *Kubelet) searchPath() string {
	return k.Bin + ":" + k.LLVM + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
