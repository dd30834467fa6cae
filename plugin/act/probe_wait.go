package act

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// watchPods begins to watch the probe's pods; the watch ends with ctx.
func (p *prober) watchPods(ctx context.Context) {
	pods := p.core.Pods(p.namespace)
	p.watched = newWatched(handover.Ref{APIVersion: "v1", Kind: "Pod", Namespace: p.namespace}, p.fresh)
	p.watched.lists = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return pods.List(ctx, o) }
	p.watched.opens = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) { return pods.Watch(ctx, o) }
	p.watched.run(ctx, &core.Pod{}, p.core)
}

// await waits until the pods of a role on those nodes all are as they are to be, or never will be, or ctx is over; it
// returns them by node. Errors are those that waiting does not mend.
func (p *prober) await(ctx context.Context, nodes []*facts.ProbeNode, r role, good func(*core.Pod) bool) (map[string]*core.Pod, error) {
	for {
		if err := p.watched.broken(); apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return nil, p.failed("probe: watch", p.watched.ref, "watch", err)
		}
		pods := p.pods(nodes, r)
		waiting := slices.ContainsFunc(nodes, func(n *facts.ProbeNode) bool {
			pod := pods[n.Name]
			return n.Why == "" && (pod == nil || !good(pod) && !hopeless(pod))
		})
		if !waiting {
			return pods, nil
		}
		select {
		case <-p.fresh:
		case <-ctx.Done():
			return pods, nil // what is missing says so itself
		}
	}
}

// pods are the probe's pods of a role, by the node that each was made for.
func (p *prober) pods(nodes []*facts.ProbeNode, r role) map[string]*core.Pod {
	all := map[string]*core.Pod{}
	for _, o := range p.watched.store.List() {
		pod, ok := o.(*core.Pod)
		if !ok {
			continue
		}
		var number int
		if _, err := fmt.Sscanf(pod.Name, string(r)+"-%d", &number); err == nil && number >= 1 && number <= len(nodes) {
			all[nodes[number-1].Name] = pod
		}
	}
	return all
}

func ready(pod *core.Pod) bool {
	return pod.Status.PodIP != "" && slices.ContainsFunc(pod.Status.Conditions, func(c core.PodCondition) bool {
		return c.Type == core.PodReady && c.Status == core.ConditionTrue
	})
}

func ended(pod *core.Pod) bool {
	return pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
}

// hopeless holds of a pod that will not get better within a probe: it has ended, or its image cannot be had.
func hopeless(pod *core.Pod) bool {
	reason, _ := waitingFor(pod)
	return ended(pod) || slices.Contains([]string{
		"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
	}, reason)
}

func waitingFor(pod *core.Pod) (reason, message string) {
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Waiting != nil {
			return s.State.Waiting.Reason, s.State.Waiting.Message
		}
	}
	return "", ""
}

// state says in the cluster's own words what holds a pod up.
func state(pod *core.Pod) string {
	if pod == nil {
		return "no such pod was seen"
	}
	if reason, message := waitingFor(pod); reason != "" {
		return worded(reason, message)
	}
	for _, s := range pod.Status.ContainerStatuses {
		if t := s.State.Terminated; t != nil {
			return worded(fmt.Sprintf("it ended with exit code %d", t.ExitCode), cmp.Or(t.Message, t.Reason))
		}
	}
	if pod.Status.Reason != "" {
		return worded(pod.Status.Reason, pod.Status.Message)
	}
	for _, c := range pod.Status.Conditions {
		if c.Status != core.ConditionTrue && c.Reason != "" {
			return worded(c.Reason, c.Message)
		}
	}
	return worded(string(cmp.Or(pod.Status.Phase, core.PodPending)), "")
}

// mostSaid bounds how much of a message is repeated.
const mostSaid = 300

func worded(reason, message string) string {
	line := strings.Join(strings.Fields(message), " ")
	if len(line) > mostSaid {
		line = strings.ToValidUTF8(line[:mostSaid], "") + "..."
	}
	if line == "" {
		return said(foreign(reason))
	}
	return said(foreign(reason + ": " + line))
}

// mostLog bounds how much of a log is read, in bytes; an answer is about 150.
const mostLog = int64(4 << 20)

// answers reads a pod's log: its results, or why they are not all there.
func (p *prober) answers(ctx context.Context, pod *core.Pod, asked []probe.Target) (results []probe.Result, why string) {
	most := mostLog
	var log []byte
	err := p.read(ctx, func() (err error) {
		answer := p.core.Pods(p.namespace).GetLogs(pod.Name, &core.PodLogOptions{Container: probeContainer, LimitBytes: &most}).Do(ctx)
		if err := answer.Error(); err != nil { // Raw's own error lacks the API server's sentence
			return err
		}
		log, err = answer.Raw()
		return err
	})
	if err != nil {
		return nil, "its pod's log could not be read: " + reason(p.late(ctx, err))
	}
	done, last := -1, ""
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Buffer(nil, int(mostLog))
	for lines.Scan() {
		var a probe.Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil || a.Result == nil && a.Done == 0 {
			last = lines.Text()
			continue
		}
		if a.Result == nil {
			done = a.Done
		} else if slices.Contains(asked, a.Result.Target) {
			results = append(results, *a.Result)
		}
	}
	if done != len(asked) || len(results) != done {
		return nil, fmt.Sprintf("its pod told of %d of %d: %s", len(results), len(asked), worded(cmp.Or(last, state(pod)), ""))
	}
	return results, ""
}
