package act

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilrand "k8s.io/apimachinery/pkg/util/rand"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// Probing says what a probe is to do.
type Probing struct {
	Image  string   // whose entry point is kubectl-cilium_gitops
	Nodes  int      // how many nodes at most
	Egress []string // HOST:PORT of places outside the cluster
	Names  []string // names outside the cluster, to be resolved
	// Within is how long is waited for pods, at most.
	Within time.Duration
	// Parts are what is to be found out, of Probing, Mirrors and Issuing.
	Parts []facts.Part
	// Lasting is how long streams may be needed, at most; their pods end by themselves then.
	Lasting time.Duration
}

const (
	// removeWithin is how long a probe's removal may take: it goes on when a person has lost patience.
	removeWithin = 60 * time.Second
	// readWithin is how long reading may take besides: what nodes are there, and logs.
	readWithin = 20 * time.Second
	// podsAtOnce is how many pods are made, and how many logs are read, at a time.
	podsAtOnce = 16
	// dnsName is what is looked up: every cluster has it.
	dnsName = "kubernetes.default.svc"
)

// prober is one probe while it lasts.
type prober struct {
	*Cluster

	asked     Probing
	namespace string
	deadline  time.Time // when its pods end by themselves
	fact      *facts.Probe
	watched   *watched
	fresh     chan struct{}
	service   []string // the ClusterIPs of the probe's Service, with port

	held     map[string][][]string // by node: the images that it has, by all their names
	mirrored *facts.Mirrored
	issuance *facts.Issuance
	blind    map[facts.Part]string
}

// Found is what a probe found out.
type Found struct {
	*facts.Probe

	Mirrored *facts.Mirrored
	Issuance *facts.Issuance
	// Blind says of each part that could not be looked at why not.
	Blind map[facts.Part]string
}

// Probe has short-lived pods on up to that many nodes speak to one another and to what is around them, and removes
// again all that it made, whatever happens. The pods satisfy the restricted Pod Security level and have no credentials.
// An error says why there was no probe at all; what could not be probed on single nodes is in the facts. Where
// something is left it is in the facts as well, which an error then comes with.
func (c *Cluster) Probe(ctx context.Context, o Probing) (*Found, error) {
	p := c.prober(o, 0)
	ctx, cancel := context.WithTimeout(ctx, o.Within+readWithin)
	defer cancel()
	err := p.probe(ctx)
	p.fact.Ended = c.clock.Now().UTC()
	p.unmirrored()
	return &Found{Probe: p.fact, Mirrored: p.mirrored, Issuance: p.issuance, Blind: p.blind}, err
}

func (p *prober) wants(parts ...facts.Part) bool {
	return slices.ContainsFunc(parts, func(part facts.Part) bool { return slices.Contains(p.asked.Parts, part) })
}

// prober is a probe that is about to begin; lasting is how long its pods are needed beyond being waited for.
func (c *Cluster) prober(o Probing, lasting time.Duration) *prober {
	p := &prober{
		Cluster: c, asked: o, namespace: probePrefix + utilrand.String(5), fresh: make(chan struct{}, 1),
		held: map[string][][]string{}, blind: map[facts.Part]string{},
		fact: &facts.Probe{Began: c.clock.Now().UTC(), Image: o.Image, Names: o.Names, Egress: o.Egress, Unasked: map[string]string{}},
	}
	p.deadline = p.fact.Began.Add(o.Within + readWithin + removeWithin + time.Minute + lasting).Truncate(time.Second)
	return p
}

func (p *prober) probe(ctx context.Context) error {
	if err := p.permitted(ctx); err != nil {
		return err
	}
	p.removeStale(ctx)
	var usable []*facts.ProbeNode
	if p.wants(facts.Probing, facts.Mirrors) {
		var err error
		if usable, err = p.choose(ctx); err != nil {
			return err
		}
	}
	if len(usable) == 0 && !p.issues() {
		return nil
	}
	made, err := p.settle(ctx, ctx)
	if made {
		defer p.remove(ctx)
	}
	if err != nil {
		return err
	}
	var issuing sync.WaitGroup
	defer issuing.Wait() // before its namespace goes
	if p.issues() {
		issuing.Go(func() { p.issuance = p.issue(ctx) })
	}
	serving, err := p.serve(ctx, usable)
	if err != nil || len(serving) == 0 {
		return err
	}
	return p.ask(ctx, serving)
}

