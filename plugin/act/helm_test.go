package act

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/release/common"
	helmv1 "helm.sh/helm/v4/pkg/release/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const (
	ciliumConfig = "/api/v1/namespaces/kube-system/configmaps/cilium-config"
	addedPath    = "/api/v1/namespaces/kube-system/configmaps/by-flux"
	secrets      = "/api/v1/namespaces/kube-system/secrets/"
	ours         = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\ndata:\n  a: \"1\"\n"
	fluxes       = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\n  labels:\n    helm.toolkit.fluxcd.io/name: cilium\ndata:\n  a: \"2\"\n  b: \"3\"\n" +
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: by-flux\n"
)

var rollback = handover.Action{
	Verb: handover.HelmRollback, Ref: handover.Ref{APIVersion: "v1", Kind: "Secret", Namespace: "kube-system", Name: "cilium"}, To: 1, Manager: "helm",
}

// record is a release's, as the API has it.
func record(revision int, status, manifest, method, description string) string {
	text, _ := json.Marshal(map[string]any{
		"name": "cilium", "namespace": "kube-system", "version": revision, "manifest": manifest, "apply_method": method,
		"info":  map[string]any{"status": status, "description": description},
		"chart": map[string]any{"metadata": map[string]any{"name": "cilium", "version": "1.18.2"}},
	})
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(text)
	_ = w.Close()
	once := base64.StdEncoding.EncodeToString(zipped.Bytes())
	out, _ := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": helmRecord,
		"metadata": map[string]any{"namespace": "kube-system", "name": fmt.Sprintf("sh.helm.release.v1.cilium.v%d", revision), "labels": map[string]any{
			"owner": "helm", "name": "cilium", "version": fmt.Sprint(revision), "status": status,
		}},
		"data": map[string]any{"release": base64.StdEncoding.EncodeToString([]byte(once))},
	})
	return string(out)
}

// released is an API server with records and with what the newer one's manifest has made.
func released(records ...string) *api {
	a := newAPI()
	for i, r := range records {
		a.put(fmt.Sprintf("%ssh.helm.release.v1.cilium.v%d", secrets, i+1), r)
	}
	a.put(ciliumConfig, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"kube-system","name":"cilium-config","labels":{"helm.toolkit.fluxcd.io/name":"cilium"}},"data":{"a":"2","b":"3"}}`)
	a.put(addedPath, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"kube-system","name":"by-flux"}}`)
	a.before = discovered
	return a
}

// discovered answers what Helm asks of the cluster's kinds.
func discovered(r request) *http.Response {
	switch r.path {
	case "/version":
		return answered(http.StatusOK, map[string]any{"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
	case "/api":
		return answered(http.StatusOK, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case "/apis":
		return answered(http.StatusOK, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}})
	case "/api/v1":
		return answered(http.StatusOK, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "v1",
			APIResources: []metav1.APIResource{{Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: metav1.Verbs{"get"}}},
		})
	}
	return nil
}

// TestHelmRollback has Helm itself go back, from what each kind of end leaves, and then once more.
func TestHelmRollback(t *testing.T) {
	first := func(status, method string) string { return record(1, status, ours, method, "Install complete") }
	for name, c := range map[string]struct {
		method  string
		records []string
		status  map[int]string // of each record at the end
		err     string
	}{
		"adopted, client-side":                          {"csa", []string{first("superseded", "csa"), record(2, "deployed", fluxes, "csa", "Upgrade complete")}, map[int]string{1: "superseded", 2: "superseded", 3: "deployed"}, ""},
		"adopted, server-side":                          {"ssa", []string{first("superseded", "ssa"), record(2, "deployed", fluxes, "ssa", "Upgrade complete")}, map[int]string{1: "superseded", 2: "superseded", 3: "deployed"}, ""},
		"bootstrapped by Helm 3, which notes no method": {"", []string{first("superseded", ""), record(2, "deployed", fluxes, "csa", "Upgrade complete")}, map[int]string{1: "superseded", 2: "superseded", 3: "deployed"}, ""},
		"the adoption failed":                           {"csa", []string{first("deployed", "csa"), record(2, "failed", fluxes, "csa", "Upgrade failed")}, map[int]string{1: "superseded", 2: "failed", 3: "deployed"}, ""},
		"a rollback died":                               {"csa", []string{first("superseded", "csa"), record(2, "deployed", fluxes, "csa", ""), record(3, "pending-rollback", ours, "csa", "Rollback to 1")}, map[int]string{1: "superseded", 2: "superseded", 3: "failed", 4: "deployed"}, ""},
		"a rollback failed":                             {"csa", []string{first("superseded", "csa"), record(2, "superseded", fluxes, "csa", ""), record(3, "failed", ours, "csa", "Rollback failed")}, map[int]string{1: "superseded", 2: "superseded", 3: "failed", 4: "deployed"}, ""},
		"somebody works":                                {"csa", []string{first("superseded", "csa"), record(2, "pending-upgrade", fluxes, "csa", "")}, map[int]string{1: "superseded", 2: "pending-upgrade"}, "conflict: helm-rollback Secret/kube-system/cilium: revision 2 is pending-upgrade: somebody else works on the release"},
		"being uninstalled":                             {"csa", []string{first("superseded", "csa"), record(2, "uninstalling", fluxes, "csa", "")}, map[int]string{1: "superseded", 2: "uninstalling"}, "conflict: helm-rollback Secret/kube-system/cilium: revision 2 is uninstalling"},
	} {
		t.Run(name, func(t *testing.T) {
			a := released(c.records...)
			cluster := open(t, a)
			for range 2 {
				if err := cluster.Do(t.Context(), rollback); !strings.HasPrefix(told(err), c.err) || c.err == "" && err != nil {
					t.Fatalf("error %q, want %q", told(err), c.err)
				}
			}
			for revision := range 5 {
				o := a.object(fmt.Sprintf("%ssh.helm.release.v1.cilium.v%d", secrets, revision))
				if got := labelsOf(o)["status"]; got != c.status[revision] {
					t.Errorf("revision %d is %q, want %q", revision, got, c.status[revision])
				}
			}
			if c.err == "" {
				wentBack(t, a, c.method)
			}
		})
	}
}

