package act

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestFollow: each change of a journal is told of, once nobody has taken the last token; where the watch is forbidden it
// says so.
func TestFollow(t *testing.T) {
	const path = "/api/v1/namespaces/flux-system/configmaps/"
	journal := func(name, run string) string {
		return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"flux-system","name":"` + name + `"},"data":{"run":"` + run + `"}}`
	}
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		fresh := make(chan struct{}, 1)
		broken := open(t, a).Follow(fresh)
		told := func() bool {
			synctest.Wait()
			select {
			case <-fresh:
				return true
			default:
				return false
			}
		}
		for told() { // what the beginning told of
		}
		for _, name := range []string{Name, handover.DrillJournalName} {
			for _, run := range []string{"1", "2"} {
				a.put(path+name, journal(name, run))
				if !told() || told() {
					t.Errorf("%s, run %s: not told of, or twice", name, run)
				}
			}
		}
		if err := broken(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.before = func(request) *http.Response {
			return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `configmaps is forbidden: User "me" cannot list resource "configmaps"`)
		}
		broken := open(t, a).Follow(make(chan struct{}, 1))
		synctest.Wait()
		if err := broken(); err == nil || !strings.Contains(err.Error(), "cannot list resource") {
			t.Errorf("%v", err)
		}
	})
}