// settle makes the namespace and in it the Service, and begins to watch its pods. made tells whether there may be a
// namespace: one whose answer was lost may have been made. The watch lasts until watching ends.
func (p *prober) settle(ctx, watching context.Context) (made bool, err error) {
	p.options.Tell(fmt.Sprintf("probe: in namespace %s, which is removed afterwards", p.namespace))
	space := probeNamespace(p.namespace, p.deadline, p.deadline.Sub(p.fact.Began).Round(time.Second))
	ref := handover.Ref{APIVersion: "v1", Kind: "Namespace", Name: p.namespace}
	if _, err := p.core.Namespaces().Create(ctx, space, metav1.CreateOptions{FieldManager: manager}); err != nil {
		refused := apierrors.IsForbidden(err) || apierrors.IsAlreadyExists(err) || apierrors.IsInvalid(err)
		return !refused, p.failed("probe: make", ref, "create", p.late(ctx, err))
	}
	p.watchPods(watching)
	if !p.wants(facts.Probing) {
		return true, nil
	}
	service, err := p.core.Services(p.namespace).Create(ctx, probeService(), metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		p.fact.Unasked[facts.ProbeService] = "the Service could not be made: " + reason(p.late(ctx, err))
	} else {
		p.service = addresses(service.Spec.ClusterIPs, service.Spec.ClusterIP)
	}
	if err == nil && len(p.service) == 0 {
		p.fact.Unasked[facts.ProbeService] = "the Service was given no ClusterIP"
	}
	return true, nil
}

// serve has a pod answer on every node, and returns those whose does; all of them where nobody is to be answered.
func (p *prober) serve(ctx context.Context, nodes []*facts.ProbeNode) (serving []*server, err error) {
	if !p.wants(facts.Probing) {
		for _, node := range nodes {
			serving = append(serving, &server{node: node})
		}
		return serving, nil
	}
	p.options.Tell(fmt.Sprintf("probe: waiting for pods on %d nodes, with image %s", len(nodes), p.asked.Image))
	p.create(ctx, nodes, serveRole, func(*facts.ProbeNode) []string { return []string{"serve", "--listen", fmt.Sprintf(":%d", probePort)} })
	// Nodes whose pod does not come must leave the others the time to ask.
	within, cancel := p.until(ctx, p.asked.Within*6/10)
	defer cancel()
	pods, err := p.await(within, nodes, serveRole, ready)
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		pod := pods[node.Name]
		switch {
		case node.Why != "":
		case pod == nil || !ready(pod):
			node.Why = "its pod did not answer: " + state(pod)
		default:
			serving = append(serving, &server{node: node, addresses: addresses(podIPs(pod), pod.Status.PodIP)})
		}
	}
	return serving, ctx.Err()
}

// server is a pod that answers.
type server struct {
	node      *facts.ProbeNode
	addresses []string // HOST:PORT, one for each family
}

// ask has a pod on every node that serves ask all others, and reads what came of it.
func (p *prober) ask(ctx context.Context, serving []*server) error {
	targets := p.targets(ctx, serving)
	var nodes []*facts.ProbeNode
	for _, s := range serving {
		if len(targets[s.node.Name]) > 0 {
			nodes = append(nodes, s.node)
		}
	}
	if len(nodes) == 0 {
		return ctx.Err()
	}
	p.options.Tell(fmt.Sprintf("probe: asking from %d nodes", len(nodes)))
	p.create(ctx, nodes, askRole, func(node *facts.ProbeNode) []string {
		args := []string{"ask", "--within", "10s"}
		for _, t := range targets[node.Name] {
			args = append(args, "--target", t.String())
		}
		return args
	})
	within, cancel := p.until(ctx, p.asked.Within)
	defer cancel()
	pods, err := p.await(within, nodes, askRole, ended)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(podsAtOnce)
	found := make([][]probe.Result, len(nodes))
	for i, node := range nodes {
		pod := pods[node.Name]
		if node.Why == "" && (pod == nil || !ended(pod)) {
			node.Why = "its pod did not come to an end: " + state(pod)
		}
		if node.Why == "" {
			group.Go(func() error {
				found[i], node.Why = p.answers(ctx, pod, targets[node.Name])
				return nil
			})
		}
	}
	_ = group.Wait()
	for i, node := range nodes {
		for _, r := range found[i] {
			if r.Kind == probe.Mirror {
				p.mirrored.Answers = append(p.mirrored.Answers, mirrorAnswer(node.Name, r))
			} else {
				p.fact.Results = append(p.fact.Results, result(node.Name, r))
			}
		}
	}
	return ctx.Err()
}

// until is ctx for that long, from the probe's beginning.
func (p *prober) until(ctx context.Context, within time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, within-p.clock.Since(p.fact.Began))
}

// late is what an error is where our own patience ended: the API server is not at fault.
func (p *prober) late(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func podIPs(pod *core.Pod) (all []string) {
	for _, ip := range pod.Status.PodIPs {
		all = append(all, ip.IP)
	}
	return all
}
