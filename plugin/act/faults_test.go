package act

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// deed is an action on a cluster, for what is done to each action in turn.
type deed struct {
	cluster func() *api
	action  handover.Action
}

// deeds has one of every verb that is taken in a cluster.
func deeds(t *testing.T) map[string]deed {
	with := func(path, text string) func() *api {
		return func() *api {
			a := newAPI()
			if path != "" {
				a.put(path, text)
			}
			return a
		}
	}
	absent := func(a *handover.Action) { a.Absent = true }
	held := func(a *handover.Action) { a.Suspended = &yes }
	suspended := helmRelease(`"a":0,"suspend":true`)
	hand := handing
	hand.Objects = []handover.Ref{configRef}
	both := func(managers ...string) string {
		var entries []metav1.ManagedFieldsEntry
		for _, m := range managers {
			entries = append(entries, owned(m, apply0, early, onlyA))
		}
		return configMap(entries...)
	}
	owners, _ := json.Marshal(managed(t, [2]string{"helm", `{"f:spec":{"f:a":{}}}`}))
	stale := strings.ReplaceAll(record(1, "deployed", ours, "csa", ""), `"kube-system"`, `"flux-system"`)
	stale = strings.ReplaceAll(stale, "release.v1.cilium.v1", "release.v1.kube-system-cilium.v1")
	return map[string]deed{
		"apply":           {with("", ""), applying(helmRelease(`"a":1`))},
		"apply over":      {with(releasePath, suspended), applying(helmRelease(`"a":1`))},
		"apply if absent": {with("", ""), applying(helmRelease(`"a":1`), absent)},
		"apply if held":   {with(releasePath, suspended), applying(helmRelease(`"a":1`), held)},
		"suspend":         {with(releasePath, helmRelease(`"a":0`)), handover.Action{Verb: handover.Suspend, Ref: releaseRef, Manager: "flux"}},
		"resume":          {with(releasePath, suspended), handover.Action{Verb: handover.Resume, Ref: releaseRef, Manager: "flux"}},
		"reconcile":       {with(releasePath, suspended), handover.Action{Verb: handover.Reconcile, Ref: releaseRef, Manager: "flux"}},
		"release":         {with(releasePath, suspended), handover.Action{Verb: handover.Release, Ref: releaseRef}},
		"hand fields":     {with(configPath, configMap(owned("helm", apply0, early, onlyA), owned("helm-controller", apply0, late, labelled))), hand},
		"disown":          {with(configPath, both("helm", "helm-controller")), handover.Action{Verb: handover.Disown, From: "helm-controller", Manager: "helm", Objects: []handover.Ref{configRef}}},
		"patch":           {with(agentPath, agents("", `"a":1`)), handover.Action{Verb: handover.Patch, Ref: agentRef, Manager: handover.DrillManager, Change: json.RawMessage(`{"spec":{"b":"2"}}`)}},
		"give back":       {with(agentPath, agents(`,"managedFields":`+entries(managed(t, [2]string{"flux-handover-drill", `{"f:spec":{"f:a":{}}}`})), `"a":1`)), handover.Action{Verb: handover.GiveBack, Ref: agentRef, Manager: handover.DrillManager, Was: &handover.BeforeImage{Ref: agentRef, Owners: owners, Content: handover.ContentDigest([]byte(agents("", `"a":1`)))}}},
		"date":            {with(configPath, saying(`"a":"b"`, owned("helm", update, late, onlyA))), handover.Action{Verb: handover.Date, Ref: configRef, Manager: "helm", Since: &facts.ConfigMap{Data: map[string]string{"a": "b"}, Changed: early}}},
		"remove a record": {with("/api/v1/namespaces/flux-system/secrets/sh.helm.release.v1.kube-system-cilium.v1", stale), handover.Action{Verb: handover.Remove, Ref: handover.Ref{APIVersion: "v1", Kind: "Secret", Namespace: "flux-system", Name: "sh.helm.release.v1.kube-system-cilium.v1"}}},
		"roll back, client": {func() *api {
			return released(record(1, "superseded", ours, "csa", ""), record(2, "deployed", fluxes, "csa", ""))
		}, rollback},
		"roll back, server": {func() *api {
			return released(record(1, "superseded", ours, "ssa", ""), record(2, "deployed", fluxes, "ssa", ""))
		}, rollback},
	}
}

