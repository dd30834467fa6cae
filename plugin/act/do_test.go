package act

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const (
	releasePath = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/kube-system/helmreleases/cilium"
	canary      = "c4n4ry-hunter2"
)

var (
	releaseRef = handover.Ref{APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}
	yes, no    = true, false
)

// helmRelease is one in JSON; spec is the inside of its spec.
func helmRelease(spec string) string {
	return `{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"namespace":"kube-system","name":"cilium"},"spec":{` + spec + `}}`
}

func applying(body string, change ...func(*handover.Action)) handover.Action {
	sum := sha256.Sum256([]byte(body))
	a := handover.Action{Verb: handover.Apply, Ref: releaseRef, Manager: "kustomize-controller", Body: json.RawMessage(body), Digest: hex.EncodeToString(sum[:])}
	for _, f := range change {
		f(&a)
	}
	return a
}

// TestDo takes each action on each object that it may meet, and then once more.
func TestDo(t *testing.T) {
	absent := func(a *handover.Action) { a.Absent = true }
	wants := func(b *bool) func(*handover.Action) { return func(a *handover.Action) { a.Suspended = b } }
	suspend := handover.Action{Verb: handover.Suspend, Ref: releaseRef, Manager: "flux"}
	resume := handover.Action{Verb: handover.Resume, Ref: releaseRef, Manager: "flux"}
	release := handover.Action{Verb: handover.Release, Ref: releaseRef}
	ifHeld := resume
	ifHeld.Suspended = &yes
	for name, c := range map[string]struct {
		before string
		action handover.Action
		writes string // of the first time: "PATCH apply-patch+yaml fieldManager=flux&force=true"
		again  int    // how many writes the second time makes
		after  string // spec, or "gone"
		err    string
	}{
		"apply creates":           {"", applying(helmRelease(`"a":1`)), "PATCH apply-patch+yaml fieldManager=kustomize-controller&force=true", 1, `{"a":1}`, ""},
		"apply changes":           {helmRelease(`"a":0,"suspend":true`), applying(helmRelease(`"a":1`)), "PATCH apply-patch+yaml fieldManager=kustomize-controller&force=true", 1, `{"a":1,"suspend":true}`, ""},
		"apply if absent creates": {"", applying(helmRelease(`"a":1`), absent), "PATCH apply-patch+yaml fieldManager=kustomize-controller&force=false", 0, `{"a":1}`, ""},
		"apply if absent leaves":  {helmRelease(`"a":0`), applying(helmRelease(`"a":1`), absent), "", 0, `{"a":0}`, ""},
		"apply if held":           {helmRelease(`"a":0,"suspend":true`), applying(helmRelease(`"a":1`), wants(&yes)), "PATCH apply-patch+yaml fieldManager=kustomize-controller&force=true", 1, `{"a":1,"suspend":true}`, ""},
		"apply if held, is not":   {helmRelease(`"a":0`), applying(helmRelease(`"a":1`), wants(&yes)), "", 0, `{"a":0}`, "conflict: apply HelmRelease/kube-system/cilium: spec.suspend is false, and it has to be true; look at it: kubectl --context infra -n kube-system get helmrelease.helm.toolkit.fluxcd.io/cilium -o yaml"},
		"apply if held, is gone":  {"", applying(helmRelease(`"a":1`), wants(&yes)), "", 0, "gone", "conflict: apply HelmRelease/kube-system/cilium: it does not exist"},
		"suspend":                 {helmRelease(`"a":0`), suspend, "PATCH merge-patch+json fieldManager=flux", 0, `{"a":0,"suspend":true}`, ""},
		"suspend a suspended one": {helmRelease(`"suspend":true`), suspend, "", 0, `{"suspend":true}`, ""},
		"suspend nothing":         {"", suspend, "", 0, "gone", "conflict: suspend HelmRelease/kube-system/cilium: it does not exist"},
		"resume":                  {helmRelease(`"a":0,"suspend":true`), resume, "PATCH merge-patch+json fieldManager=flux", 0, `{"a":0}`, ""},
		"resume what says false":  {helmRelease(`"a":0,"suspend":false`), resume, "PATCH merge-patch+json fieldManager=flux", 0, `{"a":0}`, ""},
		"resume a running one":    {helmRelease(`"a":0`), resume, "", 0, `{"a":0}`, ""},
		"resume if held, is not":  {helmRelease(`"a":0`), ifHeld, "", 0, `{"a":0}`, "conflict: resume HelmRelease/kube-system/cilium: spec.suspend is false"},
		"release":                 {helmRelease(`"suspend":true`), release, "DELETE json ", 0, "gone", ""},
		"release nothing":         {"", release, "", 0, "gone", ""},
		"release a running one":   {helmRelease(`"a":0`), release, "", 0, `{"a":0}`, "conflict: release HelmRelease/kube-system/cilium: it is not suspended: deleting it would uninstall what it manages"},
		"release of no Flux kind": {"", handover.Action{Verb: handover.Release, Ref: handover.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium"}}, "", 0, "gone", "release DaemonSet/kube-system/cilium: only objects of Flux"},
		"another body":            {"", applying(helmRelease(`"a":1`), func(a *handover.Action) { a.Digest = "0" }), "", 0, "gone", "apply HelmRelease/kube-system/cilium: what there is to apply is not what was planned; plan again: flux handover plan"},
		"no body":                 {"", applying(helmRelease(`"a":1`), func(a *handover.Action) { a.Body = nil }), "", 0, "gone", "is not what was planned"},
		"a body of another":       {"", applying(strings.Replace(helmRelease(""), "cilium", "calico", 1)), "", 0, "gone", "what there is to apply is HelmRelease/kube-system/calico"},
		"a verb nobody knows":     {"", handover.Action{Verb: "uninstall", Ref: releaseRef}, "", 0, "gone", `nobody knows how to "uninstall"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			if c.before != "" {
				a.put(releasePath, c.before)
			}
			cluster := open(t, a)
			for turn, want := range []int{len(strings.Fields(c.writes)) / 2, c.again} {
				before := len(a.writes())
				err := cluster.Do(t.Context(), c.action)
				if got := told(err); !strings.HasPrefix(got, c.err) && !strings.Contains(got, c.err) || c.err == "" && err != nil {
					t.Errorf("turn %d: error %q, want %q", turn, got, c.err)
				}
				if got := len(a.writes()) - before; got != want {
					t.Errorf("turn %d: %d writes, want %d: %v", turn, got, want, a.writes())
				}
			}
			if all := a.writes(); c.writes != "" {
				w := all[0]
				got := w.method + " " + strings.TrimPrefix(w.kind, "application/") + " " + w.query
				if got != c.writes || w.path != releasePath {
					t.Errorf("wrote %s %s, want %s", got, w.path, c.writes)
				}
			}
			got := "gone"
			if o := a.object(releasePath); o != nil {
				text, _ := json.Marshal(o["spec"])
				got = string(text)
			}
			if got != c.after {
				t.Errorf("spec is %s, want %s", got, c.after)
			}
		})
	}
}

// TestSuspendLasts: what somebody else has suspended is suspended by us as well, once, so that it stays when theirs is
// taken back.
func TestSuspendLasts(t *testing.T) {
	const says = `{"f:spec":{"f:suspend":{}}}`
	for name, c := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		"by kubectl":      {[]metav1.ManagedFieldsEntry{owned("kubectl-patch", update, early, says)}, "PATCH application/apply-patch+yaml fieldManager=flux&force=true"},
		"by flux already": {[]metav1.ManagedFieldsEntry{owned("kubectl-patch", update, early, says), owned("flux", update, early, says)}, ""},
		"flux has another field": {
			[]metav1.ManagedFieldsEntry{owned("kubectl-patch", update, early, says), owned("flux", update, early, `{"f:metadata":{"f:annotations":{"f:a":{}}}}`)},
			"PATCH application/apply-patch+yaml fieldManager=flux&force=true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			fields, err := json.Marshal(c.entries)
			if err != nil {
				t.Fatal(err)
			}
			a.put(releasePath, strings.Replace(helmRelease(`"a":0,"suspend":true`), `"name":"cilium"`, `"name":"cilium","managedFields":`+string(fields), 1))
			if err := open(t, a).Do(t.Context(), handover.Action{Verb: handover.Suspend, Ref: releaseRef, Manager: "flux"}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range a.writes() {
				got = append(got, w.method+" "+w.kind+" "+w.query)
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("wrote %q, want %q", got, c.want)
			}
		})
	}
}

func told(err error) string {
	if errors.Is(err, handover.ErrConflict) {
		return "conflict: " + err.Error()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestFault_R08_Conflict has somebody resume the object between our look and our write: nothing is written then.
func TestFault_R08_Conflict(t *testing.T) {
	var result faultproxy.Result
	for verb, a := range map[string]handover.Action{
		"apply":     applying(helmRelease(`"a":1`), func(a *handover.Action) { a.Suspended = &yes }),
		"resume":    {Verb: handover.Resume, Ref: releaseRef, Manager: "flux"},
		"reconcile": {Verb: handover.Reconcile, Ref: releaseRef, Suspended: &yes},
		"release":   {Verb: handover.Release, Ref: releaseRef},
	} {
		server := newAPI()
		server.put(releasePath, helmRelease(`"suspend":true`))
		if err := open(t, server).Do(t.Context(), a); err != nil || len(server.writes()) == 0 {
			t.Fatalf("%s, undisturbed: %v, wrote %v", verb, err, server.writes())
		}
		server = newAPI()
		server.put(releasePath, helmRelease(`"suspend":true`))
		server.before = func(r request) *http.Response {
			if r.method != http.MethodGet {
				server.put(releasePath, helmRelease(`"b":2`))
			}
			return nil
		}
		err := open(t, server).Do(t.Context(), a)
		if !errors.Is(err, handover.ErrConflict) {
			t.Errorf("%s: %v", verb, err)
		}
		if got := fmt.Sprint(server.object(releasePath)["spec"]); got != "map[b:2]" {
			t.Errorf("%s: it wrote %s", verb, got)
		}
		result.Add("somebody writes before our "+verb, "a conflict, nothing is written")
	}
	result.Keep(t, "plugin/act", "R8")
}

// TestReleaseOrphans: what an object of Flux's manages is orphaned with it, and only the object that was looked at goes.
func TestReleaseOrphans(t *testing.T) {
	a := newAPI()
	a.put(releasePath, helmRelease(`"suspend":true`))
	if err := open(t, a).Do(t.Context(), handover.Action{Verb: handover.Release, Ref: releaseRef}); err != nil {
		t.Fatal(err)
	}
	w := a.writes()
	if len(w) != 1 || w[0].method != http.MethodDelete {
		t.Fatalf("wrote %v", w)
	}
	var asked metav1.DeleteOptions
	if err := json.Unmarshal([]byte(w[0].body), &asked); err != nil {
		t.Fatal(err)
	}
	if asked.PropagationPolicy == nil || *asked.PropagationPolicy != metav1.DeletePropagationOrphan {
		t.Errorf("asked for %s", w[0].body)
	}
	if c := asked.Preconditions; c == nil || c.UID == nil || c.ResourceVersion == nil {
		t.Errorf("asked for %s", w[0].body)
	}
}

func TestReconcile(t *testing.T) {
	a := newAPI()
	a.put(releasePath, helmRelease(`"a":1`))
	c := open(t, a)
	if err := c.Do(t.Context(), handover.Action{Verb: handover.Reconcile, Ref: releaseRef, Suspended: &no}); err != nil {
		t.Fatal(err)
	}
	meta := a.object(releasePath)["metadata"].(map[string]any)
	if at, _ := meta["annotations"].(map[string]any)["reconcile.fluxcd.io/requestedAt"].(string); !strings.HasPrefix(at, "20") || !strings.HasSuffix(at, "Z") {
		t.Errorf("%v", meta)
	}
	if w := a.writes(); len(w) != 1 || w[0].query != "fieldManager=flux" {
		t.Errorf("%v", w)
	}
	a.remove(releasePath)
	if err := c.Do(t.Context(), handover.Action{Verb: handover.Reconcile, Ref: releaseRef}); !errors.Is(err, handover.ErrConflict) {
		t.Errorf("of nothing: %v", err)
	}
}

func TestImage(t *testing.T) {
	a := newAPI()
	c := open(t, a)
	if image, err := c.Image(t.Context(), releaseRef); image != nil || err != nil {
		t.Errorf("of nothing: %s, %v", image, err)
	}
	a.put(releasePath, helmRelease(`"a":1`))
	image, err := c.Image(t.Context(), releaseRef)
	if err != nil || !strings.Contains(string(image), `"spec":{"a":1}`) {
		t.Errorf("%s, %v", image, err)
	}
	if all := a.asked("GET"); !slices.Equal(all, []string{"GET " + releasePath, "GET " + releasePath}) {
		t.Errorf("%q", all) // nothing is discovered
	}
}

// TestKindsUnforeseen looks up a kind once, and only what the table lacks.
func TestKindsUnforeseen(t *testing.T) {
	a := newAPI()
	a.before = func(r request) *http.Response {
		if r.path != "/apis/cilium.io/v2alpha1" {
			return nil
		}
		return answered(http.StatusOK, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "cilium.io/v2alpha1",
			APIResources: []metav1.APIResource{{Name: "widgets/status", Kind: "Widget"}, {Name: "widgets", Kind: "Widget"}},
		})
	}
	c := open(t, a)
	ref := handover.Ref{APIVersion: "cilium.io/v2alpha1", Kind: "Widget", Name: "w"}
	for range 2 {
		if _, err := c.Image(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if all := a.asked("GET /apis/cilium.io/v2alpha1"); !slices.Equal(all, []string{"GET /apis/cilium.io/v2alpha1", "GET /apis/cilium.io/v2alpha1/widgets/w", "GET /apis/cilium.io/v2alpha1/widgets/w"}) {
		t.Errorf("%q", all)
	}
	ref.Kind = "Gadget"
	if _, err := c.Image(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "does not serve kind Gadget") {
		t.Errorf("%v", err)
	}
}

// TestErrors holds what is said of errors: which kind, which object, which command; and no value.
func TestErrors(t *testing.T) {
	forbidden := refusal(http.StatusForbidden, metav1.StatusReasonForbidden, `helmreleases is forbidden: User "me" cannot patch resource "helmreleases"`)
	for name, c := range map[string]struct {
		answer   func() *http.Response
		want     string
		conflict bool
	}{
		"forbidden":    {forbidden, `apply HelmRelease/kube-system/cilium: forbidden: User "me" cannot patch resource "helmreleases"; ask: kubectl --context infra -n kube-system auth can-i patch helmrelease.helm.toolkit.fluxcd.io/cilium`, false},
		"unauthorized": {refusal(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "x"), "unauthorized: the API server does not accept the credentials of this context; see whether", false},
		"conflict":     {refusal(http.StatusConflict, metav1.StatusReasonConflict, "x"), "somebody else changed it meanwhile; look at it", true},
		"invalid": {func() *http.Response {
			return answered(http.StatusUnprocessableEntity, metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity, Message: "Invalid value: " + canary,
				Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeFieldValueInvalid, Field: "spec.values", Message: canary}}},
			})
		}, "the API server does not accept it: spec.values (FieldValueInvalid); look at it", false},
		"escapes": {refusal(http.StatusBadRequest, metav1.StatusReasonBadRequest, "\x1b[31m token=\u202e"), `\x1b[31m`, false},
	} {
		a := newAPI()
		a.before = func(r request) *http.Response {
			if r.method == http.MethodPatch {
				return c.answer()
			}
			return nil
		}
		err := open(t, a).Do(t.Context(), applying(helmRelease(`"values":"`+canary+`"`)))
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, handover.ErrConflict) != c.conflict {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\u202e") || strings.Contains(fmt.Sprint(err), canary) {
			t.Errorf("%s: what must not be said: %q", name, err)
		}
	}
}

func refusal(code int, why metav1.StatusReason, text string) func() *http.Response {
	return func() *http.Response { return refuse(code, why, text) }
}

// TestRetries repeats reads whose failure may pass, within bounds, and writes never.
func TestRetries(t *testing.T) {
	busy := refusal(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "busy")
	for name, c := range map[string]struct {
		answer func() *http.Response
		times  int // how often it fails
		asked  int
		err    string
	}{
		"busy twice":     {busy, 2, 3, ""},
		"busy for ever":  {busy, 1000, 5, "read HelmRelease/kube-system/cilium: busy; see whether the cluster answers"},
		"forbidden":      {refusal(http.StatusForbidden, metav1.StatusReasonForbidden, `User "me" cannot`), 1000, 1, "forbidden"},
		"no such object": {refusal(http.StatusNotFound, metav1.StatusReasonNotFound, "x"), 1000, 1, ""},
	} {
		a := newAPI()
		a.put(releasePath, helmRelease(`"a":1`))
		left := c.times
		a.before = func(request) *http.Response {
			if left--; left >= 0 {
				return c.answer()
			}
			return nil
		}
		_, err := open(t, a).Image(t.Context(), releaseRef)
		if got := len(a.asked("GET")); got != c.asked || !strings.Contains(fmt.Sprint(err), c.err) || c.err == "" && err != nil {
			t.Errorf("%s: asked %d times, want %d; %v", name, got, c.asked, err)
		}
	}
	a := newAPI()
	a.put(releasePath, helmRelease(`"a":1`))
	a.before = func(r request) *http.Response {
		if r.method == http.MethodPatch {
			return busy()
		}
		return nil
	}
	if err := open(t, a).Do(t.Context(), handover.Action{Verb: handover.Suspend, Ref: releaseRef, Manager: "flux"}); err == nil || len(a.writes()) != 1 {
		t.Errorf("%v, %d writes", err, len(a.writes()))
	}
}
