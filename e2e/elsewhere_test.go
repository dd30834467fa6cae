//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const gatewayClasses = "gatewayclasses.gateway.networking.k8s.io"

// helmRepository serves the lab's chart as a classic Helm repository does, until the test ends.
func helmRepository(t *testing.T, c cell) string {
	t.Helper()
	chart, err := os.ReadFile(c.lab.variable("LAB_CHART"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(chart)
	archive := "cilium-" + c.cilium + ".tgz"
	index := fmt.Sprintf("apiVersion: v1\nentries:\n  cilium:\n  - apiVersion: v2\n    name: cilium\n    version: %s\n    digest: %s\n    urls: [%s]\n",
		c.cilium, hex.EncodeToString(sum[:]), archive)
	mux := http.NewServeMux()
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, index) })
	mux.HandleFunc("/"+archive, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(chart) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// again uninstalls what the lab bootstrapped and installs it once more, as the lab does, with further arguments.
func (c cell) again(t *testing.T, args ...string) {
	t.Helper()
	helm := []string{"--kube-context", c.on, "-n", "kube-system"}
	c.kubectl(t, "-n", "kube-system", "wait", "pods", "--all", "--for=condition=Ready", "--timeout=60s")
	install := append([]string{
		"install", "cilium", c.lab.variable("LAB_CHART"), "--values", filepath.Join(c.lab.state, c.on, "values.yaml"),
		"--wait", "--timeout", "3m",
	}, args...)
	c.lab.must(t, "", "helm", append(install, helm...)...)
}

func (c cell) uninstall(t *testing.T) {
	t.Helper()
	c.lab.must(t, "", "helm", "--kube-context", c.on, "-n", "kube-system", "uninstall", "cilium", "--wait", "--timeout", "2m")
	c.kubectl(t, "-n", "kube-system", "wait", "pods", "-l", "app.kubernetes.io/part-of=cilium", "--for=delete", "--timeout=60s")
}

// onKubernetes does the bootstrap again while the API server says that it is of another version. Flux meets it as it is.
func onKubernetes(version string) func(*testing.T, cell) {
	return func(t *testing.T, c cell) {
		c.uninstall(t)
		c.again(t, "--kube-apiserver", pretend(t, c, version))
	}
}

// withoutGatewayClasses does the bootstrap again while there is no such API, which then comes.
func withoutGatewayClasses(t *testing.T, c cell) {
	var crd map[string]any
	if err := json.Unmarshal([]byte(c.kubectl(t, "get", "crd", gatewayClasses, "-o", "json")), &crd); err != nil {
		t.Fatal(err)
	}
	was := crd["metadata"].(map[string]any)
	crd["metadata"] = map[string]any{"name": was["name"], "annotations": was["annotations"], "labels": was["labels"]}
	delete(crd, "status")
	c.uninstall(t)
	c.kubectl(t, "delete", "crd", gatewayClasses, "--wait")
	c.again(t)
	text, err := json.Marshal(crd)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "crd.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "create", "-f", file)
	c.kubectl(t, "wait", "crd", gatewayClasses, "--for=condition=Established", "--timeout=30s")
}

// pretend stands before the API server and answers with another version when asked for it, until the test ends.
func pretend(t *testing.T, c cell, version string) string {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: c.lab.variable("KUBECONFIG")},
		&clientcmd.ConfigOverrides{CurrentContext: c.on},
	).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Header.Del("Authorization")
			if r.In.URL.Path == "/version" {
				r.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Path != "/version" {
				return nil
			}
			body, err := otherVersion(r.Body, version)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func otherVersion(body io.Reader, version string) ([]byte, error) {
	var v map[string]any
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		return nil, err
	}
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	v["gitVersion"], v["major"], v["minor"] = version, parts[0], parts[1]
	return json.Marshal(v)
}
