package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
)

const someKubeconfig = `apiVersion: v1
kind: Config
current-context: infra
contexts:
- {name: infra, context: {cluster: one, user: admin}}
- {name: apps, context: {cluster: two, user: viewer, namespace: default}}
- {name: broken, context: {cluster: none, user: admin}}
clusters:
- {name: one, cluster: {server: "https://127.0.0.1:1", certificate-authority: ca.crt}}
- {name: two, cluster: {server: "https://127.0.0.1:2", insecure-skip-tls-verify: true, tls-server-name: two, proxy-url: "http://127.0.0.1:3", disable-compression: true}}
users:
- {name: admin, user: {token: some}}
- {name: viewer, user: {client-certificate: viewer.crt, client-key: viewer.key, as: somebody, as-groups: [some, others]}}
`

// TestWayToContext: whatever kubectl's flags say, a context's cluster is reached as kubectl's own code reaches it.
func TestWayToContext(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca.crt", "viewer.crt", "viewer.key", "other.crt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(someKubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{},
		{"--server", "https://127.0.0.1:9", "--tls-server-name", "nine", "--insecure-skip-tls-verify"},
		{"--certificate-authority", filepath.Join(dir, "other.crt"), "--token", "another"},
		{"--client-certificate", filepath.Join(dir, "viewer.crt"), "--client-key", filepath.Join(dir, "viewer.key")},
		{"--cluster", "two", "--user", "viewer", "--disable-compression"},
		{"--user", "nobody"},
		{"--as", "other", "--as-uid", "7", "--as-group", "a", "--as-group", "b", "--as-user-extra", "k=v", "--as-user-extra", "k=w", "--as-user-extra", "odd"},
		{"--request-timeout", "7s", "--proxy-url", "http://127.0.0.1:4", "--namespace", "other"},
	} {
		for _, context := range []string{"infra", "apps", "broken"} {
			c := NewClusters()
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			c.AddFlags(flags)
			if err := flags.Parse(append([]string{"--kubeconfig", file}, args...)); err != nil {
				t.Fatal(err)
			}
			raw, err := c.raw()
			if err != nil {
				t.Fatal(err)
			}
			got, broken := c.of(raw, context)
			theirs := genericclioptions.NewConfigFlags(false)
			own := pflag.NewFlagSet("", pflag.ContinueOnError)
			theirs.AddFlags(own)
			if err := own.Parse(append([]string{"--kubeconfig", file, "--context", context}, args...)); err != nil {
				t.Fatal(err)
			}
			want, wantBroken := theirs.ToRESTConfig()
			if (broken == nil) != (wantBroken == nil) || broken != nil && broken.Error() != wantBroken.Error() {
				t.Errorf("%q of %s: %v, want %v", args, context, broken, wantBroken)
			}
			if got == nil || want == nil {
				continue
			}
			if (got.Proxy == nil) != (want.Proxy == nil) {
				t.Errorf("%q of %s: a proxy %t, want %t", args, context, got.Proxy != nil, want.Proxy != nil)
			}
			got.Proxy, want.Proxy = nil, nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q of %s:\ngot  %v\nwant %v", args, context, got, want)
			}
		}
	}
}

// TestDiscreet: what is secret in a server's address is used, and shown nowhere.
func TestDiscreet(t *testing.T) {
	for _, c := range []struct{ host, shown, user, password, token string }{
		{"https://127.0.0.1:1", "https://127.0.0.1:1", "", "", "some"},
		{"127.0.0.1:1", "127.0.0.1:1", "", "", "some"},
		{"https://admin:secret@127.0.0.1:1/base", "https://127.0.0.1:1/base", "admin", "secret", ""},
		{"https://127.0.0.1:1/base?token=secret#secret", "https://127.0.0.1:1/base", "", "", "some"},
		{"admin:secret@127.0.0.1:1", "http://127.0.0.1:1", "admin", "secret", ""},
	} {
		config := &rest.Config{Host: c.host, BearerToken: "some"}
		if err := discreet(config); err != nil {
			t.Error(err)
		}
		if config.Host != c.shown || config.Username != c.user || config.Password != c.password || config.BearerToken != c.token {
			t.Errorf("%s: %s, %q %q %q", c.host, config.Host, config.Username, config.Password, config.BearerToken)
		}
		if _, err := rest.HTTPClientFor(config); err != nil {
			t.Errorf("%s: %v", c.host, err)
		}
	}
	if err := discreet(&rest.Config{Host: "https://admin:secret@ho st"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
