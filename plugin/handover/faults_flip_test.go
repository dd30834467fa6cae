package handover_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestFault_R22_FlippedBack: another manager sets spec.suspend of the HelmRelease, to either value, once or again and again,
// from each request of a run on. The run ends as if undisturbed, or stops and names that manager. It never ends well while
// what it placed is taken back.
func TestFault_R22_FlippedBack(t *testing.T) {
	const other = "argocd-controller"
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	var result faultproxy.Result
	defer result.Keep(t, "plugin/handover", "R22")
	least := map[bool]map[bool]int{true: {true: 45, false: 14}, false: {true: 28, false: 4}} // suspend -> always -> stopped so often, at least
	for _, suspend := range []bool{true, false} {
		for _, always := range []bool{true, false} {
			stopped := 0
			for n := range quiet.requests {
				m := newModel(t)
				m.fault = func(i int, _ string) fault {
					if hr := m.objects[releaseRef]; hr != nil && (i == n || always && i > n) && hr.Suspend != suspend {
						hr.Suspend, hr.By = suspend, other
					}
					return none
				}
				err := m.run(t)
				at := fmt.Sprintf("spec.suspend: %t, always: %t, from request %d", suspend, always, n)
				if len(m.naked) > 0 || m.upgrades > 1 || m.installs > 0 {
					t.Errorf("%s: %v", at, m.naked)
				}
				injected := fmt.Sprintf("suspend: %t, %s", suspend, map[bool]string{true: "again and again", false: "once"}[always])
				hr := m.objects[releaseRef]
				if err == nil {
					result.Add(injected, "the run ends as an undisturbed one")
					if hr.Suspend && n < quiet.requests-3 { // nobody looks at the last that is written
						t.Errorf("%s: it ended well, and the HelmRelease is suspended", at)
					}
					continue
				}
				stopped++
				result.Add(injected, "the run stops and names the manager")
				var stop *handover.Stop
				if !errors.As(err, &stop) || !strings.Contains(stop.Reason, other) {
					t.Errorf("%s: %v", at, err)
				}
			}
			if stopped < least[suspend][always] {
				t.Errorf("spec.suspend: %t, always: %t: stopped %d times", suspend, always, stopped)
			}
		}
	}
}
