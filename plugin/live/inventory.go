package live

import (
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// inventory is a Kustomization's status.inventory as "Kind/namespace/name" (no namespace: "Kind//name"), and how many
// entries were left out. Flux's own objects are the last to be left out: what applies them is what is asked.
func inventory(entries []kustomizev1.ResourceRef) (kept []string, omitted int) {
	var others []string
	for _, e := range entries {
		name, group, ok := inventoryEntry(e.ID)
		switch {
		case !ok:
			omitted++
		case strings.HasSuffix(group, ".toolkit.fluxcd.io"):
			kept = append(kept, name)
		default:
			others = append(others, name)
		}
	}
	slices.Sort(kept)
	slices.Sort(others)
	kept = append(kept, others...)
	if over := len(kept) - facts.MaxInventory; over > 0 {
		kept, omitted = kept[:facts.MaxInventory], omitted+over
	}
	slices.Sort(kept)
	return kept, omitted
}

// inventoryEntry reads an entry's id, "namespace_name_group_Kind". A colon of a name is two underscores there.
func inventoryEntry(id string) (name, group string, ok bool) {
	namespace, rest, ok := strings.Cut(id, "_")
	if !ok {
		return "", "", false
	}
	i := strings.LastIndex(rest, "_")
	if i < 0 {
		return "", "", false
	}
	rest, kind := rest[:i], rest[i+1:]
	if i = strings.LastIndex(rest, "_"); i < 0 || kind == "" {
		return "", "", false
	}
	return kind + "/" + namespace + "/" + strings.ReplaceAll(rest[:i], "__", ":"), rest[i+1:], true
}
