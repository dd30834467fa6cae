package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// seeTargets asks every Prometheus how scraping Cilium goes. A Prometheus of several replicas is asked once for each.
func seeTargets(ctx context.Context, g *gatherer) error {
	names := g.options.Expect.Prometheus
	if names.Selector == "" {
		return errors.New("no Prometheus is named: prometheus.selector in the fleet file is empty")
	}
	var pods []facts.Pod
	err := paged(names.Selector, func(o metav1.ListOptions) (string, error) {
		list, err := g.core.Pods(names.Namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			if p := &list.Items[i]; p.DeletionTimestamp == nil && p.Status.Phase == core.PodRunning {
				pods = append(pods, pod(p))
			}
		}
		return list.Continue, nil
	})
	if err != nil {
		return err
	}
	var all []facts.Scraping
	for _, p := range sorted(pods, podKey) {
		all = append(all, g.targets(ctx, p))
	}
	if err := forbidden(all, func(s facts.Scraping) string { return s.Unread }); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Scraping = all })
	return nil
}

func (g *gatherer) targets(ctx context.Context, p facts.Pod) facts.Scraping {
	s := facts.Scraping{Prometheus: p.Namespace + "/" + p.Name}
	err := g.forwarded(ctx, p.Namespace, p.Name, int32(g.options.Expect.Prometheus.Port), func(ctx context.Context, w *way) error {
		body, err := fetchTargets(ctx, w.dial)
		if err != nil {
			return err
		}
		s.Targets, err = readTargets(body, g.options.Expect.Cilium.Namespace)
		return err
	})
	if err != nil {
		s.Unread = reason(g.timeout(ctx, err))
	}
	return s
}

// fetchTargets asks Prometheus itself, at the other end of a port-forward.
func fetchTargets(ctx context.Context, to dial) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://prometheus/api/v1/targets?state=active", nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{ // no proxy: the way there is the API server's
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, address string) (net.Conn, error) { return to(ctx, address) },
	}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("prometheus: answered more than %d MiB", maxAnswer>>20)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("prometheus: GET /api/v1/targets: %s", answer.Status)
	}
	return body, nil
}

// activeTarget is the part of Prometheus' target that is of use here (its HTTP API, v1).
type activeTarget struct {
	Discovered map[string]string `json:"discoveredLabels"`
	Labels     map[string]string `json:"labels"`
	Pool       string            `json:"scrapePool"`
	LastError  string            `json:"lastError"`
	LastScrape string            `json:"lastScrape"`
	Health     string            `json:"health"`
}

// readTargets keeps the targets that belong to Cilium: by a ServiceMonitor or PodMonitor of its own, or by their pod's label.
func readTargets(body []byte, namespace string) ([]facts.Target, error) {
	var answer struct {
		Status string `json:"status"`
		Data   struct {
			Active []activeTarget `json:"activeTargets"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		return nil, errors.New("prometheus: its answer is not a list of targets")
	}
	var all []facts.Target
	for _, t := range answer.Data.Active {
		if !t.ofCilium(namespace) {
			continue
		}
		pod := t.Labels["pod"]
		if pod == "" {
			pod = t.Discovered["__meta_kubernetes_pod_name"]
		}
		all = append(all, facts.Target{
			Pool: t.Pool, Instance: t.Labels["instance"], Pod: pod, Health: t.Health,
			Error: facts.RedactText(t.LastError), Scraped: parseTime(t.LastScrape),
		})
	}
	return sorted(all, func(t facts.Target) string { return t.Pool + " " + t.Instance }), nil
}

func (t activeTarget) ofCilium(namespace string) bool {
	for _, name := range []string{"cilium", "hubble"} {
		if strings.HasPrefix(t.Pool, "serviceMonitor/"+namespace+"/"+name) || strings.HasPrefix(t.Pool, "podMonitor/"+namespace+"/"+name) {
			return true
		}
	}
	return t.Discovered["__meta_kubernetes_pod_label_app_kubernetes_io_part_of"] == "cilium" ||
		t.Discovered["__meta_kubernetes_pod_label_k8s_app"] == "cilium"
}
