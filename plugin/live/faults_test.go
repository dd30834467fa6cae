package live

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// through gathers everything by way of a proxy that does as plan says.
func through(t *testing.T, s http.Handler, plan faultproxy.Plan) (facts.Facts, *faultproxy.Proxy) {
	t.Helper()
	p := faultproxy.New(s, plan)
	front := httptest.NewServer(p)
	defer front.Close()
	f := Gather(t.Context(), &rest.Config{Host: front.URL}, options(everything()...))
	f.Server = ""
	return f, p
}

// TestFault_R04_Reads has each request of a gathering suffer each fault. Whatever that does, no judgement changes but to
// unknown: what a fault hides is never taken for what is not there.
func TestFault_R04_Reads(t *testing.T) {
	s := newServer(t)
	quiet, p := through(t, s.Config.Handler, faultproxy.At(-1, faultproxy.None))
	if p.Requests() < 27 {
		t.Fatalf("only %d requests", p.Requests())
	}
	was := map[check.ID]check.Verdict{}
	for _, v := range check.Run(quiet, check.All()) {
		was[v.Check] = v
	}
	var result faultproxy.Result
	outcomes := map[string]int{}
	for n := range p.Requests() {
		for _, fault := range faultproxy.Reading {
			f, p := through(t, s.Config.Handler, faultproxy.At(n, fault))
			if p.Injected()[fault] != 1 {
				t.Errorf("%s at request %d: injected %v", fault, n, p.Injected())
			}
			what := fmt.Sprintf("%s at request %d", fault, n)
			outcome := "as without the fault"
			for _, v := range check.Run(f, check.All()) {
				if v.Outcome == check.Unknown {
					if was[v.Check].Outcome != check.Unknown {
						outcome = "unknown, with the reason"
					}
					for _, e := range v.Evidence {
						if e.Got == "" {
							t.Errorf("%s: %s is unknown, and nothing says why", what, v.Check)
						}
					}
					continue
				}
				if diff := cmp.Diff(was[v.Check], v); diff != "" {
					t.Errorf("%s: %s is judged otherwise (-quiet +fault):\n%s", what, v.Check, diff)
				}
			}
			if len(f.Blind) == 0 {
				if diff := cmp.Diff(quiet, f); diff != "" {
					t.Errorf("%s: nothing is blind, and the facts differ:\n%s", what, diff)
				}
			}
			outcomes[outcome]++
			result.Add(string(fault), outcome)
		}
	}
	if len(quiet.Blind) > 0 || outcomes["unknown, with the reason"] == 0 || outcomes["as without the fault"] == 0 {
		t.Errorf("blind without a fault: %v; outcomes %v", quiet.Blind, outcomes)
	}
	result.Keep(t, "plugin/live", "R4")
}
