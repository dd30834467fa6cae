package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/hack/fakeapi"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// many is a fleet of recorded clusters under other names, some of them dead.
type many struct {
	*fakeapi.Fleet

	dir   string
	taken time.Time
	model facts.Facts
	names []string
}

func newMany(t *testing.T, n int) *many {
	t.Helper()
	text, err := os.ReadFile("../../examples/fleet/facts/infra.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := facts.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := fakeapi.NewFleet()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fleet.Close() })
	m := &many{Fleet: fleet, dir: t.TempDir(), taken: all[0].Taken, model: all[0]}
	for i := range n {
		m.names = append(m.names, fmt.Sprintf("c%03d", i+1))
	}
	return m
}

// cluster serves the recording as that cluster's.
func (m *many) cluster(t *testing.T, name string, around func(http.Handler) http.Handler) {
	t.Helper()
	f, err := fakeapi.Renamed(m.model, name, m.taken)
	if err != nil {
		t.Fatal(err)
	}
	c, err := fakeapi.New(f, fakeapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Serve(name, around(c), 0); err != nil {
		t.Fatal(err)
	}
}

// write puts a kubeconfig and a fleet file into the folder.
func (m *many) write(t *testing.T) {
	t.Helper()
	config, err := m.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters:\n"
	for _, name := range m.names {
		text += fmt.Sprintf("- {name: %[1]s, context: %[1]s, path: %[1]s}\n", name)
	}
	for name, content := range map[string][]byte{"kubeconfig": config, "fleet.yaml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(m.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// verify runs the command on all of them, at the time at which they were recorded.
func (m *many) verify(t *testing.T, more ...string) (code int, out, story string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := cli.System("kubectl cilium-gitops")
	env.Out, env.ErrOut = &stdout, &stderr
	env.Now = func() time.Time { return m.taken }
	env.Getenv = func(string) string { return "" }
	args := append([]string{"verify", "--no-exec", "--repo", m.dir, "--kubeconfig", filepath.Join(m.dir, "kubeconfig")}, more...)
	code = cli.Main(env, ciliumgitops.New(env), args)
	return code, stdout.String(), stderr.String()
}

type verified struct {
	Clusters []struct{ Name string }
	Summary  struct {
		Pass, Fail, Unknown int
		Outcome             string
	}
	Results []struct {
		ID, Cluster, Outcome, Reason string
		Evidence                     []struct{ Where, Got string }
	}
}

// TestTwoHundredContexts: of 200 clusters ten are dead, in two ways. The other 190 are seen whole while those that take a
// connection and say nothing are still waited for; each dead one is named, and the whole is unknown.
func TestTwoHundredContexts(t *testing.T) {
	m := newMany(t, 200)
	m.Plain = true
	var mu sync.Mutex
	read := 0
	last := func(c http.Handler) http.Handler { // the release's contents are read last of all
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.ServeHTTP(w, r)
			if strings.Contains(r.URL.Path, "/secrets/sh.helm.release.") {
				mu.Lock()
				defer mu.Unlock()
				if read++; read == 190 {
					m.Hush()
				}
			}
		})
	}
	var dead []string
	for i, name := range m.names {
		switch i % 40 {
		case 7:
			dead = append(dead, name)
			if err := m.Refuse(name); err != nil {
				t.Fatal(err)
			}
		case 27:
			dead = append(dead, name)
			if err := m.Silence(name); err != nil {
				t.Fatal(err)
			}
		default:
			m.cluster(t, name, last)
		}
	}
	m.write(t)
	code, out, story := m.verify(t, "--context", strings.Join(m.names, ","), "--timeout", "9m", "-o", "json")
	var v verified
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != cli.ExitCannotTell {
		t.Fatalf("exit code %d, %v\n%s%.2000s", code, err, story, out)
	}
	outcomes := map[string]map[string]int{}
	for _, r := range v.Results {
		if outcomes[r.Cluster] == nil {
			outcomes[r.Cluster] = map[string]int{}
		}
		outcomes[r.Cluster][r.Outcome]++
		if r.Outcome == "unknown" && (!slices.Contains(dead, r.Cluster) || !strings.Contains(fmt.Sprint(r), "unreachable")) {
			t.Errorf("%+v", r)
		}
	}
	if len(v.Clusters) != 200 || len(outcomes) != 200 || v.Summary.Fail != 0 {
		t.Errorf("%d clusters, results of %d, %+v", len(v.Clusters), len(outcomes), v.Summary)
	}
	for name, o := range outcomes {
		if is := slices.Contains(dead, name); is != (o["unknown"] > 0) || is != (o["pass"] == 0) || o["fail"] > 0 {
			t.Errorf("%s, dead %t: %v", name, is, o)
		}
	}
}
