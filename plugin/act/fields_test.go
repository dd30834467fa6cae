package act

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

var (
	early     = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	late      = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	configRef = handover.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config"}
	handing   = handover.Action{Verb: handover.HandFields, Ref: releaseRef, Manager: "helm-controller", From: "helm", Objects: []handover.Ref{configRef}}
)

const configPath = "/api/v1/namespaces/kube-system/configmaps/cilium-config"

// owned is a managed fields entry: "helm Apply early {json}"
func owned(manager string, op metav1.ManagedFieldsOperationType, at time.Time, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: op, APIVersion: "v1", Time: &metav1.Time{Time: at},
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)},
	}
}

func with(e metav1.ManagedFieldsEntry, change func(*metav1.ManagedFieldsEntry)) metav1.ManagedFieldsEntry {
	change(&e)
	return e
}

const (
	apply0 = metav1.ManagedFieldsOperationApply
	update = metav1.ManagedFieldsOperationUpdate

	both     = `{"f:data":{"f:a":{},"f:b":{}}}`
	labelled = `{"f:data":{"f:a":{},"f:b":{}},"f:metadata":{"f:labels":{"f:helm.toolkit.fluxcd.io/name":{}}}}`
	onlyA    = `{"f:data":{"f:a":{}}}`
	onlyB    = `{"f:data":{"f:b":{}}}`
)

func TestHanded(t *testing.T) {
	for name, c := range map[string]struct{ before, after []metav1.ManagedFieldsEntry }{
		"all of it, and the older time": {
			[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, both), owned("helm-controller", apply0, late, labelled)},
			[]metav1.ManagedFieldsEntry{owned("helm-controller", apply0, early, labelled)},
		},
		"what was removed meanwhile stays with helm": {
			[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, both), owned("helm-controller", apply0, late, onlyA)},
			[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, onlyB), owned("helm-controller", apply0, early, onlyA)},
		},
		"a value that helm-controller set itself keeps the later time": {
			[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, onlyA), owned("helm-controller", apply0, late, both)},
			[]metav1.ManagedFieldsEntry{owned("helm-controller", apply0, late, both)},
		},
		"a time that is the older already stays": {
			[]metav1.ManagedFieldsEntry{owned("helm", apply0, late, both), owned("helm-controller", apply0, early, labelled)},
			[]metav1.ManagedFieldsEntry{owned("helm-controller", apply0, early, labelled)},
		},
		"who applied without a change has no time, and gets the giver's": {
			[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, both), with(owned("helm-controller", apply0, late, both), func(e *metav1.ManagedFieldsEntry) { e.Time = nil })},
			[]metav1.ManagedFieldsEntry{owned("helm-controller", apply0, early, both)},
		},
		"others are left alone": {
			[]metav1.ManagedFieldsEntry{owned("kubectl-edit", update, late, onlyA), owned("helm", apply0, early, both), owned("helm-controller", apply0, late, both)},
			[]metav1.ManagedFieldsEntry{owned("kubectl-edit", update, late, onlyA), owned("helm-controller", apply0, early, both)},
		},
		"updates are not applied": {
			[]metav1.ManagedFieldsEntry{owned("helm", update, early, both), owned("helm-controller", apply0, late, both)}, nil,
		},
		"status is not applied": {
			[]metav1.ManagedFieldsEntry{with(owned("helm", apply0, early, both), func(e *metav1.ManagedFieldsEntry) { e.Subresource = "status" }), owned("helm-controller", apply0, late, both)}, nil,
		},
		"another version's paths are others": {
			[]metav1.ManagedFieldsEntry{with(owned("helm", apply0, early, both), func(e *metav1.ManagedFieldsEntry) { e.APIVersion = "v1beta1" }), owned("helm-controller", apply0, late, both)}, nil,
		},
		"nothing in common": {[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, onlyA), owned("helm-controller", apply0, late, onlyB)}, nil},
		"helm alone":        {[]metav1.ManagedFieldsEntry{owned("helm", apply0, early, both)}, nil},
		"nobody":            {nil, nil},
	} {
		given := slices.Clone(c.before)
		got, changed, err := handed(c.before, "helm", "helm-controller")
		want := c.after
		if want == nil {
			want = c.before
		}
		if err != nil || changed != (c.after != nil) {
			t.Errorf("%s: changed %t, %v", name, changed, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if diff := cmp.Diff(given, c.before); diff != "" {
			t.Errorf("%s: what was given has changed:\n%s", name, diff)
		}
		if again, changed, err := handed(got, "helm", "helm-controller"); changed || err != nil {
			t.Errorf("%s: a second time changes %v, %v", name, again, err)
		}
	}
	broken := []metav1.ManagedFieldsEntry{owned("helm", apply0, early, `{"x":`), owned("helm-controller", apply0, late, both)}
	if _, _, err := handed(broken, "helm", "helm-controller"); err == nil {
		t.Error("broken fields are taken for none")
	}
}

func configMap(entries ...metav1.ManagedFieldsEntry) string {
	text, _ := json.Marshal(metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "cilium-config", ManagedFields: entries},
	})
	return string(text)
}

