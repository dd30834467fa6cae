package act

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

const (
	streamRole role = "stream"
	// lastWord is how long is waited at the end for a line that holds all until then.
	lastWord = 5 * time.Second
	// relisten is how long is waited before a log whose end was lost is read again.
	relisten = time.Second
)

// Streams are long-lived connections between pods on a cluster's nodes, while something is done to the cluster.
type Streams struct {
	p    *prober
	fact *facts.Streams
	stop context.CancelFunc // of listening
	made bool

	mu    sync.Mutex
	heard map[string]*heard // by node
	news  chan struct{}     // closed, and made anew, when something was heard
}

// heard is what a node's pod last said, and how many lines it has said.
type heard struct {
	beat  probe.Beat
	lines int
}

// Stream opens connections from every node to every other and to a Service, and returns when each of them has been
// answered or o.Within is over; none at all is an error. Close ends them, whatever Stream returned.
func (c *Cluster) Stream(ctx context.Context, o Probing) (*Streams, error) {
	o.Parts = []facts.Part{facts.Probing}
	p := c.prober(o, o.Lasting)
	s := &Streams{p: p, fact: &facts.Streams{Began: p.fact.Began, Image: o.Image}, heard: map[string]*heard{}, news: make(chan struct{})}
	life, stop := context.WithCancel(c.life)
	s.stop = stop
	ctx, cancel := context.WithTimeout(ctx, o.Within+readWithin)
	defer cancel()
	err := s.open(ctx, life)
	s.fact.Nodes, s.fact.Others = p.fact.Nodes, p.fact.Others
	if err == nil {
		err = s.none()
	}
	return s, err
}

func (s *Streams) open(ctx, life context.Context) (err error) {
	p := s.p
	if err := p.permitted(ctx); err != nil {
		return err
	}
	p.removeStale(ctx)
	usable, err := p.choose(ctx)
	if err != nil || len(usable) == 0 {
		return err
	}
	if s.made, err = p.settle(ctx, life); err != nil {
		return err
	}
	serving, err := p.serve(ctx, usable)
	if err != nil || len(serving) == 0 {
		return err
	}
	nodes := p.stream(ctx, serving)
	within, cancel := p.until(ctx, p.asked.Within)
	defer cancel()
	pods, err := p.await(within, nodes, streamRole, ready)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		pod := pods[node.Name]
		if node.Why == "" && (pod == nil || !ready(pod)) {
			node.Why = "its pod did not start: " + state(pod)
		}
		if node.Why == "" {
			go s.listen(life, node.Name, pod.Name)
		}
	}
	s.await(within, nodes, func(_ string, h *heard) bool {
		return h != nil && !slices.ContainsFunc(h.beat.Streams, func(one probe.Stream) bool { return one.Answers == 0 })
	})
	return ctx.Err()
}

// none says why there is no stream at all; nil where there is one.
func (s *Streams) none() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := "there is no node"
	if len(s.fact.Nodes) == 1 {
		why = "there is one node, and nothing that another could reach"
	}
	for _, node := range s.fact.Nodes {
		if h := s.heard[node.Name]; h != nil && slices.ContainsFunc(h.beat.Streams, func(one probe.Stream) bool { return one.Answers > 0 }) {
			return nil
		}
		if node.Why != "" {
			why = node.Name + ": " + node.Why
		}
	}
	return fmt.Errorf("probe: no connection between pods could be opened: %s", why)
}

// stream makes the pods that stream, one on each node that serves.
func (p *prober) stream(ctx context.Context, serving []*server) (nodes []*facts.ProbeNode) {
	p.options.Tell(fmt.Sprintf("probe: opening connections between %d nodes", len(serving)))
	var service []probe.Target
	for _, address := range p.service {
		service = append(service, probe.Target{Kind: probe.Service, To: p.namespace + "/" + probeServiceName, Address: address})
	}
	all := pairs(serving, service)
	for _, one := range serving {
		nodes = append(nodes, one.node)
	}
	p.create(ctx, nodes, streamRole, func(node *facts.ProbeNode) []string {
		args := []string{"stream", "--for", (p.asked.Within + p.asked.Lasting).String()}
		for _, t := range all[node.Name] {
			args = append(args, "--target", t.String())
		}
		return args
	})
	return nodes
}

