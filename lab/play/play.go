// Package play stands in for what a machine without containers cannot run: the kubelet's part in starting Cilium's
// agents, and Cilium's operator. It looks at the cluster, does what those would do next, and looks again.
//
// What an agent says when it is asked is not decided here: this package writes down what the agent knows, and the
// program cilium-dbg (module lab/agent) answers from that.
package play

import (
	"context"
	"fmt"
	"log"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/component"
)

// Player plays in one cluster.
type Player struct {
	Client  *api.Client
	Builder component.Builder
	Folder  string // what the agents know is kept here
	Real    bool   // agents and operator are Cilium's own: only cert-manager is played
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	changed chan struct{}
	see     view
	noted   map[types.UID]bool // agents whose CiliumNode is written
}

// Namespace is where Cilium lives.
const Namespace = "kube-system"

// Run plays until the context ends.
func (p *Player) Run(ctx context.Context) error {
	kube, err := kubernetes.NewForConfig(p.Client.Config)
	if err != nil {
		return fmt.Errorf("play: %w", err)
	}
	p.kube, p.dynamic, p.changed = kube, p.Client.Dynamic, make(chan struct{}, 1)
	p.noted = map[types.UID]bool{}
	if err := p.watch(ctx); err != nil {
		return err
	}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"write down the nodes", p.writeWorld},
		{"start agents", p.startAgents},
		{"forget agents", p.forgetAgents},
		{"keep CiliumNodes", p.keepCiliumNodes},
		{"play the operator", p.playOperator},
		{"accept GatewayClasses", p.acceptClasses},
		{"nudge pods", p.nudgePods},
		{"register with ACME", p.readyIssuers},
		{"issue certificates", p.issueCertificates},
	}
	if p.Real { // cert-manager's alone
		steps = steps[len(steps)-2:]
	} else if err := p.serveNeighbours(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		for _, step := range steps {
			if err := step.do(ctx); err != nil && ctx.Err() == nil {
				log.Printf("%s: %v", step.name, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.changed:
		case <-tick.C:
		}
	}
}

// watch keeps what the steps look at in memory.
func (p *Player) watch(ctx context.Context) error {
	all := informers.NewSharedInformerFactory(p.kube, 0)
	cilium := informers.NewSharedInformerFactoryWithOptions(p.kube, 0, informers.WithNamespace(Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "app.kubernetes.io/part-of=cilium" }))
	more := dynamicinformer.NewDynamicSharedInformerFactory(p.dynamic, 0)
	classes := more.ForResource(gatewayClasses)
	issuers := more.ForResource(clusterIssuers)
	issued := more.ForResource(certificates)
	p.see = view{
		pods: cilium.Core().V1().Pods().Lister(), nodes: all.Core().V1().Nodes().Lister(),
		classes: classes.Lister(), issuers: issuers.Lister(), certificates: issued.Lister(),
	}
	needed := []cache.SharedIndexInformer{cilium.Core().V1().Pods().Informer(), all.Core().V1().Nodes().Informer()}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { p.poke() }, UpdateFunc: func(any, any) { p.poke() }, DeleteFunc: func(any) { p.poke() },
	}
	for _, informer := range append(needed, classes.Informer(), issuers.Informer(), issued.Informer()) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("play: watch: %w", err)
		}
	}
	all.Start(ctx.Done())
	cilium.Start(ctx.Done())
	more.Start(ctx.Done())
	for _, informer := range needed { // the definitions of the others may be missing
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			return nil
		}
	}
	return nil
}

func (p *Player) poke() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
