package impact

import (
	"encoding/json"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// fluxManager is the name by which helm-controller applies.
const fluxManager = "helm-controller"

// ownedKey is how managedFields writes the key of a list's item.
func ownedKey(key map[string]any) string {
	text, _ := json.Marshal(key)
	return "k:" + string(text)
}

// keeper is who besides helm-controller owns a field of a live object, so that applying without it does not remove
// it; "" where nobody does.
func keeper(o facts.Object, path []string) string {
	for _, owner := range o.Owners {
		if owner.Manager != fluxManager && owns(owner.Fields, path) {
			return owner.Manager
		}
	}
	return ""
}

// owns tells whether fields have path, or something below it.
func owns(fields map[string]any, path []string) bool {
	at := fields
	for _, key := range path {
		next, ok := find(at, key)
		if !ok {
			return false
		}
		at = next
	}
	return true
}

func find(fields map[string]any, key string) (map[string]any, bool) {
	if v, ok := fields[key]; ok {
		m, _ := v.(map[string]any)
		return m, true
	}
	text, ok := strings.CutPrefix(key, "k:")
	if !ok {
		return nil, false
	}
	for have, v := range fields {
		if other, isKey := strings.CutPrefix(have, "k:"); isKey && sameJSON(text, other) {
			m, _ := v.(map[string]any)
			return m, true
		}
	}
	return nil, false
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && values.Equal(x, y)
}
