package chart

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const password = canary + "-password"

// guarded is a registry over TLS that wants a name and a password, and its authority in PEM.
func guarded(t *testing.T) (url string, authority []byte) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // nobody's own credentials
	behind := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, given, _ := r.BasicAuth(); r.Method == http.MethodGet && (user != "robot" || given != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "https://")
	ref, err := name.NewTag(host + "/charts/cilium:1.20.2")
	if err != nil {
		t.Fatal(err)
	}
	access := Access{Host: host, Username: "robot", Password: password}
	over, err := access.transport(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image(t), remote.WithTransport(over), remote.WithAuthFromKeychain(access.keychain())); err != nil {
		t.Fatal(err)
	}
	return "oci://" + host + "/charts/cilium", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func withData(kind, namespace, name string, data map[string]string) map[string]any {
	encoded := map[string]any{}
	for key, value := range data {
		encoded[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return map[string]any{
		"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": namespace}, "data": encoded,
	}
}

func ociRepository(url string, more map[string]any) map[string]any {
	spec := map[string]any{"url": url, "ref": map[string]any{"tag": "1.20.2"}}
	for key, value := range more {
		spec[key] = value
	}
	return map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
		"metadata": map[string]any{"name": "cilium-charts", "namespace": "kube-system"}, "spec": spec,
	}
}

func byRef() map[string]any {
	return helmRelease(map[string]any{"chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium-charts"}})
}

func named(name string) map[string]any { return map[string]any{"name": name} }

func controller() map[string]any {
	return map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "helm-controller", "namespace": "flux-system"}}
}

