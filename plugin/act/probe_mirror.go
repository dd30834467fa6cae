package act

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

const (
	// spegelSelector finds Spegel's pods in any namespace: the label is its chart's.
	spegelSelector = "app.kubernetes.io/name=spegel"
	// mostImages bounds what one mirror is asked for.
	mostImages = 4
)

// hold notes which images a node says it has. It lists the largest alone where it has many.
func (p *prober) hold(n *core.Node) {
	if !p.wants(facts.Mirrors) {
		return
	}
	images := [][]string{}
	for _, image := range n.Status.Images {
		names := slices.DeleteFunc(slices.Clone(image.Names), func(name string) bool {
			return strings.ContainsAny(name, "<>=, ") || !strings.Contains(name, "/")
		})
		if len(names) > 0 {
			slices.SortFunc(names, func(a, b string) int { // digests first: tags may be left out of what Spegel resolves
				return cmp.Or(-compare(strings.Contains(a, "@"), strings.Contains(b, "@")), cmp.Compare(a, b))
			})
			images = append(images, names)
		}
	}
	p.held[n.Name] = images
}

// mirrors is for each node with a pod of Spegel's whom and what its probe's pod is to ask.
func (p *prober) mirrors(ctx context.Context, serving []*server) map[string]probe.Target {
	spegels := map[string]*core.Pod{}
	o := metav1.ListOptions{LabelSelector: spegelSelector, Limit: nodePage}
	for {
		var list *core.PodList
		err := p.read(ctx, func() (err error) {
			list, err = p.core.Pods("").List(ctx, o)
			return err
		})
		if err != nil {
			p.blind[facts.Mirrors] = "pods of Spegel's could not be listed: " + reason(p.late(ctx, err))
			return nil
		}
		for i := range list.Items {
			if pod := &list.Items[i]; pod.DeletionTimestamp == nil && pod.Spec.NodeName != "" && !ended(pod) {
				spegels[pod.Spec.NodeName] = pod
			}
		}
		if o.Continue = list.Continue; o.Continue == "" {
			break
		}
	}
	p.mirrored = &facts.Mirrored{Spegels: len(spegels), Nodes: len(p.held)}
	all := map[string]probe.Target{}
	if len(p.held) < 2 {
		return all
	}
	for _, s := range serving {
		pod := spegels[s.node.Name]
		if pod == nil {
			continue
		}
		t := probe.Target{Kind: probe.Mirror, Address: reached(pod, "registry"), Metrics: reached(pod, "metrics")}
		t.To = strings.Join(p.elsewhere(s.node.Name, spegels), ",")
		switch {
		case t.Address == "" || t.Metrics == "":
			p.unanswered(s.node.Name, "its pod of Spegel's has no address, or no port named registry or metrics")
		case t.To == "":
			p.unanswered(s.node.Name, "there is nothing to ask its mirror for: no other node says that it has an image (status.images) which this one lacks")
		default:
			all[s.node.Name] = t
		}
	}
	return all
}

func (p *prober) unanswered(node, why string) {
	p.mirrored.Answers = append(p.mirrored.Answers, facts.MirrorAnswer{Node: node, Why: why})
}

// reached is HOST:PORT of a named port of a pod's, on its node where it has one there: so the container runtime reaches
// Spegel's registry.
func reached(pod *core.Pod, name string) string {
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			host, number := pod.Status.PodIP, port.ContainerPort
			if port.HostPort != 0 {
				host, number = pod.Status.HostIP, port.HostPort
			}
			if port.Name == name && net.ParseIP(host) != nil {
				return net.JoinHostPort(host, strconv.Itoa(int(number)))
			}
		}
	}
	return ""
}

// elsewhere are images that other nodes with a Spegel have and that one lacks, those of the most nodes first.
func (p *prober) elsewhere(node string, spegels map[string]*core.Pod) []string {
	own := map[string]bool{}
	for _, names := range p.held[node] {
		for _, name := range names {
			own[name] = true
		}
	}
	holders := map[string]int{}
	for other, images := range p.held {
		for _, names := range images {
			if other != node && spegels[other] != nil && !slices.ContainsFunc(names, func(name string) bool { return own[name] }) {
				holders[names[0]]++
			}
		}
	}
	var all []string
	for name := range holders {
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(holders[b], holders[a]), cmp.Compare(a, b)) })
	return all[:min(mostImages, len(all))]
}

func mirrorAnswer(node string, r probe.Result) facts.MirrorAnswer {
	out := facts.MirrorAnswer{
		Node: node, Address: r.Address, Images: strings.Split(r.To, ","), OK: r.OK, Took: r.Took, Tries: r.Tries, Image: r.Image,
	}
	switch text := said(foreign(r.Error)); {
	case r.OK:
	case r.Unseen:
		out.Why = text
	default:
		out.Error = text
	}
	return out
}

// unmirrored notes of each node that could not be asked why not, where there is a Spegel.
func (p *prober) unmirrored() {
	if p.mirrored == nil || p.mirrored.Spegels == 0 || p.mirrored.Nodes < 2 {
		return
	}
	for _, node := range p.fact.Nodes {
		known := slices.ContainsFunc(p.mirrored.Answers, func(a facts.MirrorAnswer) bool { return a.Node == node.Name })
		if node.Why != "" && !known {
			p.unanswered(node.Name, node.Why)
		}
	}
	slices.SortFunc(p.mirrored.Answers, func(a, b facts.MirrorAnswer) int { return cmp.Compare(a.Node, b.Node) })
}
