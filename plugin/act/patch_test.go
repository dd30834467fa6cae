package act

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const agentPath = "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium"

var agentRef = handover.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium"}

// agents is a DaemonSet in JSON; meta is the inside of its metadata, after a comma, spec that of its spec.
func agents(meta, spec string) string {
	return `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"namespace":"kube-system","name":"cilium"` + meta + `},"spec":{` + spec + `}}`
}

// TestPatch takes each patch on each object that it may meet, and then once more.
func TestPatch(t *testing.T) {
	const mark = `{"spec":{"template":{"metadata":{"annotations":{"x":"1"}}}}}`
	const unmark = `{"spec":{"template":{"metadata":{"annotations":{"x":null}}}}}`
	const onDelete = `{"spec":{"updateStrategy":{"type":"OnDelete"}}}`
	for name, c := range map[string]struct {
		before, change, must string
		writes, again        int
		after, err           string
	}{
		"changes":                               {agents("", `"updateStrategy":{"type":"OnDelete"}`), mark, onDelete, 1, 0, `{"template":{"metadata":{"annotations":{"x":"1"}}},"updateStrategy":{"type":"OnDelete"}}`, ""},
		"insists":                               {agents("", `"updateStrategy":{"type":"RollingUpdate"}`), mark, onDelete, 0, 0, `{"updateStrategy":{"type":"RollingUpdate"}}`, `conflict: patch DaemonSet/kube-system/cilium: it is not as it has to be, which is {"spec":{"updateStrategy":{"type":"OnDelete"}}}; look at it: kubectl`},
		"insists on what must not be":           {agents("", `"template":{"metadata":{"annotations":{"x":"1"}}}`), onDelete, unmark, 0, 0, `{"template":{"metadata":{"annotations":{"x":"1"}}}}`, "conflict: "},
		"where nothing is, nothing must not be": {agents("", `"a":1`), onDelete, unmark, 1, 0, `{"a":1,"updateStrategy":{"type":"OnDelete"}}`, ""},
		"removes":                               {agents("", `"template":{"metadata":{"annotations":{"x":"1","y":"2"}}}`), unmark, "", 1, 0, `{"template":{"metadata":{"annotations":{"y":"2"}}}}`, ""},
		"removes what is not there":             {agents("", `"a":1`), unmark, "", 0, 0, `{"a":1}`, ""},
		"of nothing":                            {"", mark, "", 0, 0, "gone", "conflict: patch DaemonSet/kube-system/cilium: it does not exist"},
		"no change":                             {agents("", `"a":1`), "", "", 0, 0, `{"a":1}`, "what there is to change is no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPI()
			if c.before != "" {
				server.put(agentPath, c.before)
			}
			cluster := open(t, server)
			a := handover.Action{Verb: handover.Patch, Ref: agentRef, Manager: handover.DrillManager, Change: json.RawMessage(c.change), If: json.RawMessage(c.must)}
			for turn, want := range []int{c.writes, c.again} {
				before := len(server.writes())
				if got := told(cluster.Do(t.Context(), a)); turn == 0 && (!strings.Contains(got, c.err) || c.err == "" && got != "") {
					t.Errorf("error %q, want %q", got, c.err)
				}
				if got := len(server.writes()) - before; got != want {
					t.Errorf("turn %d: %d writes, want %d: %v", turn, got, want, server.writes())
				}
			}
			for _, w := range server.writes() {
				if w.query != "fieldManager=flux-handover-drill" || !strings.Contains(w.body, `"resourceVersion":"`) {
					t.Errorf("wrote %s %s %s", w, w.query, w.body)
				}
			}
			got := "gone"
			if o := server.object(agentPath); o != nil {
				text, _ := json.Marshal(o["spec"])
				got = string(text)
			}
			if got != c.after {
				t.Errorf("spec is %s, want %s", got, c.after)
			}
		})
	}
}

// TestPatchLooksAgain: a controller writes status between our look and our write, and somebody the spec.
func TestPatchLooksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile string
		conflict  bool
	}{
		"status": {agents(`,"labels":{"seen":"1"}`, `"updateStrategy":{"type":"OnDelete"}`), false},
		"spec":   {agents("", `"updateStrategy":{"type":"RollingUpdate"}`), true},
	} {
		server := newAPI()
		server.put(agentPath, agents("", `"updateStrategy":{"type":"OnDelete"}`))
		once := true
		server.before = func(r request) *http.Response {
			if r.method == http.MethodPatch && once {
				once = false
				server.put(agentPath, c.meanwhile)
			}
			return nil
		}
		err := open(t, server).Do(t.Context(), handover.Action{
			Verb: handover.Patch, Ref: agentRef, Manager: handover.DrillManager, Change: json.RawMessage(`{"spec":{"mark":"1"}}`),
			If: json.RawMessage(`{"spec":{"updateStrategy":{"type":"OnDelete"}}}`),
		})
		spec := server.object(agentPath)["spec"].(map[string]any)
		if errors.Is(err, handover.ErrConflict) != c.conflict || (err == nil) == c.conflict || (spec["mark"] == "1") == c.conflict {
			t.Errorf("%s: %v, spec %v", name, err, spec)
		}
	}
}

// managed are managed fields: of each manager what it manages, as JSON.
func managed(t *testing.T, all ...[2]string) []metav1.ManagedFieldsEntry {
	t.Helper()
	var entries []metav1.ManagedFieldsEntry
	for _, one := range all {
		e := metav1.ManagedFieldsEntry{Manager: one[0], Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(one[1])}}
		if one[0] == "controller" {
			e.Subresource = "status"
		}
		entries = append(entries, e)
	}
	return entries
}

