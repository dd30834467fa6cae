package act

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
)

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/flux-system/leases/cilium-gitops-handover"

// skewed is a clock that is wrong by that much.
type skewed struct {
	clock.RealClock

	by time.Duration
}

func (s skewed) Now() time.Time                  { return s.RealClock.Now().Add(s.by) }
func (s skewed) Since(t time.Time) time.Duration { return s.Now().Sub(t) }
func wrong(by time.Duration) func(*Options)      { return func(o *Options) { o.Clock = skewed{by: by} } }
func isLost(l *Lease) bool                       { return closed(l.Lost()) }
func holder(a *api) string                       { s, _ := leaseField(a, "holderIdentity").(string); return s }
func leaseField(a *api, name string) any {
	o := a.object(leasePath)
	if o == nil {
		return nil
	}
	return o["spec"].(map[string]any)[name]
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func lock(t *testing.T, c *Cluster, who string) *Lease {
	t.Helper()
	l, err := c.Lock(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		c := open(t, a)
		l := lock(t, c, "one")
		if labels := labelsOf(a.object(leasePath)); holder(a) != "one" || labels["app.kubernetes.io/managed-by"] != "cilium-gitops" {
			t.Errorf("%v", a.object(leasePath))
		}
		first := leaseField(a, "renewTime")
		time.Sleep(time.Minute)
		synctest.Wait()
		if isLost(l) || leaseField(a, "renewTime") == first || len(a.writes()) != 13 { // taken, and every five seconds
			t.Errorf("lost %t, %d writes, renewed %v", isLost(l), len(a.writes()), leaseField(a, "renewTime"))
		}
		for range 2 {
			if err := l.Release(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if a.object(leasePath) != nil || isLost(l) {
			t.Errorf("after it is given back: %v", a.object(leasePath))
		}
		writes := len(a.writes())
		time.Sleep(time.Minute)
		if len(a.writes()) != writes {
			t.Error("it is renewed after it was given back")
		}
		_ = lock(t, c, "two").Release(t.Context())
	})
}

// TestLost ends the lock in each way there is. Whoever has lost it knows before another may have it.
func TestLost(t *testing.T) {
	busy := func(request) *http.Response {
		return refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "busy")
	}
	for what, c := range map[string]struct {
		fault func(*api)
		lost  time.Duration // after the last renewal; 0: never
	}{
		"the API server is gone": {func(a *api) { a.set(busy, nil) }, giveUp},
		"for a while only": {func(a *api) {
			a.set(busy, nil)
			time.AfterFunc(9*time.Second, func() { a.set(nil, nil) })
		}, 0},
		"somebody takes it":   {func(a *api) { a.edit(leasePath, "holderIdentity", "two") }, renewEvery},
		"somebody removes it": {func(a *api) { a.remove(leasePath) }, renewEvery},
		"somebody labels it":  {func(a *api) { a.edit(leasePath, "leaseTransitions", 7) }, 0},
		"an answer is lost": {func(a *api) {
			n := 0
			a.set(nil, func(r request) error {
				if n++; r.method == http.MethodPut && n == 1 {
					return errReset
				}
				return nil
			})
		}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI()
			l := lock(t, open(t, a), "one")
			began := time.Now()
			c.fault(a)
			select {
			case <-l.Lost():
				if took := time.Since(began); took != c.lost {
					t.Errorf("%s: lost after %s", what, took)
				}
			case <-time.After(time.Minute):
				if c.lost != 0 {
					t.Errorf("%s: not lost", what)
				}
			}
			a.set(nil, nil)
			was := holder(a)
			if err := l.Release(t.Context()); err != nil || was != "one" && holder(a) != was {
				t.Errorf("%s: %v; it was %q's, and is %q's", what, err, was, holder(a))
			}
		})
	}
}

// TestLostWhileAnswersHang loses the lock in time although a renewal never ends.
func TestLostWhileAnswersHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		l := lock(t, open(t, a), "one")
		began := time.Now()
		a.set(nil, func(request) error {
			time.Sleep(giveUp - renewEvery) // as long as the request may take
			return context.DeadlineExceeded
		})
		<-l.Lost()
		if took := time.Since(began); took > giveUp {
			t.Errorf("lost after %s", took)
		}
	})
}

// TestGivenBackWithoutDelete clears the holder where deleting is forbidden.
func TestGivenBackWithoutDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		l := lock(t, open(t, a), "one")
		a.set(func(r request) *http.Response {
			if r.method == http.MethodDelete {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, "no")
			}
			return nil
		}, nil)
		if err := l.Release(t.Context()); err != nil || holder(a) != "" || a.object(leasePath) == nil {
			t.Errorf("%v, %v", err, a.object(leasePath))
		}
		_ = lock(t, open(t, a), "two").Release(t.Context())
	})
}

func TestLockForbidden(t *testing.T) {
	a := newAPI()
	a.before = func(r request) *http.Response {
		return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `leases is forbidden: User "me" cannot `+strings.ToLower(r.method)+` resource "leases"`)
	}
	_, err := open(t, a).Lock(t.Context(), "one")
	if err == nil || !strings.Contains(err.Error(), "take the lock Lease/flux-system/cilium-gitops-handover: forbidden") || len(a.requests) != 1 {
		t.Errorf("%v, %d requests", err, len(a.requests))
	}
}

// set changes how requests are met.
func (a *api) set(before func(request) *http.Response, after func(request) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before, a.after = before, after
}

// edit changes one field of a spec, as somebody else.
func (a *api) edit(path, field string, value any) {
	o := clone(a.object(path))
	o["spec"].(map[string]any)[field] = value
	text, _ := json.Marshal(o)
	a.put(path, string(text))
}
