package facts_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func TestLevel(t *testing.T) {
	recorded := values.Tree{
		"tls": map[string]any{"ca": map[string]any{"key": facts.Redacted}}, "plain": "a", "password": facts.Redacted, "token": facts.Redacted,
		"list": []any{map[string]any{"password": facts.Redacted}}, "one": map[string]any{"password": facts.Redacted},
	}
	plain := values.Tree{
		"tls": map[string]any{"ca": map[string]any{"key": "canary"}}, "plain": "b", "password": "", "token": facts.Redacted,
		"list": []any{map[string]any{"password": "canary"}},
	}
	before := values.Coalesce(nil, plain)
	a, b, hidden := facts.Level(recorded, plain)
	slices.Sort(hidden)
	if diff := cmp.Diff([]values.Path{"list.0.password", "tls.ca.key", "token"}, hidden); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var paths []values.Path
	for _, d := range values.Diff(a, b) {
		paths = append(paths, d.Path)
	}
	if diff := cmp.Diff([]values.Path{"one", "password", "plain"}, paths); diff != "" {
		t.Errorf("differences -want +got:\n%s", diff)
	}
	if !values.Equal(map[string]any(before), map[string]any(plain)) {
		t.Error("an argument was changed")
	}
	if x, y, hidden := facts.Level(plain, plain); len(hidden) > 0 && hidden[0] != "token" || len(values.Diff(x, y)) > 0 {
		t.Errorf("what is known is compared: %v", hidden)
	}
}