// TestGiveBack: on an object that is what it was, its owners are those of then, and subresources' those of now; on one
// that somebody else has changed, what the drill took goes back and what they took stays theirs.
func TestGiveBack(t *testing.T) {
	was := managed(t, [2]string{"helm", `{"f:spec":{"f:a":{},"f:b":{},"f:c":{}}}`}, [2]string{"controller", `{"f:status":{"f:old":{}}}`})
	owners, _ := json.Marshal(was)
	for name, c := range map[string]struct {
		spec string
		is   []metav1.ManagedFieldsEntry
		want map[string]string
	}{
		"as it was": {`"a":1,"b":1,"c":1`, managed(t,
			[2]string{"helm", `{"f:spec":{"f:b":{}}}`}, [2]string{"flux-handover-drill", `{"f:spec":{"f:a":{}}}`},
			[2]string{"helm-controller", `{"f:spec":{"f:c":{}}}`}, [2]string{"controller", `{"f:status":{"f:new":{}}}`}),
			map[string]string{"helm": `{"f:spec":{"f:a":{},"f:b":{},"f:c":{}}}`, "controller": `{"f:status":{"f:new":{}}}`}},
		"changed since": {`"a":1,"b":1,"c":2`, managed(t,
			[2]string{"helm", `{"f:spec":{"f:b":{}}}`}, [2]string{"flux-handover-drill", `{"f:spec":{"f:a":{}}}`}, [2]string{"k9s", `{"f:spec":{"f:c":{}}}`}),
			map[string]string{"helm": `{"f:spec":{"f:a":{},"f:b":{}}}`, "k9s": `{"f:spec":{"f:c":{}}}`}},
		"its owner is gone": {`"a":2`, managed(t, [2]string{"flux-handover-drill", `{"f:spec":{"f:a":{},"f:new":{}}}`}),
			map[string]string{"helm": `{"f:spec":{"f:a":{}}}`, "flux-handover-drill": `{"f:spec":{"f:new":{}}}`}},
		"never taken": {`"a":2`, managed(t, [2]string{"helm", `{"f:spec":{"f:a":{}}}`}), map[string]string{"helm": `{"f:spec":{"f:a":{}}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPI()
			text, _ := json.Marshal(c.is)
			server.put(agentPath, agents(`,"managedFields":`+string(text), c.spec))
			a := handover.Action{Verb: handover.GiveBack, Ref: agentRef, Manager: handover.DrillManager, Was: &handover.BeforeImage{
				Ref: agentRef, Owners: owners, Content: handover.ContentDigest([]byte(agents("", `"a":1,"b":1,"c":1`))),
			}}
			cluster := open(t, server)
			for range 2 {
				if err := cluster.Do(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(server.writes()); n > 1 {
				t.Errorf("%d writes", n)
			}
			var o struct {
				Metadata struct{ ManagedFields []metav1.ManagedFieldsEntry }
			}
			raw, _ := json.Marshal(server.object(agentPath))
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, e := range o.Metadata.ManagedFields {
				got[e.Manager] = string(e.FieldsV1.Raw)
			}
			if len(got) != len(c.want) {
				t.Errorf("owners %v, want %v", got, c.want)
			}
			for manager, fields := range c.want {
				if got[manager] != fields {
					t.Errorf("%s owns %s, want %s", manager, got[manager], fields)
				}
			}
		})
	}
}

// TestGiveBackOfWhatWasNeverPatched writes nothing.
func TestGiveBackOfWhatWasNeverPatched(t *testing.T) {
	server := newAPI()
	server.put(agentPath, agents("", `"a":1`))
	for _, was := range []*handover.BeforeImage{nil, {Ref: agentRef}} {
		err := open(t, server).Do(t.Context(), handover.Action{Verb: handover.GiveBack, Ref: agentRef, Was: was})
		if err != nil || len(server.writes()) > 0 {
			t.Errorf("%v, wrote %v", err, server.writes())
		}
	}
}

// TestForget removes the marked template of the DaemonSet's history alone, and none while the DaemonSet is marked.
func TestForget(t *testing.T) {
	const revisions = "/apis/apps/v1/namespaces/kube-system/controllerrevisions/"
	revision := func(name, owner, annotations string) string {
		return `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"namespace":"kube-system","name":"` + name + `","labels":{"k8s-app":"cilium"},` +
			`"ownerReferences":[{"kind":"DaemonSet","name":"cilium","uid":"` + owner + `","controller":true}]},"data":{"spec":{"template":{"metadata":{"annotations":{` + annotations + `}}}}},"revision":1}`
	}
	const spec = `"selector":{"matchLabels":{"k8s-app":"cilium"}}`
	a := handover.Action{Verb: handover.Forget, Ref: agentRef, Change: json.RawMessage(`{"spec":{"template":{"metadata":{"annotations":{"x":"1"}}}}}`)}
	server := newAPI()
	server.put(agentPath, agents(`,"uid":"d"`, spec+`,"template":{"metadata":{"annotations":{"x":"1"}}}`))
	for name, text := range map[string]string{
		"marked": revision("marked", "d", `"a":"b","x":"1"`), "former": revision("former", "d", `"a":"b"`),
		"other-mark": revision("other-mark", "d", `"x":"2"`), "others": revision("others", "e", `"x":"1"`),
	} {
		server.put(revisions+name, text)
	}
	c := open(t, server)
	if err := c.Do(t.Context(), a); !errors.Is(err, handover.ErrConflict) || len(server.writes()) > 0 {
		t.Fatalf("while it is marked: %v, wrote %v", err, server.writes())
	}
	server.put(agentPath, agents("", spec))
	for range 2 {
		if err := c.Do(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if all := server.writes(); len(all) != 1 || all[0].String() != "DELETE "+revisions+"marked" || !strings.Contains(all[0].body, "resourceVersion") {
		t.Errorf("wrote %v", all)
	}
}