// wentBack holds that the objects are the bootstrap's, written as it wrote them.
func wentBack(t *testing.T, a *api, method string) {
	t.Helper()
	text, _ := json.Marshal(a.object(ciliumConfig)["data"])
	want := `{"a":"1"}`
	if method == "ssa" {
		want = `{"a":"1","b":"3"}` // this API knows no field managers: it keeps what it is not told of
	}
	if string(text) != want {
		t.Errorf("data %s, want %s", text, want)
	}
	if _, labelled := labelsOf(a.object(ciliumConfig))["helm.toolkit.fluxcd.io/name"]; labelled != (method == "ssa") {
		t.Errorf("labels %v", labelsOf(a.object(ciliumConfig)))
	}
	if a.object(addedPath) != nil {
		t.Error("what only Flux had made is still there")
	}
	patches := 0
	for _, w := range a.writes() {
		if w.path != ciliumConfig {
			continue
		}
		patches++
		if !strings.Contains(w.query, "fieldManager=helm&") && !strings.HasSuffix(w.query, "fieldManager=helm") {
			t.Errorf("%s %s: not by helm", w, w.query)
		}
		if ssa := w.kind == "application/apply-patch+yaml"; ssa != (method == "ssa") || ssa && !strings.Contains(w.query, "force=true") {
			t.Errorf("%s %s as %s", w, w.query, w.kind)
		}
	}
	if patches == 0 {
		t.Error("nothing was patched")
	}
}

// TestHelmRollbackErrors: what Helm says may quote manifests; what the API server says is told, without values.
func TestHelmRollbackErrors(t *testing.T) {
	for name, c := range map[string]struct {
		to     int
		answer func(request) *http.Response
		want   string
	}{
		"no such revision": {7, nil, "Helm has no record of revision 7 any more"},
		"forbidden":        {1, onPatch(refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `configmaps is forbidden: User "me" cannot patch`)), `forbidden: User "me" cannot patch; see what Helm has noted: helm --kube-context infra -n kube-system history cilium`},
		"invalid": {1, onPatch(answered(http.StatusUnprocessableEntity, metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity, Message: canary,
		})), "the API server does not accept it"},
	} {
		a := released(record(1, "superseded", ours, "csa", ""), record(2, "deployed", strings.Replace(fluxes, `"2"`, canary, 1), "csa", ""))
		if c.answer != nil {
			a.before = c.answer
		}
		action := rollback
		action.To = c.to
		err := open(t, a).Do(t.Context(), action)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func onPatch(answer *http.Response) func(request) *http.Response {
	return func(r request) *http.Response {
		if r.method == http.MethodPatch && r.path == ciliumConfig {
			return answer
		}
		return discovered(r)
	}
}

// TestHelmRollbackLosesTheLock: no request of Helm's begins once the lock is somebody else's.
func TestHelmRollbackLosesTheLock(t *testing.T) {
	a := released(record(1, "superseded", ours, "csa", ""), record(2, "deployed", fluxes, "csa", ""))
	ctx, cancel := context.WithCancelCause(t.Context())
	a.before = func(r request) *http.Response {
		if r.method == http.MethodPost {
			cancel(handover.ErrLost)
		}
		return discovered(r)
	}
	if err := open(t, a).Do(ctx, rollback); !errors.Is(err, handover.ErrLost) {
		t.Errorf("%v", err)
	}
	if all := a.writes(); len(all) != 1 {
		t.Errorf("wrote %v", all)
	}
}

func TestBetween(t *testing.T) {
	if _, err := between(nil, 1); err == nil {
		t.Error("goes back without a record")
	}
	release := func(version int, status common.Status, manifest string) *helmv1.Release {
		return &helmv1.Release{Version: version, Manifest: manifest, Info: &helmv1.Info{Status: status}}
	}
	b, err := between([]*helmv1.Release{release(1, "superseded", "a"), release(2, "superseded", "b"), release(3, "failed", "a"), release(4, "failed", "a")}, 1)
	if err != nil || b.from.Version != 2 || b.done || b.died != nil {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err = between([]*helmv1.Release{release(3, "deployed", "a")}, 3); err != nil || !b.done {
		t.Errorf("%+v, %v", b, err)
	}
}
