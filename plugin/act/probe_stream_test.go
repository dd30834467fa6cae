package act

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// silent, as what was tried, has a pod say no more.
const silent = -1

// streaming has pods that stream say a line each second, until they are removed or ctx ends; change is what happens to
// a line.
func streaming(ctx context.Context, n *nodesOf, change func(node string, line int, b *probe.Beat)) {
	n.status = func(p *core.Pod) *core.PodStatus {
		if !strings.HasPrefix(p.Name, string(streamRole)) {
			return nil
		}
		return &core.PodStatus{Phase: core.PodRunning, PodIP: "10.244.9.9", Conditions: []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}}}
	}
	began := time.Now()
	before := n.before
	n.before = func(r request) *http.Response {
		if !strings.Contains(r.path, "/stream-") || !strings.HasSuffix(r.path, "/log") {
			return before(r)
		}
		if n.each != nil {
			if answer := n.each(r); answer != nil {
				return answer
			}
		}
		o := n.object(strings.TrimSuffix(r.path, "/log"))
		if o == nil {
			return before(r)
		}
		pod := asPod(o)
		reader, writer := io.Pipe()
		go func() {
			for n.object(strings.TrimSuffix(r.path, "/log")) != nil {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return
				}
				line := int(time.Since(began) / time.Second)
				b := probe.Beat{Began: began.UTC(), At: time.Now().UTC(), Tried: 10 * line}
				for i, arg := range pod.Spec.Containers[0].Args {
					if arg == "--target" {
						t, _ := probe.ParseTarget(pod.Spec.Containers[0].Args[i+1])
						b.Streams = append(b.Streams, probe.Stream{Target: t, Answers: 50 * line, Gap: 21 * time.Millisecond, GapAt: began.UTC()})
					}
				}
				if change != nil {
					change(pod.Annotations[nodeAnnotation], line, &b)
				}
				if b.Tried == silent {
					<-ctx.Done()
					return
				}
				text, _ := json.Marshal(b)
				if b.At.IsZero() {
					_ = writer.CloseWithError(errReset)
					return
				}
				if _, err := writer.Write(append(text, '\n')); err != nil {
					return
				}
			}
			_ = writer.Close()
		}()
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}}, Body: reader}
	}
}

// streamed is what becomes of streams that last for a minute.
func streamed(t *testing.T, n *nodesOf, change func(node string, line int, b *probe.Beat)) *facts.Streams {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	streaming(ctx, n, change)
	s, err := openIn(ctx, t, n).Stream(ctx, probing)
	if err != nil {
		t.Error(err)
	}
	time.Sleep(time.Minute + 300*time.Millisecond)
	f := s.Close(ctx)
	if left := n.left(); len(left) != 0 || f.Left != "" {
		t.Errorf("left %q, %s", left, f.Left)
	}
	return f
}

// openIn is open, with a life that ends with ctx.
func openIn(ctx context.Context, t *testing.T, n *nodesOf) *Cluster {
	t.Helper()
	c := open(t, n.api)
	c.life = ctx
	return c
}

func TestStreams(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1", "infra-2", "infra-3")
		f := streamed(t, n, nil)
		if len(f.Streams) != 9 || f.Tried < 3*600 || f.Failed != 0 { // two others and a Service each
			t.Errorf("%+v", f)
		}
		for _, s := range f.Streams {
			if s.Answers < 50*60 || s.Lost != 0 || s.Gap != 21*time.Millisecond || s.From == s.To {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestWhatStreamsSay loses a connection, a node's pod, and the way to a log.
func TestWhatStreamsSay(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1", "infra-2", "infra-3")
		f := streamed(t, n, func(node string, line int, b *probe.Beat) {
			switch {
			case node == "infra-1" && line >= 30:
				b.Streams[0].Lost, b.Streams[0].Why, b.Streams[0].Gap = 1, "connection reset\x1b[2J", 3*time.Second
				b.Failed, b.Why = 7, "pod infra-2: no answer"
			case node == "infra-2" && line >= 30:
				b.Tried = silent
			case node == "infra-3" && line%10 == 0:
				b.At = time.Time{} // its log breaks off, and is read again
			}
		})
		if f.Nodes[0].Why != "" || !strings.Contains(f.Nodes[1].Why, "its pod fell silent: its last line is of ") || f.Nodes[2].Why != "" {
			t.Errorf("%+v", f.Nodes)
		}
		if len(f.Streams) != 9 || f.Streams[0].Lost != 1 || f.Streams[0].Why != `connection reset\x1b[2J` || f.Failed != 7 || f.Why != "pod infra-2: no answer" {
			t.Errorf("%+v", f)
		}
	})
}

// TestAStreamThatNeverOpens is waited for, and then told of.
func TestAStreamThatNeverOpens(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1", "infra-2")
		began := time.Now()
		f := streamed(t, n, func(node string, _ int, b *probe.Beat) {
			if node == "infra-2" {
				b.Streams[1].Answers, b.Streams[1].Why = 0, "no answer"
			}
		})
		if took := time.Since(began); took < probing.Within || f.Streams[3].Answers != 0 || f.Streams[3].Why != "no answer" || f.Streams[2].Answers == 0 {
			t.Errorf("%s: %+v", took, f)
		}
	})
}

// TestStreamsLeaveNothing lets each request of opening and closing be interrupted, fail, or be the last.
func TestStreamsLeaveNothing(t *testing.T) {
	for name, happens := range map[string]func(n *nodesOf, c *counted, cancel func()){
		"interrupted": func(n *nodesOf, c *counted, cancel func()) {
			n.each = func(request) *http.Response {
				if c.now(false) {
					cancel()
				}
				return nil
			}
		},
		"lost": func(n *nodesOf, c *counted, _ func()) {
			n.lost = func(request) error {
				if c.now(false) {
					return errReset
				}
				return nil
			}
		},
		"last": func(n *nodesOf, c *counted, _ func()) {
			n.each = func(request) *http.Response {
				if c.now(true) {
					return refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "away")
				}
				return nil
			}
		},
	} {
		for at := 1; at <= 35; at++ {
			t.Run(fmt.Sprintf("%s/%d", name, at), func(t *testing.T) {
				inTime(t, func(t *testing.T) {
					n := probedCluster("infra-1", "infra-2")
					life, end := context.WithCancel(t.Context())
					defer end()
					streaming(life, n, nil)
					ctx, cancel := context.WithCancel(life)
					happens(n, &counted{at: at}, sync.OnceFunc(cancel))
					s, err := openIn(life, t, n).Stream(ctx, probing)
					time.Sleep(10 * time.Second)
					f := s.Close(ctx)
					if left := n.left(); len(left) > 0 && (name != "last" || f.Left == "") {
						t.Errorf("left %q: %v, %+v", left, err, f)
					}
					for _, node := range f.Nodes {
						if err == nil && node.Why == "" && len(f.Streams) == 0 {
							t.Errorf("nothing of %s, and no reason: %+v", node.Name, f)
						}
					}
				})
			})
		}
	}
}
