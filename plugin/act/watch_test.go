package act

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

const podsPath = "/api/v1/namespaces/kube-system/pods"

func TestMain(m *testing.M) {
	// One of these paces errors by one clock for all of the process, which tests with a time of their own have not.
	utilruntime.ErrorHandlers = nil
	m.Run()
}

// watching runs a test in a time of its own, over a cluster with one pod whose first change has been seen.
func watching(t *testing.T, test func(*testing.T, *api, *Cluster)) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.put(podsPath+"/cilium-1", podText("cilium-1", "u1"))
		a.put(releasePath, helmRelease(`"a":1`))
		c := open(t, a)
		if waited := changed(t, c, time.Hour); waited != 0 {
			t.Errorf("the first look came after %s", waited)
		}
		if pods := names(t, c); !slices.Equal(pods, []string{"cilium-1 u1"}) {
			t.Errorf("%q", pods)
		}
		synctest.Wait()
		for changed(t, c, time.Minute) == 0 { // what the beginning told of
		}
		test(t, a, c)
	})
}

// changed is how long Changed waited.
func changed(t *testing.T, c *Cluster, atMost time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	if err := c.Changed(t.Context(), atMost); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

func names(t *testing.T, c *Cluster) (all []string) {
	t.Helper()
	pods, err := c.Pods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		all = append(all, p.Name+" "+string(p.UID))
	}
	slices.Sort(all)
	return all
}

func TestChanged(t *testing.T) {
	watching(t, func(t *testing.T, a *api, c *Cluster) {
		if waited := changed(t, c, time.Minute); waited != time.Minute {
			t.Errorf("nothing happened, and it returned after %s", waited)
		}
		for what, change := range map[string]func(){
			"a pod is made":               func() { a.put(podsPath+"/cilium-2", podText("cilium-2", "u2")) },
			"a pod is changed":            func() { a.put(podsPath+"/cilium-1", podText("cilium-1", "u1")) },
			"a pod is removed":            func() { a.remove(podsPath + "/cilium-3") },
			"the HelmRelease changes":     func() { a.put(releasePath, helmRelease(`"a":2`)) },
			"a HelmRelease appears":       func() { a.put(releasePath+"-2", helmRelease(`"a":2`)) },
			"two pods change in between":  func() { a.put(podsPath+"/cilium-4", podText("cilium-4", "u4")); a.remove(podsPath + "/cilium-4") },
			"a pod comes while we waited": nil,
		} {
			a.put(podsPath+"/cilium-3", podText("cilium-3", "u3"))
			synctest.Wait()
			for changed(t, c, time.Minute) == 0 {
			}
			if change == nil {
				time.AfterFunc(10*time.Second, func() { a.put(podsPath+"/cilium-1", podText("cilium-1", "u1")) })
				if waited := changed(t, c, time.Minute); waited != 10*time.Second {
					t.Errorf("%s: seen after %s", what, waited)
				}
				continue
			}
			change()
			synctest.Wait()
			if waited := changed(t, c, time.Minute); waited != 0 {
				t.Errorf("%s: seen after %s", what, waited)
			}
			if waited := changed(t, c, time.Minute); waited != time.Minute {
				t.Errorf("%s: seen twice", what)
			}
		}
		a.put(podsPath+"/coredns-1", strings.Replace(podText("coredns-1", "u9"), `"cilium"}`, `"coredns"}`, 1))
		if waited := changed(t, c, time.Minute); waited != time.Minute {
			t.Errorf("somebody else's pod was seen")
		}
		if all := append(a.asked("GET "+podsPath), a.asked("GET "+strings.TrimSuffix(releasePath, "/cilium"))...); len(all) > 6 { // each tries to stream, lists, and watches
			t.Errorf("%d requests: %q", len(all), all)
		}
	})
}

