package act

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const gitPath = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system"

var gitSource = facts.Source{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system"}

// sourceOf is a cluster with a GitRepository, whose controller answers a request so long after it, with that status; %s is
// the request.
func sourceOf(spec, before, after string, later time.Duration) *nodesOf {
	n := probedCluster()
	object := func(status, token string) string {
		annotations := ""
		if token != "" {
			annotations = fmt.Sprintf(`,"annotations":{"reconcile.fluxcd.io/requestedAt":%q}`, token)
		}
		return fmt.Sprintf(`{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":"flux-system","namespace":"flux-system","generation":2%s},"spec":{%s},"status":{%s}}`,
			annotations, spec, status)
	}
	n.put(gitPath, object(before, ""))
	taken := n.after
	n.after = func(r request) error {
		if r.method == http.MethodPatch && after != "" {
			token := decode(r)["metadata"].(map[string]any)["annotations"].(map[string]any)[requestedAt].(string)
			time.AfterFunc(later, func() { n.put(gitPath, object(strings.ReplaceAll(after, "TOKEN", token), token)) })
		}
		return taken(r)
	}
	return n
}

const (
	wasReady = `"observedGeneration":2,"lastHandledReconcileAt":"2026-01-01T00:00:00Z","artifact":{"revision":"main@sha1:1"},"conditions":[{"type":"Ready","status":"True","reason":"Succeeded"}]`
	isReady  = `"observedGeneration":2,"lastHandledReconcileAt":"TOKEN","artifact":{"revision":"main@sha1:2"},"conditions":[{"type":"Ready","status":"True","reason":"Succeeded"}]`
)

// TestFetch asks once, and believes nothing but the answer to its own request.
func TestFetch(t *testing.T) {
	for name, c := range map[string]struct {
		spec, after string
		later       time.Duration
		want        facts.Fetched // Conditions aside
		writes      int
	}{
		"fetches":          {after: isReady, later: 3 * time.Second, want: facts.Fetched{Handled: true, Revision: "main@sha1:2", ObservedGeneration: 2}, writes: 1},
		"does not answer":  {want: facts.Fetched{Revision: "main@sha1:1", ObservedGeneration: 2}, writes: 1},
		"answers too late": {after: isReady, later: 2 * time.Minute, want: facts.Fetched{Revision: "main@sha1:1", ObservedGeneration: 2}, writes: 1},
		"cannot fetch": {
			after: strings.Replace(isReady, `"status":"True"`, `"status":"False","message":"https://me:hunter2@git.example.org: no such host"`, 1), later: time.Second,
			want: facts.Fetched{Handled: true, Revision: "main@sha1:2", ObservedGeneration: 2}, writes: 1,
		},
		"is at it until the end": {
			after: strings.Replace(isReady, `"status":"True"`, `"status":"Unknown"`, 1), later: time.Second,
			want: facts.Fetched{Handled: true, Revision: "main@sha1:2", ObservedGeneration: 2}, writes: 1,
		},
		"answers for an older generation": {
			after: strings.Replace(isReady, `"observedGeneration":2`, `"observedGeneration":1`, 1), later: time.Second,
			want: facts.Fetched{Handled: true, Revision: "main@sha1:2", ObservedGeneration: 1}, writes: 1,
		},
		"is suspended": {spec: `"suspend":true`, want: facts.Fetched{Suspend: true}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				n := sourceOf(c.spec, wasReady, c.after, c.later)
				s := gitSource
				s.Suspend = c.want.Suspend
				began := time.Now()
				got := open(t, n.api).Fetch(t.Context(), []facts.Source{s}, time.Minute)[0]
				if took := time.Since(began); took > time.Minute || got.Took != took {
					t.Errorf("it took %s, and says %s", took, got.Took)
				}
				if text := fmt.Sprint(got.Conditions); strings.Contains(text, "hunter2") || (len(got.Conditions) == 1) != (c.writes == 1) {
					t.Errorf("conditions %s", text)
				}
				if got.Asked.IsZero() != (c.writes == 0) || len(n.asked("PATCH "+gitPath)) != c.writes {
					t.Errorf("asked %s: %q", got.Asked, n.asked("PATCH"))
				}
				if c.writes > 0 {
					c.want.Generation = 2
				}
				c.want.Ref, got.Asked, got.Took, got.Conditions = "GitRepository/flux-system/flux-system", time.Time{}, 0, nil
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("got  %+v\nwant %+v", got, c.want)
				}
			})
		})
	}
}

// TestFetchThatIsNotKnown says why not, and writes nothing where it may not.
func TestFetchThatIsNotKnown(t *testing.T) {
	for name, c := range map[string]struct {
		each   func(request) *http.Response
		why    string
		writes int
	}{
		"forbidden beforehand": {func(r request) *http.Response {
			if !strings.Contains(r.path, "selfsubjectaccessreviews") {
				return nil
			}
			o := decode(r)
			o["status"] = map[string]any{"allowed": o["spec"].(map[string]any)["resourceAttributes"].(map[string]any)["verb"] != "patch"}
			return answered(http.StatusCreated, o)
		}, "may not patch gitrepositories in flux-system; grant it: kubectl apply -f deploy/rbac-probe.yaml", 0},
		"forbidden all the same": {func(r request) *http.Response {
			if r.method != http.MethodPatch {
				return nil
			}
			return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `gitrepositories is forbidden: User "ann" cannot patch`)
		}, `it could not be asked: forbidden: User "ann" cannot patch`, 1},
		"gone": {func(r request) *http.Response {
			if r.method != http.MethodPatch {
				return nil
			}
			return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
		}, "it could not be asked: ", 1},
		"unreadable afterwards": {func(r request) *http.Response {
			if r.method != http.MethodGet {
				return nil
			}
			return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `gitrepositories is forbidden: User "ann" cannot get`)
		}, `what came of it could not be read: forbidden: User "ann" cannot get`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				n := sourceOf("", wasReady, isReady, time.Second)
				n.each = c.each
				got := open(t, n.api).Fetch(t.Context(), []facts.Source{gitSource}, time.Minute)[0]
				if got.Handled || !strings.Contains(got.Why, c.why) || len(n.asked("PATCH")) != c.writes {
					t.Errorf("%+v\n%q", got, n.asked("PATCH"))
				}
			})
		})
	}
	inTime(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		n := sourceOf("", wasReady, "", 0)
		static := facts.Source{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "HelmRepository", Namespace: "kube-system", Name: "c", Type: "oci"}
		got := open(t, n.api).Fetch(ctx, []facts.Source{gitSource, static}, time.Minute)
		if got[0].Why != "interrupted" || got[0].Handled || !got[1].Asked.IsZero() || len(n.asked("PATCH")) != 1 {
			t.Errorf("%+v", got)
		}
	})
}
