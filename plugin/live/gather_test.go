package live

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// maxRequests is what one cluster is asked at most for the checks of Cilium and of its handover, execs aside, and
// neighbours what its neighbours cost besides: issuers, and the sources of the tree and the chart.
const (
	maxRequests = 16
	neighbours  = 3
)

// noExec are the parts that pods are asked for.
var noExec = map[facts.Part]string{
	facts.Agents: "--no-exec", facts.BGP: "--no-exec", facts.Health: "--no-exec", facts.Tunnels: "--no-exec",
	facts.Relay: "--no-exec", facts.Targets: "--no-exec",
}

func TestGather(t *testing.T) {
	s := newServer(t)
	f := gather(t, s, options(everything()...))
	if len(f.Blind) > 0 {
		t.Errorf("blind: %v", f.Blind)
	}
	if want := noExec; !reflect.DeepEqual(f.Declined, want) {
		t.Errorf("declined: %v", f.Declined)
	}
	if f.Cluster != "infra" || f.Context != "admin@infra" || f.Server != s.URL || !f.Taken.Equal(noon) || f.Live.Version != "v1.37.2" {
		t.Errorf("%s %s %s %s %s", f.Cluster, f.Context, f.Server, f.Taken, f.Live.Version)
	}
	l := f.Live
	var names []string
	for _, n := range l.Nodes {
		names = append(names, n.Name)
	}
	for _, all := range [][]facts.Workload{l.DaemonSets, l.Deployments} {
		for _, w := range all {
			names = append(names, w.Name)
		}
	}
	for _, p := range l.Pods {
		names = append(names, p.Name)
	}
	for _, c := range l.CRDs {
		names = append(names, c.Name+" "+c.Bundle+c.Schema)
	}
	for _, r := range l.Records {
		names = append(names, fmt.Sprint(r.Release, " ", r.Revision))
	}
	want := []string{
		"infra-1", "infra-2", "cilium", "spegel", "cilium-operator", "cilium-1",
		"ciliumnodes.cilium.io 1.31.9", "gateways.gateway.networking.k8s.io v1.2.0", "cilium 2", "cilium 3",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
	if l.Config.Data["cluster-name"] != "infra" || !l.Config.Changed.Equal(noon) || l.Settings.Data["CLUSTER"] != "infra" || l.Settings.Data["API_TOKEN"] != facts.Redacted {
		t.Errorf("%+v %+v", l.Config, l.Settings)
	}
	if l.Release == nil || l.Release.Revision != 3 || len(l.Certificates) != 1 || l.Certificates[0].Broken == "" || len(l.ServiceMonitors) != 1 {
		t.Errorf("%+v %+v %+v", l.Release, l.Certificates, l.ServiceMonitors)
	}
	accepted := facts.Condition{Type: "Accepted", Status: "True", Reason: "Accepted", ObservedGeneration: 2, Since: noon}
	if len(l.GatewayClasses) != 1 || l.GatewayClasses[0].Generation != 2 || *l.GatewayClasses[0].Accepted != accepted {
		t.Errorf("%+v", l.GatewayClasses)
	}
	if text := fmt.Sprintf("%+v %+v %+v", l.Release, l.Settings, l.Config); strings.Contains(text, canary) {
		t.Errorf("a secret comes through: %s", text)
	}
}

func TestRequests(t *testing.T) {
	s := newServer(t)
	gather(t, s, options(check.Needs(check.All(), nil)...))
	requests := s.asked()
	about := func(r string) bool {
		return strings.Contains(r, "cert-manager.io") || strings.Contains(r, "source.toolkit.fluxcd.io")
	}
	if own := slices.DeleteFunc(slices.Clone(requests), about); len(own) > maxRequests || len(requests) > maxRequests+neighbours {
		t.Errorf("%d requests, at most %d, and %d of neighbours:\n%s", len(requests), maxRequests, neighbours, strings.Join(requests, "\n"))
	}
	for i, r := range requests {
		method, uri, _ := strings.Cut(r, " ")
		path, _, _ := strings.Cut(uri, "?")
		if method != http.MethodGet {
			t.Errorf("%s is no reading", r)
		}
		if slices.Contains([]string{"/api", "/apis", "/api/v1", "/openapi/v2", "/openapi/v3", "/swagger.json"}, strings.TrimSuffix(path, "/")) || strings.Count(path, "/") < 4 && strings.HasPrefix(path, "/apis/") {
			t.Errorf("%s is discovery", r)
		}
		if slices.Contains(requests[:i], r) {
			t.Errorf("%s twice", r)
		}
	}
	if requests[0] != "GET "+versionPath {
		t.Errorf("the first request opens the connection for all; it was %s", requests[0])
	}
	if first := slices.IndexFunc(requests, func(r string) bool { return strings.Contains(r, "secrets?labelSelector=owner") }); first < 0 || slices.Index(requests, "GET "+recordPath) < first {
		t.Errorf("the release's contents are asked for once it is known which is the newest:\n%s", strings.Join(requests, "\n"))
	}
}

func TestOnlyWhatIsAskedForIsSeen(t *testing.T) {
	s := newServer(t)
	f := gather(t, s, options(facts.Release))
	if f.Live.Release == nil || len(f.Blind) > 0 {
		t.Errorf("%+v, blind %v", f.Live.Release, f.Blind)
	}
	if requests := s.asked(); len(requests) != 5 { // version, two namespaces of records, the record, and HelmReleases: whether its values are a Secret's
		t.Errorf("%q", requests)
	}
	o := options(facts.Settings)
	o.Expect.Flux.Settings = ""
	s = newServer(t)
	if f := gather(t, s, o); f.Live.Settings != nil || len(s.asked()) != 1 {
		t.Errorf("a fleet without settings was asked for them: %q", s.asked())
	}
}

// TestAgentsOfUnseenPods shows that nobody is asked where it is not known whom.
func TestAgentsOfUnseenPods(t *testing.T) {
	s := newServer(t)
	s.answers[podsPath] = forbid("list", "pods")
	o := options(everything()...)
	o.NoExec = false
	f := gather(t, s, o)
	for _, part := range []facts.Part{facts.Pods, facts.Agents, facts.BGP} {
		if !strings.Contains(f.Blind[part], `cannot list resource "pods"`) {
			t.Errorf("%s: %q", part, f.Blind[part])
		}
	}
	if want := map[facts.Part]string{facts.Tunnels: facts.NoProbe}; !reflect.DeepEqual(f.Declined, want) {
		t.Errorf("declined: %v", f.Declined)
	}
}

// TestNotFoundOfWhatAlwaysExists is no absence: something that is no API server answers.
func TestNotFoundOfWhatAlwaysExists(t *testing.T) {
	for _, c := range []struct {
		path string
		part facts.Part
	}{{nodesPath, facts.Nodes}, {daemonSetsPath, facts.DaemonSets}, {podsPath, facts.Pods}, {secretsPath, facts.Releases}, {crdsPath, facts.CRDs}} {
		s := newServer(t)
		delete(s.answers, c.path)
		if f := gather(t, s, options(everything()...)); f.Blind[c.part] == "" {
			t.Errorf("%s is not there, and nobody says so", c.path)
		}
	}
}

func TestOneReasonForAll(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	s := newServer(t)
	s.answers[versionPath] = say(http.StatusOK, "<html>Login</html>")
	for name, c := range map[string]struct {
		host string
		want string
		done func() int
	}{
		"nobody there":      {closed.URL, "unreachable: ", func() int { return 0 }},
		"not an API server": {s.URL, "invalid character '<'", func() int { return len(s.asked()) - 1 }},
	} {
		f := Gather(t.Context(), &rest.Config{Host: c.host}, options(everything()...))
		if n := c.done(); n != 0 {
			t.Errorf("%s: %d requests more than one", name, n)
		}
		blindAlike(t, name, f, c.want)
	}
}

// blindAlike wants every part, those of the agents aside, blind for one and the same reason.
func blindAlike(t *testing.T, name string, f facts.Facts, want string) {
	t.Helper()
	for _, part := range everything() {
		if looks[part].exec {
			continue
		}
		if why := f.Blind[part]; !strings.Contains(why, want) || why != f.Blind[facts.Version] {
			t.Errorf("%s: %s is blind for %q, want %q", name, part, why, want)
		}
	}
}

// patience is a context whose deadline passes when it is told to: no test waits for a clock.
type patience struct {
	context.Context
	once sync.Once
	over chan struct{}
}

func newPatience(t *testing.T) *patience {
	return &patience{Context: t.Context(), over: make(chan struct{})}
}

func (p *patience) end() { p.once.Do(func() { close(p.over) }) }

func (p *patience) Done() <-chan struct{} { return p.over }

func (p *patience) Err() error {
	select {
	case <-p.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestHangingServer(t *testing.T) {
	s := newServer(t)
	ctx := newPatience(t)
	s.answers[versionPath] = func(w http.ResponseWriter, r *http.Request) { ctx.end(); hang(w, r) }
	f := Gather(ctx, &rest.Config{Host: s.URL}, options(everything()...))
	blindAlike(t, "hangs", f, "timed out after 1m0s: no answer from "+s.URL)
	if n := len(s.asked()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestTimeoutIsKept has a server that never answers, and a timeout that passes by itself.
func TestTimeoutIsKept(t *testing.T) {
	s := newServer(t)
	s.answers[versionPath] = hang
	o := options(everything()...)
	o.Timeout = time.Millisecond
	blindAlike(t, "hangs", gather(t, s, o), "timed out after 1ms: no answer from "+s.URL)
}

func TestOneHangingPath(t *testing.T) {
	s := newServer(t)
	s.answers[nodesPath] = hang
	ctx := newPatience(t)
	o := options(facts.Nodes, facts.Config, facts.Release)
	o.Tell = func(done, _ int) {
		if done == 4 { // the version, cilium-config, and the release in two steps
			ctx.end()
		}
	}
	f := Gather(ctx, &rest.Config{Host: s.URL}, o)
	if !strings.HasPrefix(f.Blind[facts.Nodes], "timed out after 1m0s") || len(f.Blind) != 1 || f.Live.Config == nil || f.Live.Release == nil {
		t.Errorf("blind %v, config %v, release %v", f.Blind, f.Live.Config, f.Live.Release)
	}
}

func TestInterrupted(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.answers[versionPath] = func(w http.ResponseWriter, r *http.Request) { cancel(); hang(w, r) }
	blindAlike(t, "interrupted", Gather(ctx, &rest.Config{Host: s.URL}, options(everything()...)), "interrupted")
}

func TestUnauthorizedAndGarbage(t *testing.T) {
	s := newServer(t)
	s.answers[nodesPath] = refuse(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
	s.answers[configPath] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"ConfigMap","apiVersion":"v1","data":{"a":`))
	}
	s.answers[recordPath] = object(core.Secret{TypeMeta: metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}, Data: map[string][]byte{"release": []byte("{" + canary)}})
	s.answers[monitorsPath] = say(http.StatusBadGateway, "<html>no upstream</html>")
	f := gather(t, s, options(everything()...))
	if !strings.HasPrefix(f.Blind[facts.Nodes], "unauthorized: ") || f.Blind[facts.Config] == "" || f.Blind[facts.ServiceMonitors] == "" {
		t.Errorf("%v", f.Blind)
	}
	if want := "read release record kube-system/sh.helm.release.v1.cilium.v3: not base64"; f.Blind[facts.Release] != want {
		t.Errorf("%q, want %q", f.Blind[facts.Release], want)
	}
	if len(f.Blind) != 4 || strings.Contains(fmt.Sprint(f.Blind), canary) {
		t.Errorf("%v", f.Blind)
	}
}

func TestPagesAreFollowed(t *testing.T) {
	s := newServer(t)
	page := func(kind, version string, items map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			token := r.URL.Query().Get("continue")
			if r.URL.Query().Get("limit") == "" {
				t.Errorf("%s asks for all at once", r.URL)
			}
			out := list(kind, version, items[token])
			if token == "" {
				out["metadata"] = map[string]any{"continue": "second"}
			}
			object(out)(w, r)
		}
	}
	node := func(name string) any { return core.Node{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	pod := func(name string) any {
		return core.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"k8s-app": "cilium"}}}
	}
	ds := func(name string) any {
		return apps.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}}
	}
	s.answers[nodesPath] = page("NodeList", "v1", map[string]any{"": node("b"), "second": node("a")})
	s.answers[podsPath] = page("PodList", "v1", map[string]any{"": pod("b"), "second": pod("a")})
	s.answers[daemonSetsPath] = page("DaemonSetList", "apps/v1", map[string]any{"": ds("b"), "second": ds("a")})
	s.answers[crdsPath] = page("PartialObjectMetadataList", "meta.k8s.io/v1", map[string]any{"": partial("b.cilium.io", "", nil, nil), "second": partial("a.cilium.io", "", nil, nil)})
	s.answers[secretsPath] = page("PartialObjectMetadataList", "meta.k8s.io/v1", map[string]any{
		"": helmRecord("sh.helm.release.v1.cilium.v2", "cilium", "2", "superseded"), "second": helmRecord("sh.helm.release.v1.cilium.v3", "cilium", "3", "deployed"),
	})
	f := gather(t, s, options(everything()...))
	if len(f.Blind) > 0 {
		t.Fatalf("blind: %v", f.Blind)
	}
	l := f.Live
	if len(l.Nodes) != 2 || l.Nodes[0].Name != "a" || len(l.Pods) != 2 || len(l.DaemonSets) != 2 || len(l.CRDs) != 2 || len(l.Records) != 2 || l.Release.Revision != 3 {
		t.Errorf("%d nodes, %d pods, %d daemonsets, %d CRDs, %d records", len(l.Nodes), len(l.Pods), len(l.DaemonSets), len(l.CRDs), len(l.Records))
	}
}

// TestKubeProxyOfAnotherNamespace has Cilium outside kube-system, where kube-proxy still is.
func TestKubeProxyOfAnotherNamespace(t *testing.T) {
	s := newServer(t)
	proxy := metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy", Labels: map[string]string{"k8s-app": "kube-proxy"}}
	s.answers[daemonSetsPath] = object(list("DaemonSetList", "apps/v1", apps.DaemonSet{ObjectMeta: proxy}))
	s.answers["/api/v1/namespaces/cilium/pods"] = object(list("PodList", "v1", core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "cilium", Name: "cilium-1", Labels: map[string]string{"k8s-app": "cilium"}}}))
	static := metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy-infra-1", Labels: map[string]string{"component": "kube-proxy"}}
	other := metav1.ObjectMeta{Namespace: "kube-system", Name: "cilium-debug", Labels: map[string]string{"k8s-app": "cilium"}}
	s.answers[podsPath] = object(list("PodList", "v1", core.Pod{ObjectMeta: static}, core.Pod{ObjectMeta: other}))
	o := options(facts.DaemonSets, facts.Pods)
	o.Expect.Cilium.Namespace = "cilium"
	f := gather(t, s, o)
	if len(f.Blind) > 0 || len(f.Live.DaemonSets) != 1 || len(f.Live.Pods) != 2 || f.Live.Pods[1].Name != "kube-proxy-infra-1" {
		t.Errorf("blind %v\n%+v\n%+v", f.Blind, f.Live.DaemonSets, f.Live.Pods)
	}
}

func TestStrangers(t *testing.T) {
	s := newServer(t)
	s.answers[secretsPath] = object(partials(
		helmRecord("sh.helm.release.v1.cilium.v3", "cilium", "3", "deployed"),
		helmRecord("sh.helm.release.v1.cilium-rules.v1", "cilium-rules", "1", "superseded"),
		helmRecord("sh.helm.release.v1.cilium-rules.v2", "cilium-rules", "2", "deployed"),
		helmRecord("sh.helm.release.v1.coredns.v1", "coredns", "1", "deployed"),
	))
	rules := *secret(zipped(t, []byte(strings.Replace(helm3, `{"name":"cilium","version":"1.18.2"`, `{"name":"rules","version":"1.18.2"`, 1))))
	rules.TypeMeta = metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}
	s.answers[secretsPath+"/sh.helm.release.v1.cilium-rules.v2"] = object(rules)
	f := gather(t, s, options(facts.Releases))
	var got []string
	for _, r := range f.Live.Records {
		got = append(got, fmt.Sprint(r.Release, " ", r.Revision, " ", r.Chart))
	}
	if want := []string{"cilium 3 ", "cilium-rules 1 rules", "cilium-rules 2 rules"}; !slices.Equal(got, want) || len(f.Blind) > 0 {
		t.Errorf("got %q, want %q; blind %v", got, want, f.Blind)
	}
}

func TestHostileClusterIsNeutralised(t *testing.T) {
	const evil = "x\x1b[2J\u202e\u009b"
	s := newServer(t)
	s.answers[versionPath] = object(map[string]string{"gitVersion": evil})
	s.answers[nodesPath] = object(list("NodeList", "v1", core.Node{ObjectMeta: metav1.ObjectMeta{Name: evil}}))
	s.answers[podsPath] = refuse(http.StatusForbidden, metav1.StatusReasonForbidden, evil+strings.Repeat("m", 1<<20))
	s.answers[configPath] = object(core.ConfigMap{TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"}, Data: map[string]string{evil: evil, "big": strings.Repeat("b", 1<<20)}})
	o := options(everything()...)
	o.Cluster, o.Context = evil, evil
	f := gather(t, s, o)
	var out bytes.Buffer
	if err := facts.Write(&out, []facts.Facts{f}); err != nil {
		t.Fatal(err)
	}
	all, err := facts.Read(&out)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(all[0].Live, f.Live) || !reflect.DeepEqual(all[0].Blind, f.Blind) {
		t.Error("what is recorded of it is not what was seen")
	}
	text := fmt.Sprintf("%+v %+v %+v %+v", f.Cluster, f.Blind, f.Live.Nodes, *f.Live.Config)
	if strings.ContainsAny(text, "\x1b\u202e\u009b") || strings.Count(text, `x\x1b[2J\u202e\x9b`) < 4 {
		t.Errorf("%.500q", text)
	}
	if len(f.Live.Config.Data["big"]) > facts.MaxText || len(f.Blind[facts.Pods]) > facts.MaxText {
		t.Error("a long text is not cut")
	}
}

func TestTellCountsToTheEnd(t *testing.T) {
	for name, forbidden := range map[string]string{"all seen": "", "one blind": podsPath, "blind, and what follows it": secretsPath} {
		s := newServer(t)
		if forbidden != "" {
			s.answers[forbidden] = forbid("list", "it")
		}
		var mu sync.Mutex
		var heard []int
		total := 0
		o := options(everything()...)
		o.Tell = func(done, of int) {
			mu.Lock()
			defer mu.Unlock()
			heard, total = append(heard, done), of
		}
		gather(t, s, o)
		slices.Sort(heard)
		for i, n := range heard {
			if n != i+1 {
				t.Fatalf("%s: %v", name, heard)
			}
		}
		if len(heard) != total || total != len(everything())-len(noExec) {
			t.Errorf("%s: %d of %d", name, len(heard), total)
		}
	}
}

func TestUnseen(t *testing.T) {
	f := Unseen(options(facts.Nodes, facts.BGP), "no context \x1b")
	if want := map[facts.Part]string{facts.Nodes: `no context \x1b`, facts.BGP: `no context \x1b`}; !reflect.DeepEqual(f.Blind, want) || f.Cluster != "infra" || !f.Taken.Equal(noon) {
		t.Errorf("%+v", f)
	}
}

// TestManyClustersAtOnce shares what a fleet shares between its clusters; the race detector looks on.
func TestManyClustersAtOnce(t *testing.T) {
	s := newServer(t)
	o := options(everything()...)
	var wg sync.WaitGroup
	all := make([]facts.Facts, 4)
	for i := range all {
		wg.Go(func() { all[i] = gather(t, s, o) })
	}
	wg.Wait()
	for _, f := range all {
		if !reflect.DeepEqual(f, all[0]) {
			t.Errorf("the same cluster, seen twice: %+v", f.Blind)
		}
	}
}