func entries(all []metav1.ManagedFieldsEntry) string {
	text, _ := json.Marshal(all)
	return string(text)
}

// TestFault_R01_EveryActionAtEveryRequest: each request of each action is lost before the server has it, or after it has
// acted, or answered with 503, or nobody is there for a while; whoever takes the action again, as often as it takes, ends where an undisturbed one does:
// nothing is done twice.
func TestFault_R01_EveryActionAtEveryRequest(t *testing.T) {
	var result faultproxy.Result
	for name, d := range deeds(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { everywhere(t, d, &result) })
		})
	}
	result.Keep(t, "plugin/act", "R1")
}

// everywhere tries a deed under each fault at each of its requests.
func everywhere(t *testing.T, d deed, result *faultproxy.Result) {
	t.Helper()
	quiet := d.cluster()
	if err := open(t, quiet).Do(t.Context(), d.action); err != nil {
		t.Fatal(err)
	}
	if len(quiet.writes()) == 0 {
		t.Fatal("it writes nothing")
	}
	for n := range len(quiet.asked("")) {
		for _, f := range []faultproxy.Fault{faultproxy.Refused, faultproxy.AnswerLost, faultproxy.Unavailable, away} {
			a := d.cluster()
			outcome := tried(t, &lossy{a, n, f}, d.action)
			if diff := cmp.Diff(leaves(quiet), leaves(a)); diff != "" {
				t.Errorf("%s at request %d: ends elsewhere (-quiet +fault):\n%s", f, n, diff)
			}
			result.Add(string(f), outcome)
		}
	}
}

// tried takes an action until it says that it is done.
func tried(t *testing.T, l *lossy, action handover.Action) string {
	t.Helper()
	c, err := Open(t.Context(), &rest.Config{Host: "http://api", Transport: l}, open(t, l.api).options)
	if err != nil {
		t.Fatal(err)
	}
	c.patience.Duration = 0
	for turn := range 10 {
		if err = c.Do(t.Context(), action); err == nil {
			return map[bool]string{true: "done at once, the request was sent again", false: "done when it was taken again"}[turn == 0]
		}
		if !strings.Contains(err.Error(), "kubectl") && !strings.Contains(err.Error(), "helm ") && !strings.Contains(err.Error(), "flux ") {
			t.Errorf("the error does not say how to go on: %v", err)
		}
	}
	t.Errorf("never ends: %v", err)
	return "never ends"
}

// away is an API server that is not there for longer than a request is repeated.
const away faultproxy.Fault = "8 requests refused"

// lossy is an API server of which the n-th request from now suffers a fault.
type lossy struct {
	*api

	n int
	f faultproxy.Fault
}

// RoundTrip implements http.RoundTripper.
func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	now := l.n == 0 || l.f == away && l.n <= 0 && l.n > -8
	l.n--
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	switch {
	case now && (l.f == faultproxy.Refused || l.f == away):
		return nil, reset
	case now && l.f == faultproxy.Unavailable:
		return refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "busy"), nil
	case now && l.f == faultproxy.AnswerLost:
		if _, err := l.api.RoundTrip(r); err != nil {
			return nil, err
		}
		return nil, reset
	}
	return l.api.RoundTrip(r)
}

// leaves is what a cluster holds in the end, but for what differs each time.
func leaves(a *api) map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := map[string]any{}
	for path, o := range a.objects {
		o = clone(o)
		meta := o["metadata"].(map[string]any)
		delete(meta, "resourceVersion")
		delete(meta, "uid")
		if notes, ok := meta["annotations"].(map[string]any); ok && notes[requestedAt] != nil {
			notes[requestedAt] = "asked"
		}
		if o["kind"] != "Secret" {
			all[path] = o
			continue
		}
		labels := meta["labels"].(map[string]any)
		if labels["status"] == "failed" {
			continue // that a rollback failed is noted by Helm, under a number of its own
		}
		all[fmt.Sprintf("record %v, %v", labels["name"], labels["status"])] = "there"
	}
	return all
}
