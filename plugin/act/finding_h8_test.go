package act

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestFinding_H8_SuspendedInARace: a controller that writes between our look and our write does not keep an object from
// being suspended, nor the suspension from being ours.
func TestFinding_H8_SuspendedInARace(t *testing.T) {
	for name, spec := range map[string]string{"active": `"a":1`, "suspended by somebody else": `"a":1,"suspend":true`} {
		server := newAPI()
		object := func() string {
			fields := `[{"manager":"kubectl-patch","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:suspend":{}}}}]`
			return strings.Replace(helmRelease(spec), `"name":"cilium"`, `"name":"cilium","managedFields":`+fields, 1)
		}
		server.put(releasePath, object())
		races := 3
		server.before = func(r request) *http.Response {
			if r.method != http.MethodGet && races > 0 {
				races--
				server.put(releasePath, object())
			}
			return nil
		}
		a := handover.Action{Verb: handover.Suspend, Ref: releaseRef, Manager: "flux"}
		if err := open(t, server).Do(t.Context(), a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if is, _ := server.object(releasePath)["spec"].(map[string]any)["suspend"].(bool); !is || races > 0 {
			t.Errorf("%s: suspended %t, %d races left", name, is, races)
		}
	}
}
