package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
	"github.com/cilium-gitops/cilium-gitops/hack/fakeapi"
	"github.com/cilium-gitops/cilium-gitops/plugin/act"
)

// asked is a cluster after one verify.
func (b *bench) asked(ctx context.Context) (*served, error) {
	s, err := b.one(0, fakeapi.Options{}, nil)
	if err != nil {
		return s, err
	}
	what := verifying(s.names)
	_, err = s.process(ctx, what)
	return s, err
}

func requests(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	s, err := b.asked(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	all := s.clusters[s.names[0]].Requests()
	writes, neighbours := 0, 0
	for _, one := range all {
		if !strings.HasPrefix(one, "GET ") {
			writes++
		}
		if strings.Contains(one, "/cert-manager.io/") || strings.Contains(one, "/source.toolkit.fluxcd.io/") {
			neighbours++
		}
	}
	r.Count = fmt.Sprintf("%d requests, %d of neighbours, %d writes", len(all)-neighbours, neighbours, writes)
	return []results.Row{r}, nil
}

func connections(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	s, err := b.asked(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	r.Count = fmt.Sprint(s.fleet.Connections(s.names[0]), " for ", len(s.clusters[s.names[0]].Requests()), " requests")
	return []results.Row{r}, nil
}

// restart has a pod's container restarted, and waits as a run does until it is known.
func restart(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	s, err := b.one(0, fakeapi.Options{}, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	f, err := recorded()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.variable("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	cluster, err := act.Open(ctx, config, act.Options{Expect: f.Expect, Context: s.names[0], UserAgent: "bench"})
	if err != nil {
		return nil, err
	}
	api := s.clusters[s.names[0]]
	if _, err := cluster.Pods(ctx); err != nil {
		return nil, err
	}
	for api.Watches() < 2 {
		if err := cluster.Changed(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
	restarts := int32(0)
	seen := func() error {
		name, err := api.Restart("app.kubernetes.io/part-of=cilium")
		if err != nil {
			return err
		}
		for restarts++; ; {
			if err := cluster.Changed(ctx, time.Minute); err != nil {
				return err
			}
			pods, err := cluster.Pods(ctx)
			if err != nil {
				return err
			}
			for _, p := range pods {
				if p.Name == name && p.Status.ContainerStatuses[0].RestartCount >= restarts {
					return nil
				}
			}
		}
	}
	all, err := turns(ctx, s.world, 10*b.runs, side{inside: func(context.Context, *world) (func() error, error) { return seen, nil }})
	if err != nil {
		return nil, err
	}
	r.Ours = summed("from the event to the pod's new count", all[0])
	r.Count = fmt.Sprintf("%d watches", api.Watches())
	return []results.Row{r}, nil
}
