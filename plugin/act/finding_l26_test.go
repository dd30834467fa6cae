package act

import (
	"testing"
	"time"
)

// TestFinding_L26_ClocksThatAreOff: whether a probe's time is over is the API server's to say: neither a maker's nor a
// remover's clock that is hours off has a living probe's namespace removed, or keeps a dead one's.
func TestFinding_L26_ClocksThatAreOff(t *testing.T) {
	for _, off := range []time.Duration{-10 * time.Hour, -10 * time.Minute, 10 * time.Minute, 10 * time.Hour} {
		for _, whose := range []string{"maker", "remover"} {
			inTime(t, func(t *testing.T) {
				n := probedCluster("infra-1", "infra-2")
				with := func(who string) func(*Options) {
					return func(o *Options) {
						if who == whose {
							wrong(off)(o)
						}
					}
				}
				maker := open(t, n.api, with("maker")).prober(probing, 0)
				if _, err := maker.settle(t.Context(), t.Context()); err != nil {
					t.Fatal(err)
				}
				living := len(n.left())
				remover := open(t, n.api, with("remover"))
				own, err := remover.Own(t.Context())
				if err != nil || len(own) != 1 || own[0].Over {
					t.Errorf("%s is %s off: cleanup would remove a living probe: %+v, %v", whose, off, own, err)
				}
				if _, err := remover.Probe(t.Context(), probing); err != nil || len(n.left()) != living {
					t.Errorf("%s is %s off: a living probe is left %q; %v", whose, off, n.left(), err)
				}
				time.Sleep(time.Hour)
				if _, err := remover.Probe(t.Context(), probing); err != nil || len(n.left()) != 0 {
					t.Errorf("%s is %s off: a dead probe is left %q; %v", whose, off, n.left(), err)
				}
			})
		}
	}
}
