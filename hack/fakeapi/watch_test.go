package fakeapi_test

import (
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
)

// TestTwoWatches: what a run waits for is known from two watches. However many pods restart, nothing else is asked, and
// each restart is what wakes the run.
func TestTwoWatches(t *testing.T) {
	f := recorded(t, "../../examples/fleet/facts/infra.yaml")
	api, _, config := served(t, f)
	c, err := act.Open(t.Context(), config, act.Options{Expect: f.Expect, Context: f.Context, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pods(t.Context()); err != nil {
		t.Fatal(err)
	}
	for api.Watches() < 2 {
		if err := c.Changed(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	asked := api.Requests()
	for restarts := int32(1); restarts <= 50; restarts++ {
		name, err := api.Restart("app.kubernetes.io/part-of=cilium")
		if err != nil || name == "" {
			t.Fatal(name, err)
		}
		for known := false; !known; {
			if err := c.Changed(t.Context(), time.Minute); err != nil {
				t.Fatal(err)
			}
			pods, err := c.Pods(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pods {
				known = known || p.Name == name && p.Status.ContainerStatuses[0].RestartCount >= restarts
			}
		}
	}
	if more := api.Requests()[len(asked):]; len(more) > 0 || api.Watches() != 2 {
		t.Errorf("%d watches, and asked besides: %q", api.Watches(), more)
	}
}
