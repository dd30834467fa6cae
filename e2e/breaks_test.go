//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// broken is what verify must say while a break is in force: exactly these checks, on this cluster.
type broken struct {
	cluster string // default infra
	code    int    // default 1
	want    map[string]string
	// where must occur in the evidence of each of them: the node, the object.
	where string
	// differs is an unexpected difference that compare must name; empty where clusters are not compared by it.
	differs string
	// warns are checks that warn; the exit code is then 0.
	warns []string
}

// unreadable is every check that asks agents.
var unreadable = map[string]string{
	"CG108": "unknown", "CG109": "unknown", "CG111": "unknown", "CG130": "unknown", "CG703": "unknown", "CG708": "unknown", "CG710": "unknown",
	"CG712": "unknown",
}

// lagging is the prober's check: what it has not probed since an agent started is unknown, and is a failure after that.
var lagging = map[string]string{"CG712": "fail or unknown"}

// anyCode is the exit code of what is one or the other.
const anyCode = -1

func with(base map[string]string, more map[string]string) map[string]string {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

func fails(ids ...string) map[string]string {
	all := map[string]string{}
	for _, id := range ids {
		all[id] = "fail"
	}
	return all
}

// breaks has a row for every break that the lab knows and that verify can see from one look.
var breaks = map[string]broken{
	"agent-down":                {differs: "objects DaemonSet kube-system/cilium", want: with(with(unreadable, fails("CG104", "CG105", "CG713", "CG714")), lagging)},
	"agent-not-encrypting":      {differs: "features wireguard effective", want: fails("CG108"), where: "infra-2"},
	"agent-status-unreadable":   {differs: "objects Agent", want: unreadable, where: "infra-2", code: 3},
	"agent-unhealthy":           {differs: "objects Agent", want: fails("CG130"), where: "infra-2"},
	"bgp-crd-missing":           {differs: "objects CRD ciliumbgpclusterconfigs.cilium.io", want: fails("CG118"), where: "ciliumbgpclusterconfigs"},
	"bgp-peer-idle":             {want: fails("CG710"), where: "infra-2"},
	"git-unreachable":           {want: fails("CG903"), where: "GitRepository/flux-system/flux-system"},
	"issuer-unregistered":       {want: fails("CG902"), where: "letsencrypt-production"},
	"node-cut-off":              {want: lagging, where: "infra-2", code: anyCode},
	"relay-node-unavailable":    {want: fails("CG713"), where: "infra-2"},
	"spegel-port-clash":         {want: fails("CG127", "CG128")},
	"target-down":               {want: fails("CG714"), where: ":9962"},
	"cluster-id":                {differs: "values cluster.id", want: fails("CG126"), where: "cluster-id"},
	"config-newer-than-pods":    {differs: "config debug", want: fails("CG123"), where: "infra-1"},
	"config-without-wireguard":  {differs: "config enable-wireguard", want: fails("CG112"), where: "enable-wireguard"},
	"coredns-down":              {differs: "objects Deployment kube-system/coredns", want: fails("CG901"), where: "coredns"},
	"crd-missing":               {differs: "objects CRD grpcroutes.gateway.networking.k8s.io", want: fails("CG117"), where: "grpcroutes"},
	"gatewayclass-not-accepted": {differs: "objects GatewayClass cilium", want: fails("CG701"), where: "GatewayClass/cilium"},
	"hubble-cert-expired":       {differs: "objects Certificate kube-system/hubble-server-certs tls.crt", want: fails("CG705"), where: "hubble-server-certs"},
	"hubble-cert-expiring":      {differs: "objects Certificate kube-system/hubble-server-certs tls.crt", warns: []string{"CG705"}, where: "hubble-server-certs"},
	"kube-proxy":                {differs: "objects DaemonSet kube-system/kube-proxy", want: fails("CG110"), where: "kube-proxy"},
	"lbipam-crd-missing":        {differs: "objects CRD ciliumloadbalancerippools.cilium.io", want: fails("CG119"), where: "ciliumloadbalancerippools"},
	"operator-not-ready":        {differs: "objects Deployment kube-system/cilium-operator", want: fails("CG107"), where: "cilium-operator"},
	"relay-down":                {differs: "objects Deployment kube-system/hubble-relay", want: fails("CG704"), where: "hubble-relay"},
	"release-failed":            {differs: "objects Helm release kube-system/cilium", want: fails("CG120"), where: "sh.helm.release.v1.cilium.v2"},
	"release-pending":           {differs: "objects Helm release kube-system/cilium", want: fails("CG120"), where: "sh.helm.release.v1.cilium.v2"},
	"second-release":            {differs: "objects Helm release flux-system/kube-system-cilium", want: fails("CG122", "CG1001"), where: "kube-system-cilium"},
	"servicemonitor-missing":    {differs: "features prometheus effective", want: fails("CG707"), where: "ServiceMonitor"},
	"settings-incomplete":       {differs: "settings CILIUM_VERSION", want: map[string]string{"CG125": "fail", "CG126": "unknown"}, where: "CILIUM_VERSION"},
	"settings-other-cidr":       {differs: "values ipv4NativeRoutingCIDR", want: fails("CG126"), where: "ipv4-native-routing-cidr"},
	"settings-wrong":            {differs: "settings CLUSTER_ID", want: fails("CG125", "CG126")},
	"spegel-down":               {differs: "objects DaemonSet spegel/spegel", want: fails("CG127"), where: "spegel"},
	"version-skew":              {differs: "versions chart", cluster: "apps", want: fails("CG126"), where: "chart version"},
	"wireguard-peer-missing":    {differs: "features wireguard effective", want: fails("CG109"), where: "infra-2"},
}

// elsewhere are breaks with a test of their own below.
var elsewhere = []string{"api-stopped", "api-hanging", "exec-forbidden", "dns-failing", "mirror-unused"}

func TestEveryBreakHasACase(t *testing.T) {
	var listed []struct{ Name string }
	if err := json.Unmarshal([]byte(labDo(t, "break", "--list", "-o", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range elsewhere {
		known[name] = true
	}
	for name := range breaks {
		known[name] = true
	}
	for _, b := range listed {
		if !known[b.Name] {
			t.Errorf("lab break %s has no case here", b.Name)
		}
		delete(known, b.Name)
	}
	for name := range known {
		t.Errorf("the lab knows no break %s", name)
	}
}

// TestBreaks: while something is broken exactly the expected checks change, where it is broken; mended, all is well.
func TestBreaks(t *testing.T) {
	for name, want := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { labDo(t, "mend", "--all") })
			labDo(t, "break", name)
			v, r := verify(t, "--context", "infra,apps")
			checkBroken(t, v, r, want)
			code, unexpected := compare(t, "infra,apps")
			if named := slices.Contains(unexpected, want.differs); want.differs == "" && code != 0 || want.differs != "" && (code != 1 || !named) {
				t.Errorf("compare: exit code %d, want %q among %q", code, want.differs, unexpected)
			}
			labDo(t, "mend", name)
			if code, unexpected := compare(t, "apps,infra"); code != 0 {
				t.Errorf("mended, but compare: exit code %d, %q", code, unexpected)
			}
			if v, r := verify(t, "--context", "infra,apps"); r.code != 0 {
				t.Errorf("mended, but exit code %d: %v", r.code, v.outcomes())
			}
		})
	}
}

