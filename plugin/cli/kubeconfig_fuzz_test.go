package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// FuzzKubeconfig: whatever a kubeconfig says, it is read as kubectl's own code reads it or refused, every context has a way
// or the reason why there is none, and a refusal to read the file shows nothing of what is in it.
func FuzzKubeconfig(f *testing.F) {
	const canary = "FuzzedCanary"
	f.Add(strings.ReplaceAll(someKubeconfig, "token: some", "token: "+canary))
	f.Add("users: [{name: a, user: {token: {" + canary + ": 1}}}]")
	f.Add("users: {" + canary + "}")
	f.Add("users:\n- name: a\n  user: {client-key-data: " + canary + "!, password: " + canary)
	f.Add("contexts: [{name: \"a\\e[31m\", context: null}]\ncurrent-context: b")
	f.Add("clusters: [{name: a, cluster: {server: 'https://a:b@c/?d'}}]\ncontexts: [{name: a, context: {cluster: a}}]")
	f.Add(canary + ": &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		file := filepath.Join(dir, "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := NewClusters()
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		c.AddFlags(flags)
		if err := flags.Parse([]string{"--kubeconfig", file, "--repo", dir, "--all-contexts"}); err != nil {
			t.Fatal(err)
		}
		raw, err := c.raw()
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Error(err)
		}
		targets, err := c.Targets()
		if (len(targets) == 0) == (err == nil) {
			t.Errorf("%d targets, %v", len(targets), err)
		}
		for _, target := range targets {
			if (target.Config == nil) != (target.Broken != nil) {
				t.Errorf("%s: %v, %v", target.Context, target.Config, target.Broken)
			}
			theirs := genericclioptions.NewConfigFlags(false)
			theirs.KubeConfig, theirs.Context = &file, &target.Context
			want, broken := theirs.ToRESTConfig()
			if broken == nil {
				broken = discreet(want) // kubectl finds out when it makes a client
			}
			if raw.Contexts[target.Context] != nil && (broken == nil) != (target.Broken == nil) {
				t.Errorf("%q: %v, kubectl says %v", target.Context, target.Broken, broken)
			}
			if broken == nil && target.Broken == nil && want.Host != target.Config.Host {
				t.Errorf("%q: %s, kubectl goes to %s", target.Context, target.Config.Host, want.Host)
			}
		}
	})
}
