package chart

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
)

// helmRepository is one by that name, and a HelmRelease of its chart.
func helmRepository(url string, more map[string]any) (repository, release map[string]any) {
	spec := map[string]any{"url": url}
	for key, value := range more {
		spec[key] = value
	}
	repository = map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
		"metadata": map[string]any{"name": "cilium-charts", "namespace": "kube-system"}, "spec": spec,
	}
	release = helmRelease(map[string]any{"chart": map[string]any{"spec": map[string]any{
		"chart": "cilium", "version": "1.20.2", "sourceRef": map[string]any{"kind": "HelmRepository", "name": "cilium-charts"},
	}}})
	return repository, release
}

// TestFinding_H13_SecretsStayWithTheClustersHost: what a tree's source names of the cluster's Secrets is used only where the
// cluster's own source of that name names the same for the same place.
func TestFinding_H13_SecretsStayWithTheClustersHost(t *testing.T) {
	text := archive(t)
	sent := map[string]string{}
	host := func(name string) string {
		return answering(t, func(w http.ResponseWriter, r *http.Request) {
			if user, given, ok := r.BasicAuth(); ok {
				sent[name] = user + ":" + given
			}
			if strings.HasSuffix(r.URL.Path, ".tgz") {
				_, _ = w.Write(text)
				return
			}
			fmt.Fprint(w, "entries: {cilium: [{version: 1.20.2, urls: [c.tgz]}]}")
		})
	}
	home, evil := "http://"+host("home"), "http://"+host("evil")
	login := func(name string) map[string]any { return map[string]any{"secretRef": named(name)} }
	for name, c := range map[string]struct {
		url    string
		spec   map[string]any
		there  map[string]any // what the cluster's says; nil: it has none
		sentTo string
		want   string // what is missing
	}{
		"the same":               {url: home, spec: login("login"), there: login("login"), sentTo: "home"},
		"another host":           {url: evil, spec: login("login"), there: login("login"), want: "names another host (" + home + "): its Secret kube-system/login is not used for " + evil},
		"another Secret":         {url: home, spec: login("git"), there: login("login"), want: "does not name Secret kube-system/git"},
		"none is named":          {url: home, spec: login("git"), there: map[string]any{}, want: "does not name Secret kube-system/git"},
		"the cluster has none":   {url: evil, spec: login("git"), want: "the cluster has no HelmRepository kube-system/cilium-charts yet"},
		"its certificate":        {url: evil, spec: map[string]any{"certSecretRef": named("git")}, there: map[string]any{"certSecretRef": named("git")}, want: "names another host"},
		"insecure, all at once":  {url: home, spec: map[string]any{"secretRef": named("login"), "insecure": true}, there: login("login"), want: "is not insecure"},
		"passed on to elsewhere": {url: home, spec: map[string]any{"secretRef": named("login"), "passCredentials": true}, there: login("login"), sentTo: "home"},
	} {
		clear(sent)
		objects := []map[string]any{
			controller(),
			withData("Secret", "kube-system", "login", map[string]string{"username": "robot", "password": password}),
			withData("Secret", "kube-system", "git", map[string]string{"username": "git", "password": password}),
		}
		if c.there != nil {
			there, _ := helmRepository(home, c.there)
			objects = append(objects, there)
		}
		tree, release := helmRepository(c.url, c.spec)
		find := func(kind, namespace, name string) map[string]any {
			if kind == "HelmRepository" && namespace+"/"+name == "kube-system/cilium-charts" {
				return tree
			}
			return nil
		}
		s := newSession(newCluster(objects...))
		from, _, err := s.source(t.Context(), typed(t, release), find)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := s.Fetcher.Fetch(t.Context(), from); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if missing := strings.Join(from.Access.Missing, "; "); c.want == "" && missing != "" || !strings.Contains(missing, c.want) {
			t.Errorf("%s: missing %q, want %q", name, missing, c.want)
		}
		if from.Access.Everywhere || len(sent) > 1 || (sent[c.sentTo] != "") != (c.sentTo != "") || c.sentTo == "" && len(sent) > 0 {
			t.Errorf("%s: sent to %v, everywhere %v", name, sent, from.Access.Everywhere)
		}
	}
}

// TestFinding_H13_NothingInTheClear: credentials that are for HTTPS do not go over HTTP, by an index or by a redirect.
func TestFinding_H13_NothingInTheClear(t *testing.T) {
	seen := false
	plain := answering(t, func(_ http.ResponseWriter, r *http.Request) { _, _, seen = r.BasicAuth() })
	a := Access{Host: plain, Username: "robot", Password: password, Encrypted: true}
	if body, _, err := opener(http.DefaultTransport, "http://"+plain+"/c.tgz", a)(t.Context()); err == nil {
		body.Close()
	}
	if seen {
		t.Error("the password went over HTTP")
	}
	was, _ := http.NewRequest(http.MethodGet, "https://charts.example.org/c.tgz", nil)
	is, _ := http.NewRequest(http.MethodGet, "http://charts.example.org/c.tgz", nil)
	if err := encrypted(is, []*http.Request{was}); err == nil {
		t.Error("it follows from HTTPS to HTTP")
	}
	if err := encrypted(was, []*http.Request{was}); err != nil {
		t.Error(err)
	}
}

// TestFinding_L25_LookupsAreMasked: what a template finds in a Secret is in nothing that leaves the package.
func TestFinding_L25_LookupsAreMasked(t *testing.T) {
	const fine = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: leak}\ndata:\n"
	const one = `(lookup "v1" "Secret" "kube-system" "token").data.blob`
	const first = `{{ $items := (lookup "v1" "Secret" "kube-system" "").items }}{{ $s := index $items 0 }}`
	for name, template := range map[string]string{
		"as it is":          fine + "  a: {{ " + one + " | b64dec | quote }}",
		"encoded":           fine + "  a: {{ " + one + " }}",
		"encoded twice":     fine + "  a: {{ " + one + " | b64enc }}",
		"in a line":         fine + `  a: "x={{ ` + one + ` | b64dec }};"`,
		"in an annotation":  "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: leak\n  annotations: {a: {{ " + one + " | b64dec | quote }}}",
		"of a list":         first + fine + "  a: {{ $s.data.blob | b64dec | quote }}",
		"in a failure":      "{{ fail (" + one + " | b64dec) }}",
		"of YAML, whole":    fine + "  a: {{ (lookup \"v1\" \"Secret\" \"kube-system\" \"token\").data.yaml | b64dec | quote }}",
		"one of many lines": fine + "  a: {{ (lookup \"v1\" \"Secret\" \"kube-system\" \"token\").data.lines | b64dec | splitList \"\\n\" | last | quote }}",
	} {
		s := newSession(newCluster(withData("Secret", "kube-system", "token", map[string]string{
			"blob": canary, "yaml": "a: {b: " + canary + "}", "lines": "first line of it\n" + canary,
		})))
		r, err := s.Render(t.Context(), Want{Release: helmRelease(map[string]any{}), Values: withKey("x"), Chart: withLeak(t, template, "")})
		text, failed := json.Marshal(r)
		if failed != nil {
			t.Fatal(failed)
		}
		if r != nil && find(r.After, "ConfigMap", "leak") == nil {
			t.Errorf("%s: nothing was rendered", name)
		}
		if got := leaks(fmt.Sprint(err)+"\n"+string(text), canary, 2); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func typed(t *testing.T, body map[string]any) *helmv2.HelmRelease {
	t.Helper()
	hr, err := typedRelease(body)
	if err != nil {
		t.Fatal(err)
	}
	return hr
}
