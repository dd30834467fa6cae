package play

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

// serveNeighbours answers for Hubble's relay and for Prometheus, each on a port of the machine that the simulated
// kubelet forwards to. Both say what their real ones would of the agents that are there.
func (p *Player) serveNeighbours(ctx context.Context) error {
	relay := grpc.NewServer(grpc.ForceServerCodec(wire{}), grpc.UnknownServiceHandler(p.answerRelay))
	prometheus := &http.Server{Handler: http.HandlerFunc(p.answerTargets), ReadHeaderTimeout: 10 * time.Second}
	for _, n := range []struct {
		name, namespace string
		port            int64
		serve           func(net.Listener) error
	}{{"hubble-relay", Namespace, 4245, relay.Serve}, {"prometheus", "monitoring", 9090, prometheus.Serve}} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("play %s: %w", n.name, err)
		}
		go func() { _ = n.serve(listener) }()
		if err := p.forward(ctx, n.name, n.namespace, n.port, listener.Addr()); err != nil {
			return err
		}
	}
	context.AfterFunc(ctx, func() {
		relay.Stop()
		_ = prometheus.Close()
	})
	return nil
}

var portForwards = schema.GroupVersionResource{Group: "kwok.x-k8s.io", Version: "v1alpha1", Resource: "clusterportforwards"}

// forward has the simulated kubelet lead that port of the namespace's pods to an address of the machine.
func (p *Player) forward(ctx context.Context, name, namespace string, port int64, to net.Addr) error {
	address, ok := to.(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("play %s: %s is no TCP address", name, to)
	}
	object := &api.Object{Object: map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"selector": map[string]any{"matchNamespaces": []any{namespace}},
			"forwards": []any{map[string]any{
				"ports": []any{port}, "target": map[string]any{"port": int64(address.Port), "address": address.IP.String()},
			}},
		},
	}}
	if _, err := p.dynamic.Resource(portForwards).Apply(ctx, name, object, metav1.ApplyOptions{FieldManager: api.Manager, Force: true}); err != nil {
		return fmt.Errorf("forward to %s: %w", name, err)
	}
	return nil
}

// wire passes messages as they are.
type wire struct{}

func (wire) Name() string { return "proto" }

func (wire) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("not bytes: %T", v)
	}
	return *b, nil
}

func (wire) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("not bytes: %T", v)
	}
	*b = slices.Clone(data)
	return nil
}

// answerRelay answers observer.Observer/ServerStatus: how many agents the relay is connected to, and whom it has lost.
func (p *Player) answerRelay(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	var connected uint64
	var lost []string
	faults := p.faults()
	cluster := ""
	for _, pod := range p.agents() {
		fault := faults[pod.Spec.NodeName]
		if cluster == "" {
			cluster = p.clusterName(stream.Context())
		}
		if fault.Dead || fault.RelayLost {
			lost = append(lost, cluster+"/"+pod.Spec.NodeName)
		} else {
			connected++
		}
	}
	answer := serverStatus(connected, lost)
	return stream.SendMsg(&answer)
}

func (p *Player) clusterName(ctx context.Context) string {
	config, err := p.kube.CoreV1().ConfigMaps(Namespace).Get(ctx, "cilium-config", metav1.GetOptions{})
	if err != nil {
		return "default"
	}
	return config.Data["cluster-name"]
}

// serverStatus is a ServerStatusResponse (api/v1/observer/observer.proto of Cilium).
func serverStatus(connected uint64, lost []string) []byte {
	var b []byte
	number := func(field protowire.Number, n uint64) {
		b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
	}
	wrapped := func(field protowire.Number, n uint64) {
		b = protowire.AppendTag(b, field, protowire.BytesType)
		b = protowire.AppendBytes(b, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), n))
	}
	number(1, 4095*connected)
	number(2, 4095*connected)
	number(3, 99173*connected)
	wrapped(5, connected)
	wrapped(6, uint64(len(lost)))
	for _, name := range lost {
		b = protowire.AppendString(protowire.AppendTag(b, 7, protowire.BytesType), name)
	}
	return b
}

// agents are the pods of Cilium's agents that run, in the order of their nodes.
func (p *Player) agents() []*corev1.Pod {
	pods, err := p.see.allPods()
	if err != nil {
		return nil
	}
	pods = slices.DeleteFunc(slices.Clone(pods), func(pod *corev1.Pod) bool {
		return !isAgent(pod) || pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil
	})
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Spec.NodeName, b.Spec.NodeName) })
	return pods
}

// answerTargets answers Prometheus' /api/v1/targets: one for each agent.
func (p *Player) answerTargets(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/targets" {
		http.NotFound(w, r)
		return
	}
	faults := p.faults()
	active := []any{}
	for _, pod := range p.agents() {
		health, why := "up", ""
		instance := pod.Status.HostIP + ":9962"
		if fault := faults[pod.Spec.NodeName]; fault.Dead || fault.TargetDown {
			health, why = "down", fmt.Sprintf("Get \"http://%s/metrics\": dial tcp %s: connect: connection refused", instance, instance)
		}
		active = append(active, map[string]any{
			"scrapePool": "serviceMonitor/kube-system/cilium-agent/0", "health": health, "lastError": why,
			"lastScrape": time.Now().UTC().Add(-7 * time.Second).Format(time.RFC3339Nano), "scrapeUrl": "http://" + instance + "/metrics",
			"discoveredLabels": map[string]any{}, "labels": map[string]any{
				"instance": instance, "job": "cilium-agent", "namespace": pod.Namespace, "pod": pod.Name, "service": "cilium-agent",
			},
		})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"activeTargets": active, "droppedTargets": []any{}}})
}