// TestCredentialsOfASource: those that it names are used; what is missing of them is said where fetching fails for it.
func TestCredentialsOfASource(t *testing.T) {
	url, authority := guarded(t)
	host := strings.TrimSuffix(strings.TrimPrefix(url, "oci://"), "/charts/cilium")
	pull, err := json.Marshal(map[string]any{"credsStore": "no-such-helper", "auths": map[string]any{host: map[string]any{
		"auth": base64.StdEncoding.EncodeToString([]byte("robot:" + password)),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	objects := []map[string]any{
		controller(),
		withData("Secret", "kube-system", "ca", map[string]string{"ca.crt": string(authority)}),
		withData("Secret", "kube-system", "login", map[string]string{"username": "robot", "password": password}),
		withData("Secret", "kube-system", "wrong", map[string]string{"username": "robot", "password": "not " + password}),
		withData("Secret", "kube-system", "half", map[string]string{"username": "robot"}),
		withData("Secret", "kube-system", "pull", map[string]string{".dockerconfigjson": string(pull)}),
		{
			"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": "puller", "namespace": "kube-system"},
			"imagePullSecrets": []any{map[string]any{"name": "pull"}},
		},
	}
	ca := named("ca")
	for name, c := range map[string]struct {
		spec   map[string]any
		want   string // in the error; empty: none
		forbid bool
	}{
		"a name and a password":     {spec: map[string]any{"certSecretRef": ca, "secretRef": named("login")}},
		"docker's file":             {spec: map[string]any{"certSecretRef": ca, "secretRef": named("pull")}},
		"a service account":         {spec: map[string]any{"certSecretRef": ca, "serviceAccountName": "puller"}},
		"insecure":                  {spec: map[string]any{"insecure": true, "secretRef": named("login")}},
		"the wrong password":        {spec: map[string]any{"certSecretRef": ca, "secretRef": named("wrong")}, want: "refuses (401)"},
		"half of it":                {spec: map[string]any{"certSecretRef": ca, "secretRef": named("half")}, want: "one of username and password"},
		"no credentials":            {spec: map[string]any{"certSecretRef": ca}, want: "refuses (401)"},
		"a cloud's":                 {spec: map[string]any{"certSecretRef": ca, "provider": "aws"}, want: "aws gives its pod"},
		"a Secret that is not":      {spec: map[string]any{"certSecretRef": ca, "secretRef": named("none")}, want: "there is no Secret kube-system/none, which OCIRepository kube-system/cilium-charts names"},
		"a Secret that is hidden":   {spec: map[string]any{"certSecretRef": ca, "secretRef": named("login")}, forbid: true, want: "get Secret kube-system/login, which OCIRepository kube-system/cilium-charts names, is forbidden"},
		"an account that is not":    {spec: map[string]any{"certSecretRef": ca, "serviceAccountName": "none"}, want: "there is no ServiceAccount kube-system/none"},
		"an authority that is none": {spec: map[string]any{"certSecretRef": named("login"), "secretRef": named("login")}, want: "no certificate that can be read"},
	} {
		cluster := newCluster(append(objects, ociRepository(url, c.spec))...)
		if c.forbid {
			client, _ := cluster.dynamic.(*fake.FakeDynamicClient)
			client.PrependReactor("get", "secrets", func(a clienttesting.Action) (bool, runtime.Object, error) {
				get, _ := a.(clienttesting.GetAction)
				return get.GetName() == "login", nil, apierrors.NewForbidden(secretResource.GroupResource(), get.GetName(), errors.New("no"))
			})
		}
		s := newSession(cluster)
		r, err := s.Render(t.Context(), Want{Release: byRef(), Values: withKey("x")})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		silent(t, fmt.Sprint(err))
		silent(t, r)
	}
}

// TestAnAuthorityOfTheUsers is trusted, besides the source's.
func TestAnAuthorityOfTheUsers(t *testing.T) {
	url, authority := guarded(t)
	host := strings.TrimSuffix(strings.TrimPrefix(url, "oci://"), "/charts/cilium")
	s := Source{URL: url, Tag: "1.20.2", Access: Access{Host: host, Username: "robot", Password: password}}
	if _, err := (&Fetcher{Roots: authority}).Fetch(t.Context(), s); err != nil {
		t.Error(err)
	}
	// A registry on this machine would be asked without TLS, too; a repository is not.
	repository := Source{URL: "https://" + host, Chart: "cilium", Access: s.Access}
	if _, err := (&Fetcher{}).Fetch(t.Context(), repository); err == nil || !strings.Contains(err.Error(), "certificate is not trusted") {
		t.Errorf("without it: %v", err)
	}
	if _, err := (&Fetcher{Roots: []byte("none")}).Fetch(t.Context(), s); err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("a file that holds none: %v", err)
	}
}

// TestPasswordsStayAtHome: a repository's index may name archives elsewhere; the password does not go there.
func TestPasswordsStayAtHome(t *testing.T) {
	text := archive(t)
	seen := map[string]bool{}
	elsewhere := answering(t, func(w http.ResponseWriter, r *http.Request) {
		_, _, seen["elsewhere"] = r.BasicAuth()
		_, _ = w.Write(text)
	})
	home := answering(t, func(w http.ResponseWriter, r *http.Request) {
		_, _, seen["home"] = r.BasicAuth()
		fmt.Fprintf(w, "entries: {cilium: [{version: 1.20.2, urls: [%q]}]}", "http://"+elsewhere+"/c.tgz")
	})
	for _, everywhere := range []bool{false, true} {
		a := Access{Host: home, Username: "robot", Password: password, Everywhere: everywhere}
		if _, err := (&Fetcher{}).Fetch(t.Context(), Source{URL: "http://" + home, Chart: "cilium", Access: a}); err != nil {
			t.Error(err)
		}
		if !seen["home"] || seen["elsewhere"] != everywhere {
			t.Errorf("everywhere %v: the password was seen by %v", everywhere, seen)
		}
	}
}

// TestAProxy is asked where a source names one.
func TestAProxy(t *testing.T) {
	asked := ""
	proxy := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Host
		w.WriteHeader(http.StatusTeapot)
	})
	s := newSession(newCluster(controller(),
		withData("Secret", "kube-system", "proxy", map[string]string{"address": "http://" + proxy, "username": "robot", "password": password}),
		ociRepository("oci://charts.invalid/cilium", map[string]any{"insecure": true, "proxySecretRef": named("proxy")})))
	_, err := s.Render(t.Context(), Want{Release: byRef(), Values: withKey("x")})
	if err == nil || !strings.HasPrefix(asked, "charts.invalid") {
		t.Errorf("the proxy was asked for %q; %v", asked, err)
	}
	silent(t, fmt.Sprint(err))
}