// TestChangedThroughFaults ends the streams in every way there is, with changes before the watch stands again.
func TestChangedThroughFaults(t *testing.T) {
	for what, fault := range map[string]func(*api){
		"clean end": func(a *api) { a.cut(nil) },
		"reset":     func(a *api) { a.cut(errReset) },
		"410": func(a *api) {
			a.mu.Lock()
			a.oldest, a.log = a.version+3, nil
			a.mu.Unlock()
			a.cut(nil)
		},
		"503 for a while": func(a *api) {
			until := time.Now().Add(20 * time.Second)
			a.before = func(request) *http.Response {
				if time.Now().Before(until) {
					return refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "busy")
				}
				return nil
			}
			a.cut(errReset)
		},
	} {
		watching(t, func(t *testing.T, a *api, c *Cluster) {
			fault(a)
			a.remove(podsPath + "/cilium-1")
			a.put(podsPath+"/cilium-1", podText("cilium-1", "u2"))
			began := time.Now()
			for time.Since(began) < time.Minute {
				if err := c.Changed(t.Context(), time.Second); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if _, err := c.Pods(t.Context()); err == nil && slices.Equal(names(t, c), []string{"cilium-1 u2"}) {
					break
				}
			}
			if took := time.Since(began); took > 25*time.Second {
				t.Errorf("%s: the replaced pod was seen after %s", what, took)
			}
		})
	}
}

// TestPodsAreNotOldOnes says that the watch does not stand, instead of what it once had.
func TestPodsAreNotOldOnes(t *testing.T) {
	watching(t, func(t *testing.T, a *api, c *Cluster) {
		a.mu.Lock()
		a.before = func(request) *http.Response {
			return refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "busy")
		}
		a.mu.Unlock()
		a.cut(nil)
		began := time.Now()
		for { // the other watch may be what broke first
			changed(t, c, time.Minute)
			pods, err := c.Pods(t.Context())
			if waited := time.Since(began); waited > 5*time.Second {
				t.Fatalf("that the watch broke is not seen after %s: %v", waited, pods)
			}
			if err == nil {
				continue
			}
			if !strings.Contains(err.Error(), "watch Pod/kube-system: busy") {
				t.Error(err)
			}
			return
		}
	})
}

func TestWatchForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.before = func(r request) *http.Response {
			if r.path == podsPath {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `pods is forbidden: User "me" cannot list resource "pods"`)
			}
			return nil
		}
		c := open(t, a)
		if _, err := c.Pods(t.Context()); err == nil || !strings.Contains(err.Error(), `forbidden: User "me" cannot list resource "pods"`) {
			t.Errorf("pods: %v", err)
		}
		if err := c.Changed(t.Context(), time.Hour); err == nil || !strings.Contains(err.Error(), "auth can-i watch pod") {
			t.Errorf("changed: %v", err)
		}
	})
}

// TestWatchWithoutFlux watches pods where the kind HelmRelease is not served.
func TestWatchWithoutFlux(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.put(podsPath+"/cilium-1", podText("cilium-1", "u1"))
		a.before = func(r request) *http.Response {
			if strings.Contains(r.path, "helmreleases") {
				return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
			}
			return nil
		}
		c := open(t, a)
		changed(t, c, time.Hour)
		if pods := names(t, c); len(pods) != 1 {
			t.Errorf("%q", pods)
		}
	})
}

func TestChangedEnds(t *testing.T) {
	watching(t, func(t *testing.T, _ *api, c *Cluster) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Changed(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// TestSlim keeps of a pod what facts are made of.
func TestSlim(t *testing.T) {
	watching(t, func(t *testing.T, _ *api, c *Cluster) {
		pods, err := c.Pods(t.Context())
		if err != nil || len(pods) != 1 {
			t.Fatal(pods, err)
		}
		p := pods[0]
		if p.Spec.NodeName != "infra-1" || len(p.Spec.Containers) != 1 || p.Spec.Containers[0].Image != "cilium:1" || p.Labels["app.kubernetes.io/part-of"] != "cilium" {
			t.Errorf("%+v", p)
		}
		if p.Spec.Containers[0].Command != nil || p.Annotations != nil {
			t.Errorf("it keeps %+v", p)
		}
	})
}
