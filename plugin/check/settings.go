package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func settingsChecks() []Check {
	return []Check{{
		ID: "CG125", Phase: Bootstrap, AC: "AC-1",
		Title:  "cluster-settings has every setting that the tree asks for, each of its type",
		Hint:   "Mend kubernetes/clusters/CLUSTER/cluster-settings.yaml in Git. ConfigMap data are strings: write CLUSTER_ID: \"1\" and SERVICE_CIDR: '[\"10.245.0.0/16\"]'. A cluster without settings: flux.settings: \"\" in fleet.yaml.",
		About:  "Flux substitutes these as text into YAML. A missing one was an empty string until Flux 2.9 and breaks the build since; one of the wrong type is rejected by the chart or, worse, accepted.",
		Manual: "kubectl -n flux-system get configmap cluster-settings -o yaml",
		Needs:  []facts.Part{facts.Settings},
		Judge:  judgeSettings,
	}, {
		ID: "CG126", Phase: Bootstrap, AC: "AC-1",
		Title:  "cluster-settings agrees with the Cilium that runs",
		Hint:   "Whatever Flux would substitute differs from what runs: an adoption would change it. cluster.id and CIDRs must not change on a live cluster; correct the setting, not the cluster.",
		About:  "CLUSTER_ID, POD_CIDR_STRING and CILIUM_VERSION are what the HelmRelease will be made of. They must be what the bootstrap installed, or the adoption is no adoption.",
		Manual: "kubectl -n flux-system get configmap cluster-settings -o yaml; kubectl -n kube-system get configmap cilium-config -o yaml; helm -n kube-system list",
		Needs:  []facts.Part{facts.Settings, facts.Config, facts.Release, facts.Nodes},
		Judge:  judgeSettingsAgree,
	}}
}

// settingKind is a type of setting: what it is called and whether a text is one.
type settingKind struct {
	want string
	ok   func(string) bool
}

