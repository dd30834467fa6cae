package impact

import (
	"slices"
	"strings"
)

// nothing holds of what the API server drops, or adds by itself: then it makes no difference whether it is declared.
// What it keeps is another object: an empty struct behind a pointer, such as a container's securityContext: {}.
func (w walker) nothing(at place, v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0 && !w.keepsEmpty(at)
	case []any:
		return len(v) == 0 && !w.keepsAll(at)
	case string:
		return v == "" && !w.keepsAll(at)
	}
	return false
}

// keepsAll tells the fields of custom resources: the API server knows no type of theirs and keeps what is declared.
func (w walker) keepsAll(at place) bool {
	return w.custom && len(at.owned) > 0 && at.owned[0] != "f:metadata"
}

func (w walker) keepsEmpty(at place) bool {
	if w.keepsAll(at) {
		return true
	}
	path, inTemplate := belowTemplate(at.owned)
	return inTemplate && KeepsEmpty(path)
}

// belowTemplate is the part of a path that is below a pod template, in the words of JSON and without the items of lists:
// "spec.containers.securityContext". It is false outside pod templates.
func belowTemplate(owned []string) (string, bool) {
	for _, prefix := range [][]string{{"f:spec", "f:template"}, {"f:spec", "f:jobTemplate", "f:spec", "f:template"}} {
		if len(owned) < len(prefix) || !slices.Equal(owned[:len(prefix)], prefix) {
			continue
		}
		var names []string
		for _, part := range owned[len(prefix):] {
			if name, field := strings.CutPrefix(part, "f:"); field {
				names = append(names, name)
			}
		}
		return strings.Join(names, "."), true
	}
	return "", false
}

// dropped are the fields of pod templates that are maps, which are dropped when they are empty, or structs without a
// pointer, which are always there. All other structs of pod templates stand behind a pointer.
var dropped = []string{
	"metadata", "labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "overhead", "options",
	"volumeAttributes", "userAnnotations", "preference", "podAffinityTerm", "port", "resources",
}

// KeepsEmpty tells whether the API server keeps {} in that field of a pod template, "spec.containers.securityContext".
// A pod's own securityContext is {} by default.
func KeepsEmpty(path string) bool {
	switch path {
	case "", "spec", "spec.securityContext", "spec.volumes.ephemeral.volumeClaimTemplate.spec":
		return false
	case "spec.resources": // of the pod: behind a pointer, unlike a container's
		return true
	}
	return !slices.Contains(dropped, path[strings.LastIndex(path, ".")+1:])
}

// whole is a volume of a pod template as the API server has it: without a source it is an emptyDir.
func whole(at place, v map[string]any) map[string]any {
	if path, ok := belowTemplate(at.owned); !ok || path != "spec.volumes" || len(v) != 1 || v["name"] == nil {
		return v
	}
	return map[string]any{"name": v["name"], "emptyDir": map[string]any{}}
}
