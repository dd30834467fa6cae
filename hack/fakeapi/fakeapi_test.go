package fakeapi_test

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/cilium-gitops/cilium-gitops/hack/fakeapi"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/live"
)

func recorded(t *testing.T, file string) facts.Facts {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := facts.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// served is a cluster that is served, and the way to it.
func served(t *testing.T, f facts.Facts) (*fakeapi.Cluster, *fakeapi.Fleet, *rest.Config) {
	t.Helper()
	c, err := fakeapi.New(f, fakeapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := fakeapi.NewFleet()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fleet.Close() })
	if err := fleet.Serve(f.Cluster, c, 0); err != nil {
		t.Fatal(err)
	}
	text, err := fleet.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	return c, fleet, config
}

// gathered is what is seen of a recording that is served, and how it was asked for.
func gathered(t *testing.T, f facts.Facts, parts []facts.Part) (facts.Facts, *fakeapi.Cluster, int) {
	t.Helper()
	c, fleet, config := served(t, f)
	seen := live.Gather(t.Context(), config, live.Options{
		Cluster: f.Cluster, Context: f.Context, Expect: f.Expect, Parts: parts, NoExec: true, Timeout: time.Minute, Now: func() time.Time { return f.Taken },
	})
	return seen, c, fleet.Connections(f.Cluster)
}

// withoutAgents is a recording without what pods were asked for, which is not served.
func withoutAgents(l facts.Live) facts.Live {
	l.Agents, l.BGP, l.Health, l.Relays, l.Scraping, l.Tunnels, l.Probe, l.Streams, l.Fields = nil, nil, nil, nil, nil, nil, nil, nil, nil
	return l
}

// TestServedIsSeen holds both ends to one another: what is served of a recording is seen as it was recorded.
func TestServedIsSeen(t *testing.T) {
	for _, file := range []string{"../../examples/fleet/facts/infra.yaml", "../../examples/fleet/facts/apps-with-faults.yaml"} {
		f := recorded(t, file)
		parts := slices.Concat(check.Needs(check.All(), nil), []facts.Part{facts.FluxAPIs, facts.Identity})
		seen, _, _ := gathered(t, f, parts)
		if len(seen.Blind) > 0 {
			t.Errorf("%s: blind: %v", file, seen.Blind)
		}
		// Of what the recording does not hold, what is served is nothing; of the kubelet's names for images there are none.
		for _, l := range []*facts.Live{&seen.Live, &f.Live} {
			*l = withoutAgents(*l)
			if !slices.Contains(f.Seen, facts.FluxAPIs) {
				l.FluxAPIs = nil
			}
		}
		got, want := reflect.ValueOf(seen.Live), reflect.ValueOf(f.Live)
		for i := range got.NumField() {
			if !reflect.DeepEqual(got.Field(i).Interface(), want.Field(i).Interface()) {
				t.Errorf("%s: %s:\ngot  %+v\nwant %+v", file, got.Type().Field(i).Name, got.Field(i), want.Field(i))
			}
		}
	}
}

// TestVerdictsOfServed: what is judged of a cluster that is as recorded is what is judged of the recording.
func TestVerdictsOfServed(t *testing.T) {
	for _, file := range []string{"../../examples/fleet/facts/infra.yaml", "../../examples/fleet/facts/apps-with-faults.yaml"} {
		f := recorded(t, file)
		seen, _, _ := gathered(t, f, check.Needs(check.All(), nil))
		f.Live = withoutAgents(f.Live)
		f.Git, f.Server, f.Seen, f.Blind, f.Declined = nil, seen.Server, seen.Seen, seen.Blind, seen.Declined
		got, want := check.Run(seen, check.All()), check.Run(f, check.All())
		if known := slices.DeleteFunc(slices.Clone(want), func(v check.Verdict) bool { return v.Outcome == check.Unknown }); len(seen.Blind) > 0 || len(known) < 40 {
			t.Errorf("%s: blind: %v; only %d verdicts are known", file, seen.Blind, len(known))
		}
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("%s:\ngot  %+v\nwant %+v", file, got[i], want[i])
			}
		}
	}
}

// TestOneConnection: however many requests a cluster is asked, exec aside, it is opened one connection.
func TestOneConnection(t *testing.T) {
	_, c, opened := gathered(t, recorded(t, "../../examples/fleet/facts/infra.yaml"), check.Needs(check.All(), nil))
	if requests := len(c.Requests()); opened != 1 || requests < 16 {
		t.Errorf("%d connections for %d requests", opened, requests)
	}
}

// TestLargeCluster: a recording multiplied is seen whole, in pages.
func TestLargeCluster(t *testing.T) {
	const nodes = 1201
	f := fakeapi.Superseded(fakeapi.Multiplied(recorded(t, "../../examples/fleet/facts/infra.yaml"), nodes), 10)
	seen, c, opened := gathered(t, f, check.Needs(check.All(), nil))
	if len(seen.Live.Nodes) != nodes || len(seen.Live.Pods) < 2*nodes || len(seen.Live.Records) != 10 || seen.Live.Release == nil || opened != 1 {
		t.Errorf("%d nodes, %d pods, %d records, %d connections, %v", len(seen.Live.Nodes), len(seen.Live.Pods), len(seen.Live.Records), opened, seen.Blind)
	}
	pages := 0
	for _, r := range c.Requests() {
		if strings.HasPrefix(r, "GET /api/v1/nodes?") {
			pages++
		}
	}
	if pages != 3 {
		t.Errorf("%d pages of nodes", pages)
	}
}

// TestRenamed: another cluster of the same kind, taken at another time.
func TestRenamed(t *testing.T) {
	f := recorded(t, "../../examples/fleet/facts/infra.yaml")
	later := f.Taken.Add(1000 * time.Hour)
	other, err := fakeapi.Renamed(f, "c017", later)
	if err != nil {
		t.Fatal(err)
	}
	if other.Cluster != "c017" || other.Live.Nodes[0].Name != "c017-1" || !other.Taken.Equal(later) || other.Live.UID == f.Live.UID {
		t.Errorf("%s %s %s %s", other.Cluster, other.Live.Nodes[0].Name, other.Taken, other.Live.UID)
	}
	if was, is := f.Live.Pods[0].Created.Sub(f.Taken), other.Live.Pods[0].Created.Sub(other.Taken); was != is {
		t.Errorf("a pod's age was %s and is %s", was, is)
	}
	was, is := check.Run(f, check.All()), check.Run(other, check.All())
	for i := range was {
		if was[i].Outcome != is[i].Outcome {
			t.Errorf("was %+v\nis %+v", was[i], is[i])
		}
	}
}