var (
	clusterName = settingKind{"a name of lower-case letters, digits and dashes, at most 32", regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`).MatchString}
	clusterID   = settingKind{"a whole number from 0 to 511", func(s string) bool { n, err := strconv.Atoi(s); return err == nil && n >= 0 && n <= 511 }}
	cidr        = settingKind{"a CIDR", func(s string) bool { _, err := netip.ParsePrefix(s); return err == nil }}
	cidrList    = settingKind{`a JSON list of CIDRs: ["10.245.0.0/16"]`, func(s string) bool { _, ok := prefixes(s); return ok }}
	version     = settingKind{"a version X.Y.Z", regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString}
	address     = settingKind{"an IP address", func(s string) bool { _, err := netip.ParseAddr(s); return err == nil }}
	asn         = settingKind{"an AS number", func(s string) bool { n, err := strconv.ParseUint(s, 10, 32); return err == nil && n > 0 }}
)

// noSettings says why a cluster has no settings, and need not; empty where it does.
func noSettings(f facts.Facts) string {
	switch {
	case f.Expect.Flux.Settings == "":
		return "the fleet has no settings"
	case f.Live.Settings == nil && f.Expect.Variables != nil && len(f.Expect.Variables) == 0:
		return "there is no ConfigMap " + f.Expect.Flux.Settings + ", and the tree asks for no variable"
	}
	return ""
}

// demanded tells whether a setting has to be there: the tree asks for a variable of that name. Where no tree was read, it
// does where the cluster has any setting of the story's names: a fleet may have others.
func demanded(f facts.Facts, key string) bool {
	if f.Expect.Variables != nil {
		return slices.Contains(f.Expect.Variables, key)
	}
	return slices.ContainsFunc(settingsWanted(), func(s settingWanted) bool { _, has := setting(f, s.key); return has })
}

// settingWanted is a setting of the story's; optional ones are only typed.
type settingWanted struct {
	key      string
	kind     settingKind
	optional bool
}

// settingsWanted are the story's settings that Cilium is made of.
func settingsWanted() []settingWanted {
	return []settingWanted{
		{"CLUSTER", clusterName, false}, {"CLUSTER_ID", clusterID, false}, {"POD_CIDR_STRING", cidr, false},
		{"SERVICE_CIDR", cidrList, false}, {"CILIUM_VERSION", version, false},
		{"CILIUM_GATEWAY_LB_IP", address, true}, {"CLUSTERMESH_IP", address, true}, {"CILIUM_BGP_LOCAL_ASN", asn, true},
	}
}

func settingsPlace(f facts.Facts) string {
	return place(f.Expect.Flux.Namespace, "ConfigMap", f.Expect.Flux.Settings)
}

func judgeSettings(f facts.Facts) Verdict {
	if why := noSettings(f); why != "" {
		return skip("%s", why)
	}
	where := settingsPlace(f)
	if f.Live.Settings == nil {
		return fail("there is no ConfigMap "+f.Expect.Flux.Settings, Evidence{where, "not found", "a ConfigMap"})
	}
	var n findings
	for _, s := range settingsWanted() {
		value, ok := setting(f, s.key)
		switch {
		case !ok && !s.optional && demanded(f, s.key):
			n.failed(where+" "+s.key, "(absent)", s.kind.want)
		case ok && !s.kind.ok(value):
			n.failed(where+" "+s.key, strconv.Quote(value), s.kind.want)
		}
	}
	pods, _ := setting(f, "POD_CIDR_STRING")
	services, _ := setting(f, "SERVICE_CIDR")
	if overlap(pods, services) {
		n.failed(where+" POD_CIDR_STRING and SERVICE_CIDR", pods+" and "+services, "no overlap")
	}
	return n.verdict(fmt.Sprintf("%d settings", len(f.Live.Settings.Data)), "settings are missing or of the wrong type")
}

// prefixes reads a JSON list of CIDRs.
func prefixes(list string) ([]netip.Prefix, bool) {
	var texts []string
	if err := json.Unmarshal([]byte(list), &texts); err != nil || len(texts) == 0 {
		return nil, false
	}
	var all []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, false
		}
		all = append(all, p)
	}
	return all, true
}

func overlap(one, list string) bool {
	p, err := netip.ParsePrefix(one)
	if err != nil {
		return false
	}
	others, _ := prefixes(list)
	return slices.ContainsFunc(others, p.Overlaps)
}

func judgeSettingsAgree(f facts.Facts) Verdict {
	if why := noSettings(f); why != "" {
		return skip("%s", why)
	}
	if f.Live.Settings == nil {
		return fail("there is no ConfigMap "+f.Expect.Flux.Settings, Evidence{settingsPlace(f), "not found", "a ConfigMap"})
	}
	var n findings
	compared := map[string]bool{}
	compare := func(key, got, from string) {
		want, ok := setting(f, key)
		if !ok || got == "" {
			return
		}
		compared[key] = true
		if got != want {
			n.failed(from, got, want+" (cluster-settings "+key+")")
		}
	}
	compare("CLUSTER_ID", config(f, "cluster-id"), "cilium-config cluster-id")
	compare("POD_CIDR_STRING", config(f, "ipv4-native-routing-cidr"), "cilium-config ipv4-native-routing-cidr")
	if r := f.Live.Release; r != nil {
		chart, _, _ := strings.Cut(r.ChartVersion, "+")
		compare("CILIUM_VERSION", chart, "Helm release chart version")
		compare("CLUSTER_ID", r.Computed().Text("cluster.id"), "Helm release value cluster.id")
		compare("CLUSTER", r.Computed().Text("cluster.name"), "Helm release value cluster.name")
	}
	for _, key := range []string{"CLUSTER_ID", "CILIUM_VERSION"} { // a CIDR may be nowhere to be seen
		if _, has := setting(f, key); !compared[key] && (has || demanded(f, key)) {
			n.unseen("cluster-settings "+key, "nothing to compare it with")
		}
	}
	nodesWithin(f, &n)
	if len(compared) == 0 && len(n.fail)+len(n.unknown) == 0 {
		return skip("the cluster's settings have none that is compared with what runs")
	}
	return n.verdict(strings.Join(slices.Sorted(maps.Keys(compared)), ", ")+" are what runs", "cluster-settings differs from what runs")
}

// nodesWithin finds nodes whose pod CIDR lies outside the setting.
func nodesWithin(f facts.Facts, n *findings) {
	text, _ := setting(f, "POD_CIDR_STRING")
	all, err := netip.ParsePrefix(text)
	if err != nil {
		return // CG125's to say
	}
	if ipam := config(f, "ipam"); ipam != "" && ipam != "kubernetes" {
		return // Cilium has its own pools: the nodes' are not used
	}
	for _, node := range f.Live.Nodes {
		for _, c := range node.PodCIDRs {
			p, err := netip.ParsePrefix(c)
			if err == nil && p.Addr().Is4() == all.Addr().Is4() && !(all.Overlaps(p) && all.Bits() <= p.Bits()) {
				n.failed(node.Name+" pod CIDR", c, "within "+text+" (cluster-settings POD_CIDR_STRING)")
			}
		}
	}
}
