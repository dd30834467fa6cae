package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Birth is what an agent knows from its start: the configuration above all, which it never reads again.
type Birth struct {
	Node    string            `json:"node"`
	Pod     string            `json:"pod"`
	UID     string            `json:"uid"`
	Image   string            `json:"image"`
	Started time.Time         `json:"started"`
	Config  map[string]string `json:"config"`
}

// Fault is what `lab break` has done to the agent of one node; the file faults.json holds them by node.
type Fault struct {
	Dead         bool   `json:"dead,omitempty"`         // nobody answers
	Garbage      bool   `json:"garbage,omitempty"`      // the answer breaks off
	Encryption   string `json:"encryption,omitempty"`   // the mode that is in effect, whatever the configuration says
	PeersMissing int    `json:"peersMissing,omitempty"` // WireGuard peers that are not there
	State        string `json:"state,omitempty"`        // of the agent, with Message
	Message      string `json:"message,omitempty"`
	RelayLost    bool   `json:"relayLost,omitempty"`  // the relay is not connected to it
	TargetDown   bool   `json:"targetDown,omitempty"` // Prometheus cannot scrape it
	CutOff       bool   `json:"cutOff,omitempty"`     // its node reaches no other, and none reaches it
	PeerIdle     bool   `json:"peerIdle,omitempty"`   // it has a BGP session, and nobody answers
	Tunnels      string `json:"tunnels,omitempty"`    // dead: what is sent to WireGuard's peers is not answered
}

// FaultsFile is the name of that file.
const FaultsFile = "faults.json"

func (p *Player) faults() map[string]Fault {
	faults := map[string]Fault{}
	if raw, err := os.ReadFile(p.file(FaultsFile)); err == nil {
		_ = json.Unmarshal(raw, &faults) // unreadable faults are none
	}
	return faults
}

var execs = schema.GroupVersionResource{Group: "kwok.x-k8s.io", Version: "v1alpha1", Resource: "execs"}

func isAgent(pod *corev1.Pod) bool { return pod.Labels["app.kubernetes.io/name"] == "cilium-agent" }

// startAgents does for every scheduled agent pod what the kubelet and the agent's first seconds do.
func (p *Player) startAgents(ctx context.Context) error {
	pods, err := p.see.allPods()
	if err != nil {
		return err
	}
	var errs []error
	for _, pod := range pods {
		if !isAgent(pod) || pod.Spec.NodeName == "" || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodPending {
			continue
		}
		if slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return strings.Contains(c.Image, "does-not-exist") }) {
			continue
		}
		if err := p.startAgent(ctx, pod); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (p *Player) startAgent(ctx context.Context, pod *corev1.Pod) error {
	config, err := p.kube.CoreV1().ConfigMaps(Namespace).Get(ctx, "cilium-config", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("start agent %s: it waits for its configuration: %w", pod.Name, err)
	}
	node, err := p.see.nodes.Get(pod.Spec.NodeName)
	if err != nil {
		return fmt.Errorf("start agent %s: %w", pod.Name, err)
	}
	birth := Birth{
		Node: pod.Spec.NodeName, Pod: pod.Name, UID: string(pod.UID), Image: pod.Spec.Containers[0].Image,
		Started: time.Now().UTC().Truncate(time.Second), Config: config.Data,
	}
	raw, err := json.Marshal(birth)
	if err != nil {
		return fmt.Errorf("start agent %s: %w", pod.Name, err)
	}
	file := p.file(string(pod.UID) + ".json")
	if err := state.WriteFile(file, raw, 0o644); err != nil {
		return err
	}
	if err := p.answerExec(ctx, pod, file); err != nil {
		return err
	}
	status := RunningStatus(pod, internalIP(node), birth.Started)
	if p.faults()[birth.Node].Dead {
		Unready(&status)
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return fmt.Errorf("start agent %s: %w", pod.Name, err)
	}
	_, err = p.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("start agent %s: %w", pod.Name, err)
	}
	return nil
}

// answerExec tells the simulated kubelet with whose knowledge the commands run in this pod answer.
func (p *Player) answerExec(ctx context.Context, pod *corev1.Pod, file string) error {
	exec := &api.Object{Object: map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Exec",
		"metadata": map[string]any{
			"name": pod.Name, "namespace": pod.Namespace,
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Pod", "name": pod.Name, "uid": string(pod.UID)}},
		},
		"spec": map[string]any{"execs": []any{map[string]any{
			"local": map[string]any{"envs": []any{map[string]any{"name": "CILIUM_LAB_AGENT", "value": file}}},
		}}},
	}}
	r := p.dynamic.Resource(execs).Namespace(pod.Namespace)
	if _, err := r.Apply(ctx, pod.Name, exec, metav1.ApplyOptions{FieldManager: api.Manager, Force: true}); err != nil {
		return fmt.Errorf("answer exec of %s: %w", pod.Name, err)
	}
	return nil
}

// forgetAgents removes the knowledge of pods that are gone.
func (p *Player) forgetAgents(context.Context) error {
	pods, err := p.see.allPods()
	if err != nil {
		return err
	}
	files, err := filepath.Glob(p.file("*-*-*-*-*.json"))
	if err != nil {
		return fmt.Errorf("list agents: %w", err)
	}
	for _, file := range files {
		uid := strings.TrimSuffix(filepath.Base(file), ".json")
		if slices.ContainsFunc(pods, func(pod *corev1.Pod) bool { return string(pod.UID) == uid }) {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget agent: %w", err)
		}
	}
	return nil
}

func (p *Player) file(name string) string { return filepath.Join(p.Folder, name) }
