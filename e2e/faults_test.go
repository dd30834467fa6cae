//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// behind is the lab with a proxy before each API server, which does as plan says. The kubeconfig that leads there has the
// canary for a token: the proxies have the credentials.
func (l *lab) behind(t *testing.T, plan faultproxy.Plan, around ...func(http.Handler) http.Handler) (*lab, map[string]*faultproxy.Proxy) {
	t.Helper()
	given, err := clientcmd.LoadFromFile(l.variable("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config, proxies := clientapi.NewConfig(), map[string]*faultproxy.Proxy{}
	for name := range given.Contexts {
		direct, err := clientcmd.NewNonInteractiveClientConfig(*given, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		next, err := faultproxy.To(direct)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range around {
			next = f(next)
		}
		proxies[name] = faultproxy.New(next, plan)
		front := httptest.NewServer(proxies[name])
		t.Cleanup(front.Close)
		t.Cleanup(front.CloseClientConnections) // watches never end by themselves; this is called first
		config.Clusters[name] = &clientapi.Cluster{Server: strings.Replace(front.URL, "://", "://admin:"+canaries["the kubeconfig"]+"@", 1)}
		config.Contexts[name] = &clientapi.Context{Cluster: name, AuthInfo: "canary"}
	}
	config.AuthInfos["canary"] = &clientapi.AuthInfo{Token: canaries["the kubeconfig"]}
	config.CurrentContext = given.CurrentContext
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return l.with("KUBECONFIG=" + file), proxies
}

// TestFaultsSample: verify of both clusters while every seventh request suffers a fault. Nothing fails that passes
// without; what could not be seen is unknown and says why.
func TestFaultsSample(t *testing.T) {
	args := []string{"verify", "--context", "infra,apps", "--timeout", "20s", "-o", "json"}
	r := theLab.run(t, "", "kubectl-cilium_gitops", args...)
	quiet := decoded(t, r)
	if r.code != 0 || len(quiet.Results) == 0 {
		t.Fatalf("without a fault: exit code %d, %d results\n%s", r.code, len(quiet.Results), r.stderr)
	}
	var result faultproxy.Result
	for _, fault := range faultproxy.Reading {
		l, proxies := theLab.behind(t, faultproxy.Every(7, fault))
		r := l.run(t, "", "kubectl-cilium_gitops", args...)
		v := decoded(t, r)
		if len(v.Results) != len(quiet.Results) {
			t.Errorf("%s: %d results, %d without", fault, len(v.Results), len(quiet.Results))
		}
		outcome := fmt.Sprintf("exit code %d", r.code)
		if r.code != 0 && r.code != 3 {
			t.Errorf("%s: exit code %d\n%s", fault, r.code, r.stderr)
		}
		for _, c := range v.Results {
			if c.Outcome == "fail" || c.Outcome == "unknown" && (len(c.Evidence) == 0 || c.Evidence[0].Got == "") {
				t.Errorf("%s: %+v", fault, c)
			}
		}
		for _, p := range proxies {
			if len(p.Injected()) == 0 {
				t.Errorf("%s was injected nowhere", fault)
			}
			for f, n := range p.Injected() {
				for range n {
					result.Add(string(f), outcome)
				}
			}
		}
	}
	result.Keep(t, "e2e", "R4")
}

// losing is what a real run suffers.
var losing = []faultproxy.Fault{
	faultproxy.Refused, faultproxy.AnswerLost, faultproxy.Cut, faultproxy.Unavailable, faultproxy.Gone, faultproxy.Truncated, faultproxy.Busy, faultproxy.Broken,
}

// TestFaults runs both programs' whole command set on clusters full of canaries, hands one cluster over while every so
// many requests are lost, and the other while no watch lives; there a pod is replaced, and that is seen.
func TestFaults(t *testing.T) {
	if os.Getenv("E2E_FAULTS") == "" {
		t.Skip("run by make e2e-faults; TestFaultsSample is part of make e2e")
	}
	l := another(t)
	tree := l.scaffolded(t)
	l.plant(t, tree)
	search := newSearch(t, l, tree)
	before := l.both(t)
	search.reading(t)
	t.Run("lost requests", func(t *testing.T) { l.lossy(t, tree, search) })
	if after := l.both(t); after["infra"] != before["infra"] {
		t.Errorf("pods of Cilium changed: %s, before %s", after["infra"], before["infra"])
	}
	search.after(t)
	t.Run("no watch lives", func(t *testing.T) { l.blinking(t, tree, search) })
	search.files(t)
	search.result.Keep(t, "e2e", "R19")
}

// lossy hands infra over while every 13th request suffers a fault, going on as often as it takes.
func (l *lab) lossy(t *testing.T, tree string, search *search) {
	t.Helper()
	var kept faultproxy.Result
	behind, proxies := l.behind(t, faultproxy.Every(13, losing...))
	args := []string{"run", "--context", "infra", "--yes", "--soak", "3s"}
	var r result
	for turn := range 12 {
		r = behind.run(t, tree, "flux-handover", args...)
		search.look(t, fmt.Sprintf("run %d behind faults", turn), r.stdout+r.stderr)
		t.Logf("turn %d: exit code %d\n%s%s", turn, r.code, r.stderr, r.stdout)
		if r.code == 0 {
			break
		}
		if r.code == 5 {
			l.free(t, "infra") // it stopped without a chance to give the lock back
		}
		if r.code == 4 {
			args = []string{"run", "--context", "infra", "--yes", "--soak", "3s", "--resume"}
		}
	}
	if r.code != 0 {
		t.Fatalf("never gets through: %v", proxies["infra"].Log())
	}
	for f, n := range proxies["infra"].Injected() {
		for range n {
			kept.Add(string(f), "the run ends as an undisturbed one")
		}
	}
	got := l.get(t, "infra", "kube-system", "helmrelease/cilium",
		"{.status.history[0].version} {.status.history[0].status} {.status.lastAttemptedReleaseAction} [{.spec.suspend}]")
	if got != "2 deployed upgrade []" {
		t.Errorf("HelmRelease %q", got)
	}
	kept.Keep(t, "e2e", "R1")
}

// blinking hands apps over while each watch ends at once or is too old; a pod is replaced meanwhile.
func (l *lab) blinking(t *testing.T, tree string, search *search) {
	t.Helper()
	n := 0
	behind, proxies := l.behind(t, func(_ int, r *http.Request) faultproxy.Fault {
		if r.URL.Query().Get("watch") == "" {
			return faultproxy.None
		}
		n++
		return []faultproxy.Fault{faultproxy.Cut, faultproxy.Gone, faultproxy.Refused}[n%3]
	})
	cmd, out := behind.background(t, tree, "run", "--context", "apps", "--yes", "--soak", "5m")
	l.reaches(t, "apps", "soak")
	pod := strings.Fields(l.must(t, "", "kubectl", "--context", "apps", "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "-o", "name"))[0]
	l.must(t, "", "kubectl", "--context", "apps", "-n", "kube-system", "delete", "--wait=false", pod)
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != 4 || !strings.Contains(out.String(), strings.TrimPrefix(pod, "pod/")) {
		t.Errorf("%v\n%s", err, out)
	}
	search.look(t, "a run without watches", out.String())
	var result faultproxy.Result
	for f, n := range proxies["apps"].Injected() {
		for range n {
			result.Add(string(f)+", of a watch", "the replaced pod is seen, and the run stops")
		}
	}
	result.Keep(t, "e2e", "R4")
}

// decoded is the document that verify printed.
func decoded(t *testing.T, r result) (v verification) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("exit code %d, no document: %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return v
}
