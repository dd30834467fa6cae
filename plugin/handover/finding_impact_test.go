package handover_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// changing has the adoption make after of an object that lives as before.
func changing(before, after facts.Object) func(*handover.Input) {
	return func(in *handover.Input) {
		r := in.Facts.Rendered
		keep := func(o facts.Object) bool { return o.Key() == before.Key() }
		for _, list := range []*[]facts.Object{&r.Before, &r.Live} {
			*list = append(slices.DeleteFunc(slices.Clone(*list), keep), before)
		}
		r.After = append(slices.DeleteFunc(slices.Clone(r.After), keep), after)
	}
}

func made(apiVersion, kind, namespace, name string, body values.Tree) facts.Object {
	return facts.Object{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name, Body: body}
}

// agentWith is the agents' DaemonSet with environment variables in that order.
func agentWith(names ...string) facts.Object {
	var env []any
	for _, name := range names {
		env = append(env, map[string]any{"name": name, "value": "1"})
	}
	container := map[string]any{"name": "cilium-agent", "env": env}
	return made("apps/v1", "DaemonSet", "kube-system", "cilium", values.Tree{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	})
}

func configWith(more values.Tree) facts.Object {
	body := values.Tree{"data": map[string]any{"a": "b"}}
	for key, v := range more {
		body[key] = v
	}
	return made("v1", "ConfigMap", "kube-system", "cilium-config", body)
}

func claims(size string) facts.Object {
	claim := map[string]any{"metadata": map[string]any{"name": "data"}, "spec": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": size}}}}
	return made("apps/v1", "StatefulSet", "cilium-spire", "spire-server", values.Tree{"spec": map[string]any{"volumeClaimTemplates": []any{claim}}})
}

func TestFinding_C3_L27_Refused(t *testing.T) {
	for name, c := range map[string]struct {
		before, after facts.Object
		allow         string // what accepts it; empty: nothing does
		id, got       string
	}{
		"C3 env in another order":     {agentWith("A", "B"), agentWith("B", "A"), "DaemonSet/cilium", "HP301", "replaced"},
		"L27 binaryData":              {configWith(nil), configWith(values.Tree{"binaryData": map[string]any{"x": "AA=="}}), "ConfigMap/cilium-config", "HP303", "binaryData"},
		"L27 immutable and a key":     {configWith(nil), configWith(values.Tree{"immutable": true, "data": map[string]any{"a": "c"}}), "ConfigMap/cilium-config", "HP303", "a, immutable"},
		"L27 immutable alone":         {configWith(nil), configWith(values.Tree{"immutable": true}), "ConfigMap/cilium-config", "HP305", "1 field changed"},
		"an immutable field":          {claims("1Gi"), claims("2Gi"), "", "HP306", "spec.volumeClaimTemplates[0].spec.resources.requests.storage"},
		"a key of a sealed ConfigMap": {configWith(values.Tree{"immutable": true}), configWith(values.Tree{"immutable": true, "data": map[string]any{"a": "c"}}), "", "HP306", "data.a"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t)
			m.spoil = changing(c.before, c.after)
			p := handover.Make(m.input())
			r := refusal(p, c.id)
			if p.Ready || p.Impact.Summary.Quiet() || r == nil || !strings.Contains(r.Evidence[0].Got, c.got) {
				t.Errorf("ready %t, quiet %t, refusals %+v", p.Ready, p.Impact.Summary.Quiet(), p.Refusals)
			}
			m.allow = []string{"DaemonSet/cilium", "ConfigMap/cilium-config", "StatefulSet/spire-server"}
			if p = handover.Make(m.input()); p.Ready != (c.allow != "") {
				t.Errorf("accepted: ready %t, refusals %+v", p.Ready, p.Refusals)
			}
		})
	}
}

// TestFinding_H5_RollbackThatWouldFail: going back is refused as well where the API server would refuse it.
func TestFinding_H5_RollbackThatWouldFail(t *testing.T) {
	m := finished(t)
	in := m.undoing(journal(t, m))
	spoiled := handover.Input{Facts: facts.Facts{Rendered: in.Rendered}}
	changing(claims("2Gi"), claims("1Gi"))(&spoiled)
	in.Allow = []string{"StatefulSet/spire-server"}
	p := handover.UndoHandover(in)
	if r := refusal(p, "HP307"); p.Ready || r == nil || !strings.Contains(r.Evidence[0].Got, "volumeClaimTemplates") {
		t.Errorf("ready %t, refusals %+v", p.Ready, p.Refusals)
	}
}
