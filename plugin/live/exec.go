package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const (
	// maxAnswer bounds an agent's answer, in bytes; a status is about 20 KiB.
	maxAnswer = 8 << 20
	// execsAtOnce bounds how many agents of one cluster are asked at a time.
	execsAtOnce    = 32
	agentContainer = "cilium-agent"
)

// exec runs argv in the pod's agent container and returns what it printed on stdout.
func (g *gatherer) exec(ctx context.Context, pod facts.Pod, argv ...string) ([]byte, error) {
	request := g.core.RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&core.PodExecOptions{Container: agentContainer, Command: argv, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	socket, err := remotecommand.NewWebSocketExecutor(g.config, http.MethodGet, request.URL().String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(g.config, http.MethodPost, request.URL())
	if err != nil {
		return nil, err
	}
	either, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return nil, err
	}
	var stdout, stderr bounded
	err = either.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		if text := lastLine(stderr.String()); text != "" {
			return stdout.Bytes(), fmt.Errorf("%s: %s", argv[0], text)
		}
		return stdout.Bytes(), err
	}
	if stdout.over {
		return nil, fmt.Errorf("%s: answered more than %d MiB", argv[0], maxAnswer>>20)
	}
	return stdout.Bytes(), nil
}

// bounded keeps the first maxAnswer bytes written to it.
type bounded struct {
	bytes.Buffer
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxAnswer - b.Len(); len(p) > room {
		b.over = true
		b.Buffer.Write(p[:room])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// ReadFrom would bypass the bound.
func (b *bounded) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "Get ") || strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "error") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}

// eachAgent asks every agent at once, within bounds, and returns the answers in the pods' order.
func eachAgent[T any](g *gatherer, ask func(facts.Pod) T) []T {
	g.mu.Lock()
	var pods []facts.Pod
	for _, p := range g.facts.Live.Pods {
		if p.Owner == "DaemonSet/"+g.options.Expect.Cilium.DaemonSet && !p.Deleting {
			pods = append(pods, p)
		}
	}
	g.mu.Unlock()
	pods = sorted(pods, func(p facts.Pod) string { return p.Node + " " + p.Name })
	answers := make([]T, len(pods))
	slots := make(chan struct{}, execsAtOnce)
	var wg sync.WaitGroup
	for i, p := range pods {
		wg.Go(func() {
			slots <- struct{}{}
			answers[i] = ask(p)
			<-slots
		})
	}
	wg.Wait()
	return answers
}

var errNotRunning = errors.New("no running agent to ask")

// askAgent runs a command of the in-pod CLI: cilium-dbg, called cilium up to 1.14.
func (g *gatherer) askAgent(ctx context.Context, pod facts.Pod, args ...string) ([]byte, error) {
	if pod.Phase != "Running" {
		return nil, fmt.Errorf("%w: pod is %s", errNotRunning, pod.Phase)
	}
	out, err := g.exec(ctx, pod, append([]string{"cilium-dbg"}, args...)...)
	if err != nil && strings.Contains(err.Error(), "executable file not found") {
		out, err = g.exec(ctx, pod, append([]string{"cilium"}, args...)...)
	}
	if err != nil {
		return out, g.timeout(ctx, err)
	}
	return out, nil
}
