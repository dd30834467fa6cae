package act

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestDate: an owner of data that says what it said gets its older time, and nobody does where anything has changed,
// where nobody knows, or who owns no data.
func TestDate(t *testing.T) {
	since := func(data map[string]string) *facts.ConfigMap { return &facts.ConfigMap{Data: data, Changed: early} }
	same := map[string]string{"a": "b"}
	for name, c := range map[string]struct {
		since  *facts.ConfigMap
		fields string
		data   string
		want   time.Time
	}{
		"as it was, and empty is as absent": {since(same), both, `"a":"b","empty":""`, early},
		"another value":                     {since(same), both, `"a":"c"`, late},
		"a key more":                        {since(same), both, `"a":"b","other":""`, late},
		"a key less":                        {since(same), both, `"empty":""`, late},
		"what was masked is not known":      {since(map[string]string{"a": "b", "token": facts.Redacted}), both, `"a":"b","token":"c4n4ry"`, late},
		"nobody knew when":                  {&facts.ConfigMap{Data: same}, both, `"a":"b"`, late},
		"there was no baseline":             {nil, both, `"a":"b"`, late},
		"an owner of labels alone":          {since(same), `{"f:metadata":{"f:labels":{"f:a":{}}}}`, `"a":"b"`, late},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			a.put(configPath, saying(c.data, owned("helm", update, late, c.fields)))
			cluster := open(t, a)
			action := handover.Action{Verb: handover.Date, Ref: configRef, Manager: "helm", Since: c.since, Same: []string{"empty"}}
			for range 2 {
				if err := cluster.Do(t.Context(), action); err != nil {
					t.Fatal(err)
				}
			}
			if got := timeOf(t, a); !got.Equal(c.want) {
				t.Errorf("dated %s, want %s", got, c.want)
			}
			if want := map[bool]int{true: 2, false: 0}[c.want.Equal(early)]; len(a.writes()) != want {
				t.Errorf("%d writes, want %d: %v", len(a.writes()), want, a.writes())
			}
		})
	}
}

// saying is a ConfigMap with the inside of its data.
func saying(data string, entries ...metav1.ManagedFieldsEntry) string {
	return strings.TrimSuffix(configMap(entries...), "}") + `,"data":{` + data + `}}`
}

// timeOf is the time of the one owner of the ConfigMap.
func timeOf(t *testing.T, a *api) time.Time {
	t.Helper()
	text, err := json.Marshal(a.object(configPath))
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Metadata struct {
			ManagedFields []struct {
				Manager string
				Time    time.Time
			}
		}
	}
	if err := json.Unmarshal(text, &o); err != nil || len(o.Metadata.ManagedFields) != 1 || o.Metadata.ManagedFields[0].Manager != "helm" {
		t.Fatalf("%v: %s", err, text)
	}
	return o.Metadata.ManagedFields[0].Time
}

// TestDateCrowded: somebody writes between the look and the write; it looks again, and does not date what has changed.
func TestDateCrowded(t *testing.T) {
	a := newAPI()
	was := saying(`"a":"b"`, owned("helm", update, late, both))
	a.put(configPath, was)
	a.before = func(r request) *http.Response {
		if r.method == http.MethodPatch {
			a.put(configPath, saying(`"a":"c"`, owned("helm", update, late, both)))
		}
		return nil
	}
	action := handover.Action{
		Verb: handover.Date, Ref: configRef, Manager: "helm", Since: &facts.ConfigMap{Data: map[string]string{"a": "b"}, Changed: early},
	}
	if err := open(t, a).Do(t.Context(), action); err != nil || !timeOf(t, a).Equal(late) {
		t.Errorf("%v, dated %s", err, timeOf(t, a))
	}
}

// TestDateKilled: killed between its two writes, it gives the entry its name back when it is taken again.
func TestDateKilled(t *testing.T) {
	a := newAPI()
	a.put(configPath, saying(`"a":"b"`, owned(handover.OwnManager, update, early, both)))
	action := handover.Action{
		Verb: handover.Date, Ref: configRef, Manager: "helm", Since: &facts.ConfigMap{Data: map[string]string{"a": "b"}, Changed: early},
	}
	if err := open(t, a).Do(t.Context(), action); err != nil || !timeOf(t, a).Equal(early) || len(a.writes()) != 1 {
		t.Errorf("%v, dated %s, %d writes", err, timeOf(t, a), len(a.writes()))
	}
}
