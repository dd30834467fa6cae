// Package kubelet runs pods on the nodes that package node makes: it gives each a network namespace by way of Cilium's
// CNI plugin, starts the programs that the lab has for its images, starts them again when they end, probes them, and
// says so in the pod's status. A program lives and dies with its pod; one that the lab does not have is a sandbox
// with an address and no process.
//
// It pulls no image and isolates no file system beyond a container's own volumes: what a pod sees besides is the
// machine, with the node's own /run, /sys, /etc, /opt and /var/lib.
package kubelet

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/node"
)

// Kubelet is the kubelet of all nodes of a cluster.
type Kubelet struct {
	Client *api.Client
	Ground node.Ground
	Folder string // one folder below it for each pod, named by its UID
	Bin    string // the programs that pods can run
	LLVM   string // the folder of the datapath's compiler

	kube    kubernetes.Interface
	pods    corelisters.PodLister
	mu      sync.Mutex
	workers map[types.UID]chan struct{} // a poke for the worker of each pod
	running sync.WaitGroup
	adding  chan struct{} // held while a pod is added to its node's network
	// pretended counts the addresses given to pods in which nothing runs.
	pretended int
}

// Run follows the cluster's pods until the context ends; what runs then runs on.
func (k *Kubelet) Run(ctx context.Context) error {
	kube, err := kubernetes.NewForConfig(k.Client.Config)
	if err != nil {
		return fmt.Errorf("run kubelet: %w", err)
	}
	k.kube, k.workers = kube, map[types.UID]chan struct{}{}
	k.adding = make(chan struct{}, 2*len(k.Ground.Cluster.Nodes()))
	boxes, err := k.sandboxes()
	if err != nil {
		return fmt.Errorf("run kubelet: %w", err)
	}
	for _, box := range boxes {
		k.pretended = max(k.pretended, box.pretends())
	}
	factory := informers.NewSharedInformerFactory(kube, 0)
	informer := factory.Core().V1().Pods()
	k.pods = informer.Lister()
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { poke() }, UpdateFunc: func(any, any) { poke() }, DeleteFunc: func(any) { poke() },
	}); err != nil {
		return fmt.Errorf("run kubelet: watch pods: %w", err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		return nil
	}
	for {
		if err := k.look(ctx); err != nil {
			log.Printf("look at pods: %v", err)
		}
		select {
		case <-ctx.Done():
			k.running.Wait()
			return nil
		case <-changed:
		case <-time.After(5 * time.Second):
		}
	}
}

// look sees to it that every pod of ours has a worker, those that are gone and were not cleaned up after included.
func (k *Kubelet) look(ctx context.Context) error {
	pods, err := k.pods.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if Ours(pod) {
			k.wake(ctx, pod.UID, pod.Namespace, pod.Name)
		}
	}
	boxes, err := k.sandboxes()
	if err != nil {
		return err
	}
	for _, box := range boxes {
		k.wake(ctx, box.UID, box.Namespace, box.Name)
	}
	return nil
}

// sandboxes are those that are on disk.
func (k *Kubelet) sandboxes() ([]*sandbox, error) {
	files, err := filepath.Glob(filepath.Join(k.Folder, "*", sandboxFile))
	if err != nil {
		return nil, err
	}
	var all []*sandbox
	for _, file := range files {
		if box, err := readSandbox(file); err == nil {
			all = append(all, box)
		}
	}
	return all, nil
}

// wake pokes a pod's worker, starting it where there is none.
func (k *Kubelet) wake(ctx context.Context, uid types.UID, namespace, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if poke, ok := k.workers[uid]; ok {
		select {
		case poke <- struct{}{}:
		default:
		}
		return
	}
	poke := make(chan struct{}, 1)
	k.workers[uid] = poke
	w := &worker{Kubelet: k, uid: uid, namespace: namespace, name: name}
	k.running.Go(func() {
		w.run(ctx, poke)
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.workers, uid)
	})
}

// Ours tells whether a pod is run here; the rest is left to the simulated kubelet, whose Stages say the same: pods of
// the host's network whose program the lab does not have, and those whose image is missing on purpose.
func Ours(pod *corev1.Pod) bool {
	if pod.Spec.NodeName == "" {
		return false
	}
	for _, c := range pod.Spec.Containers {
		if isMissing(c.Image) {
			return false
		}
	}
	if !pod.Spec.HostNetwork || pod.Annotations[RunAnnotation] == "true" {
		return true
	}
	name := pod.Labels["app.kubernetes.io/name"]
	return name == "cilium-agent" || name == "cilium-operator"
}