// listen follows a pod's log until ctx ends. Every line holds all that went before it: where the log's end is lost, its
// last line is where to go on.
func (s *Streams) listen(ctx context.Context, node, pod string) {
	last := int64(1)
	for ctx.Err() == nil {
		log, err := s.p.core.Pods(s.p.namespace).GetLogs(pod, &core.PodLogOptions{Container: probeContainer, Follow: true, TailLines: &last}).Stream(ctx)
		if err == nil {
			ended := context.AfterFunc(ctx, func() { _ = log.Close() })
			lines := bufio.NewScanner(log)
			lines.Buffer(nil, int(mostLog))
			for lines.Scan() {
				s.hear(node, lines.Bytes())
			}
			ended()
			_ = log.Close()
		}
		timer := s.p.clock.NewTimer(relisten)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (s *Streams) hear(node string, line []byte) {
	var b probe.Beat
	if err := json.Unmarshal(line, &b); err != nil || b.At.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heard[node]
	if h == nil {
		h = &heard{}
		s.heard[node] = h
	}
	if b.At.After(h.beat.At) { // a line that was read again is no news
		h.beat = b
		h.lines++
		close(s.news)
		s.news = make(chan struct{})
	}
}

// await waits until what was heard from every node that streams is enough, or ctx is over.
func (s *Streams) await(ctx context.Context, nodes []*facts.ProbeNode, enough func(node string, h *heard) bool) {
	for {
		s.mu.Lock()
		news := s.news
		waiting := slices.ContainsFunc(nodes, func(n *facts.ProbeNode) bool { return n.Why == "" && !enough(n.Name, s.heard[n.Name]) })
		s.mu.Unlock()
		if !waiting {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the streams, removes what they needed, and says what became of them. It takes its time whatever becomes of
// ctx, within bounds.
func (s *Streams) Close(ctx context.Context) *facts.Streams {
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	until := map[string]int{} // one line may have been on its way: the next holds all until now
	for node, h := range s.heard {
		until[node] = h.lines + 2
	}
	s.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	var nodes []*facts.ProbeNode
	for i := range s.fact.Nodes {
		nodes = append(nodes, &s.fact.Nodes[i])
	}
	for _, node := range nodes {
		if node.Why == "" && until[node.Name] == 0 {
			node.Why = "nothing was heard of it"
		}
	}
	s.await(within, nodes, func(node string, h *heard) bool { return h != nil && h.lines >= until[node] })
	s.sum(nodes, until)
	s.stop()
	if s.made {
		s.p.remove(ctx)
	}
	s.fact.Left = s.p.fact.Left
	s.fact.Ended = s.p.clock.Now().UTC()
	return s.fact
}

// sum adds up what every node's pod said last.
func (s *Streams) sum(nodes []*facts.ProbeNode, until map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, node := range nodes {
		h := s.heard[node.Name]
		if node.Why != "" || h == nil {
			continue
		}
		if h.lines < until[node.Name] {
			node.Why = fmt.Sprintf("its pod fell silent: its last line is of %s", h.beat.At.UTC().Format(time.TimeOnly))
		}
		s.fact.Tried += h.beat.Tried
		s.fact.Failed += h.beat.Failed
		s.fact.Why = cmp.Or(s.fact.Why, said(foreign(h.beat.Why)))
		for _, one := range h.beat.Streams {
			s.fact.Streams = append(s.fact.Streams, facts.Stream{
				Kind: string(one.Kind), From: node.Name, To: facts.Text(one.To), Address: facts.Text(one.Address), Answers: one.Answers,
				Gap: one.Gap, GapAt: one.GapAt, Lost: one.Lost, Why: said(foreign(one.Why)), Silent: one.Silent,
			})
		}
	}
}