// compare runs compare and returns its exit code and what it found unexpected, "what path".
func compare(t *testing.T, contexts string) (int, []string) {
	t.Helper()
	r := run(t, "kubectl", "cilium-gitops", "compare", "--context", contexts, "-o", "json")
	var doc struct {
		Kind        string `json:"kind"`
		Differences []struct {
			What, Path string
			Expected   bool
		} `json:"differences"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || doc.Kind != "Comparison" {
		t.Fatalf("compare: exit code %d, no document: %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	var unexpected []string
	for _, d := range doc.Differences {
		if !d.Expected {
			unexpected = append(unexpected, d.What+" "+d.Path)
		}
	}
	return r.code, unexpected
}

func checkBroken(t *testing.T, v verification, r result, want broken) {
	t.Helper()
	cluster, code := want.cluster, want.code
	if cluster == "" {
		cluster = "infra"
	}
	if code == 0 && len(want.want) > 0 {
		code = 1
	}
	if r.code != code && code != anyCode {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	expected, got := map[string]string{}, v.outcomes()
	for id, outcome := range want.want {
		id = cluster + "/" + id
		if expected[id] = outcome; got[id] != "" && slices.Contains(strings.Split(outcome, " or "), got[id]) {
			expected[id] = got[id]
		}
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("other checks than expected (-want +got):\n%s", diff)
	}
	for id := range want.want {
		checkWhere(t, v.result(t, cluster, id), want.where)
	}
	for _, id := range want.warns {
		got := v.result(t, cluster, id)
		if got.Outcome != "warn" {
			t.Errorf("%s is %s, want warn", id, got.Outcome)
		}
		checkWhere(t, got, want.where)
	}
}

func checkWhere(t *testing.T, got verdict, where string) {
	t.Helper()
	if where == "" || len(got.Evidence) == 0 {
		return
	}
	for _, e := range got.Evidence {
		if strings.Contains(e.Where, where) || strings.Contains(e.Got, where) {
			return
		}
	}
	t.Errorf("%s does not point at %s: %+v", got.ID, where, got.Evidence)
}

// dead asks two clusters of which infra does not answer.
func dead(t *testing.T, want string, args ...string) result {
	t.Helper()
	v, r := verify(t, append([]string{"--context", "infra,apps"}, args...)...)
	if r.code != 3 {
		t.Errorf("exit code %d, want 3", r.code)
	}
	for _, result := range v.Results {
		if result.Outcome == "skip" && strings.HasPrefix(result.Reason, "not looked at: ") {
			continue // the tree's, and there is none here; a probe's
		}
		switch {
		case result.Cluster == "apps" && (result.Outcome == "fail" || result.Outcome == "unknown"):
			t.Errorf("the living cluster: %+v", result)
		case result.Cluster == "infra" && result.Outcome != "unknown":
			t.Errorf("the dead cluster: %+v", result)
		case result.Cluster == "infra" && (len(result.Evidence) == 0 || !strings.Contains(result.Evidence[0].Got, want)):
			t.Errorf("the dead cluster's evidence is not %q: %+v", want, result)
		}
	}
	return r
}

func TestStoppedServerIsUnknownAtOnce(t *testing.T) {
	t.Cleanup(func() { labDo(t, "mend", "--all") })
	labDo(t, "break", "api-stopped")
	dead(t, "unreachable: ")
	labDo(t, "mend", "api-stopped")
	if v, r := verify(t, "--context", "infra,apps"); r.code != 0 {
		t.Errorf("mended, but exit code %d: %v", r.code, v.outcomes())
	}
}

// TestHangingServerCostsItsTimeout: the whole takes the timeout, whatever the other cluster took. The margin is for
// starting two processes; what is held is that timeouts do not add up over 40 checks.
func TestHangingServerCostsItsTimeout(t *testing.T) {
	t.Cleanup(func() { labDo(t, "mend", "--all") })
	labDo(t, "break", "api-hanging")
	r := dead(t, "timed out after 2s", "--timeout", "2s")
	t.Logf("took %s with a timeout of 2s", r.took.Round(time.Millisecond))
	labDo(t, "mend", "api-hanging")
	if v, r := verify(t, "--context", "infra,apps"); r.code != 0 {
		t.Errorf("mended, but exit code %d: %v", r.code, v.outcomes())
	}
}

func TestExecForbidden(t *testing.T) {
	t.Cleanup(func() { labDo(t, "mend", "--all") })
	labDo(t, "break", "exec-forbidden", "--user", "nobody-in-particular")
	v, r := verify(t, "--context", "infra", "--as", "nobody-in-particular")
	if r.code != 3 {
		t.Errorf("exit code %d, want 3", r.code)
	}
	want := map[string]string{}
	// The relay and Prometheus are asked by port-forward, for which the user has no right either.
	for id := range with(unreadable, map[string]string{"CG713": "unknown", "CG714": "unknown"}) {
		want["infra/"+id] = "unknown"
		resource := map[string]string{"CG713": `resource "pods/portforward"`, "CG714": `resource "pods/portforward"`}[id]
		if resource == "" {
			resource = `resource "pods/exec"`
		}
		if text := v.result(t, "infra", id).Evidence; len(text) == 0 || !strings.Contains(text[0].Got, resource) {
			t.Errorf("%s does not name the verb: %+v", id, text)
		}
	}
	if diff := cmp.Diff(want, v.outcomes()); diff != "" {
		t.Errorf("other checks than expected (-want +got):\n%s", diff)
	}
}