func TestHandFields(t *testing.T) {
	a := newAPI()
	a.put(configPath, configMap(owned("helm", apply0, early, both), owned("helm-controller", apply0, late, labelled)))
	crowded := 2
	a.before = func(r request) *http.Response { // a controller writes between our looks and our writes
		if r.method == http.MethodPatch && crowded > 0 {
			crowded--
			a.put(configPath, configMap(owned("helm", apply0, early, both), owned("helm-controller", apply0, late, labelled), owned("someone", update, late, onlyA)))
		}
		return nil
	}
	c := open(t, a)
	absent := configRef
	absent.Name = "absent"
	action := handing
	action.Objects = []handover.Ref{absent, configRef}
	for turn, want := range []int{3, 0} {
		before := len(a.writes())
		if err := c.Do(t.Context(), action); err != nil {
			t.Fatal(err)
		}
		if got := len(a.writes()) - before; got != want {
			t.Errorf("turn %d: %d writes, want %d", turn, got, want)
		}
	}
	owners, err := c.Fields(t.Context(), []handover.Ref{configRef})
	want := []facts.FieldOwners{{Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config", Managers: []string{"helm-controller (Apply)", "someone (Update)"}}}
	if diff := cmp.Diff(want, owners); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, r := range a.asked("PATCH") {
		if r != "PATCH "+configPath {
			t.Errorf("it wrote %s", r)
		}
	}
}

// TestHandFieldsCrowded gives up when it is never quick enough, and says what it could not do; the other object is
// handed over nevertheless.
func TestHandFieldsCrowded(t *testing.T) {
	a := newAPI()
	other := strings.Replace(configPath, "cilium-config", "other", 1)
	mine := configMap(owned("helm", apply0, early, both), owned("helm-controller", apply0, late, both))
	a.put(configPath, mine)
	a.put(other, strings.Replace(mine, "cilium-config", "other", 1))
	a.before = func(r request) *http.Response {
		if r.method == http.MethodPatch && r.path == configPath {
			a.put(configPath, mine)
		}
		return nil
	}
	action := handing
	action.Objects = []handover.Ref{configRef, {APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "other"}}
	err := open(t, a).Do(t.Context(), action)
	if got := told(err); !strings.HasPrefix(got, "conflict: hand over fields of ConfigMap/kube-system/cilium-config: somebody else changed it meanwhile") {
		t.Errorf("%q", got)
	}
	if text, _ := json.Marshal(a.object(other)); strings.Contains(string(text), `"helm"`) {
		t.Errorf("the other was not handed over: %s", text)
	}
}

func TestFields(t *testing.T) {
	a := newAPI()
	a.put(configPath, configMap(owned("helm", apply0, early, both), owned("helm-controller", apply0, late, onlyA),
		with(owned("cilium-agent", update, late, onlyA), func(e *metav1.ManagedFieldsEntry) { e.Subresource = "status" }), owned("kube\x1bctl", update, late, onlyA)))
	c := open(t, a)
	got, err := c.Fields(t.Context(), []handover.Ref{{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "absent"}, configRef})
	want := []facts.FieldOwners{{
		Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config",
		Managers: []string{"helm (Apply)", "helm-controller (Apply)", `kube\x1bctl (Update)`}, Shared: 1, Left: 1,
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	a.before = func(request) *http.Response {
		return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `configmaps is forbidden: User "me" cannot get resource "configmaps"`)
	}
	if got, err := c.Fields(t.Context(), []handover.Ref{configRef}); got != nil || err == nil || !strings.Contains(err.Error(), "cannot get resource") {
		t.Errorf("%v, %v", got, err)
	}
}
