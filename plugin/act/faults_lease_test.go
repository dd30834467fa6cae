package act

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// TestFault_R07_Lock: two want the lock, with clocks that agree and that do not: one gets it, and who is dead is
// taken over from once its lease was seen to be stale.
func TestFault_R07_Lock(t *testing.T) {
	var result faultproxy.Result
	t.Run("held", func(t *testing.T) { held(t, &result) })
	t.Run("taken over", func(t *testing.T) { takenOver(t, &result) })
	t.Run("two at once", func(t *testing.T) { twoTakeOver(t, &result) })
	result.Keep(t, "plugin/act", "R7")
}

// apart says in the results how far clocks are apart.
func apart(by time.Duration) string {
	if by.Abs() < time.Hour {
		return ", clocks seconds apart at most"
	}
	return ", clocks 1 h apart"
}

// held meets a holder that lives.
func held(t *testing.T, result *faultproxy.Result) {
	t.Helper()
	for by, most := range map[time.Duration]time.Duration{
		0: 0, 3 * time.Second: 0, -3 * time.Second: 0,
		time.Hour: 6 * time.Second, -time.Hour: 6 * time.Second, // until it is seen to renew
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI()
			l := lock(t, open(t, a), "one\x1b[31m")
			began := time.Now()
			_, err := open(t, a, wrong(by)).Lock(t.Context(), "two")
			var held *Held
			if !errors.As(err, &held) || held.Holder != `one\x1b[31m` || !held.Since.Equal(began.Truncate(time.Microsecond)) {
				t.Fatalf("clock off by %s: %v", by, err)
			}
			if took := time.Since(began); took > most {
				t.Errorf("clock off by %s: known after %s", by, took)
			}
			if !strings.Contains(err.Error(), "flux handover status") || isLost(l) {
				t.Errorf("%v, lost %t", err, isLost(l))
			}
			_ = l.Release(t.Context())
			result.Add("a living holder"+apart(by), "held: refused with its name")
		})
	}
}

// die stops renewing without giving back, as a killed process does.
func die(l *Lease) {
	l.stop()
	<-l.done
}

// takenOver takes over from the dead, whatever the clocks say, and never sooner than the lock lasts.
func takenOver(t *testing.T, result *faultproxy.Result) {
	t.Helper()
	for _, by := range []time.Duration{time.Hour, -time.Hour, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI()
			die(lock(t, open(t, a), "one"))
			began := time.Now()
			l := lock(t, open(t, a, wrong(by)), "two")
			if took := time.Since(began); took < leaseLasts || took > leaseLasts+time.Second {
				t.Errorf("clock off by %s: taken over after %s", by, took)
			}
			if holder(a) != "two" || leaseField(a, "leaseTransitions") != float64(1) {
				t.Errorf("%v", a.object(leasePath))
			}
			_ = l.Release(t.Context())
			result.Add("a dead holder"+apart(by), "taken over, after its lease was seen to be stale")
		})
	}
	synctest.Test(t, func(t *testing.T) { // just dead: held, and free a little later
		a := newAPI()
		die(lock(t, open(t, a), "one"))
		var held *Held
		if _, err := open(t, a).Lock(t.Context(), "two"); !errors.As(err, &held) {
			t.Errorf("%v", err)
		}
		time.Sleep(leaseLasts)
		_ = lock(t, open(t, a), "two").Release(t.Context())
		result.Add("a dead holder, asked twice", "held: refused with its name; then taken over")
	})
}

// twoTakeOver has two wait for the same dead holder: one gets the lock.
func twoTakeOver(t *testing.T, result *faultproxy.Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		die(lock(t, open(t, a), "one"))
		time.Sleep(time.Minute)
		got := make(chan error, 2)
		for _, who := range []string{"two", "three"} {
			c := open(t, a)
			go func() {
				l, err := c.Lock(t.Context(), who)
				got <- err
				if err == nil {
					<-t.Context().Done()
					die(l)
				}
			}()
		}
		errs := []error{<-got, <-got}
		var held *Held
		if !(errs[0] == nil && errors.As(errs[1], &held)) && !(errs[1] == nil && errors.As(errs[0], &held)) {
			t.Errorf("%v", errs)
		}
		result.Add("two at once after a dead holder", "one gets it, the other is refused")
	})
}
