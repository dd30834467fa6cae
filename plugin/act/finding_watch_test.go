package act

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFinding_H5_WatchedBeside: pods of the release's other namespaces are watched as Cilium's own are, and so are those of
// Cilium's namespace that do not bear its label, where the release has some.
func TestFinding_H5_WatchedBeside(t *testing.T) {
	watching(t, func(t *testing.T, a *api, c *Cluster) {
		spire := func(name string) {
			a.put("/api/v1/namespaces/cilium-spire/pods/"+name, strings.Replace(podText(name, "u"), "kube-system", "cilium-spire", 1))
		}
		bare := func(name string) {
			a.put(podsPath+"/"+name, strings.Replace(podText(name, "u"), `"cilium"}`, `"store"}`, 1))
		}
		settle := func() {
			synctest.Wait()
			for changed(t, c, time.Minute) == 0 {
			}
		}
		spire("agent-1")
		bare("store-1")
		c.Beside([]string{"cilium-spire"})
		c.Beside([]string{"cilium-spire", "kube-system"})
		settle()
		if got := names(t, c); !slices.Equal(got, []string{"agent-1 u", "cilium-1 u1", "store-1 u"}) {
			t.Errorf("%q", got)
		}
		for what, change := range map[string]func(){"elsewhere": func() { spire("agent-2") }, "without the label": func() { bare("store-2") }} {
			change()
			synctest.Wait()
			if waited := changed(t, c, time.Minute); waited != 0 {
				t.Errorf("%s: seen after %s", what, waited)
			}
			settle()
		}
		if got := names(t, c); !slices.Equal(got, []string{"agent-1 u", "agent-2 u", "cilium-1 u1", "store-1 u", "store-2 u"}) {
			t.Errorf("%q", got)
		}
		if all := a.asked("GET /api/v1/namespaces/cilium-spire/pods"); len(all) > 3 { // tries to stream, lists, and watches
			t.Errorf("%d requests: %q", len(all), all)
		}
	})
}
