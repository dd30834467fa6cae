package compare

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// own are the things of which every cluster has its own, and where each is seen.
var own = []struct {
	what string
	why  string
	of   func(facts.Facts) []string
}{
	{"server", "two contexts reach one API server: is it one cluster?", func(f facts.Facts) []string { return texts(f.Server) }},
	{"cluster.name", "clusters of one name cannot be told apart, and not be meshed", func(f facts.Facts) []string {
		return texts(declared(f, "cluster.name"), configured(f, "cluster-name"))
	}},
	{"cluster.id", "clusters of one id cannot be meshed: identities of both are taken for each other", func(f facts.Facts) []string {
		return notZero(texts(declared(f, "cluster.id"), configured(f, "cluster-id")))
	}},
	{"CLUSTER", "the setting must differ", func(f facts.Facts) []string { return texts(setting(f, "CLUSTER")) }},
	{"CLUSTER_ID", "the setting must differ", func(f facts.Facts) []string { return notZero(texts(setting(f, "CLUSTER_ID"))) }},
	{"CILIUM_GATEWAY_LB_IP", "two clusters answer for one address", func(f facts.Facts) []string {
		return texts(setting(f, "CILIUM_GATEWAY_LB_IP"))
	}},
	{"CLUSTERMESH_IP", "two clusters answer for one address", func(f facts.Facts) []string { return texts(setting(f, "CLUSTERMESH_IP")) }},
	{"CILIUM_BGP_LOCAL_ASN", "each cluster peers as an AS of its own", func(f facts.Facts) []string {
		return texts(setting(f, "CILIUM_BGP_LOCAL_ASN"))
	}},
}

func texts(all ...string) []string {
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" || s == facts.Redacted })
	slices.Sort(all)
	return slices.Compact(all)
}

func notZero(all []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "0" })
}

func declared(f facts.Facts, path string) string {
	if f.Live.Release == nil {
		return ""
	}
	if path == "cluster.name" && f.Live.Release.Values.Text("cluster.name") == "" {
		return "" // every chart has the name default
	}
	return f.Live.Release.Computed().Text(values.Path(path))
}

func configured(f facts.Facts, key string) string {
	if f.Live.Config == nil || key == "cluster-name" && f.Live.Config.Data[key] == "default" {
		return ""
	}
	return f.Live.Config.Data[key]
}

func setting(f facts.Facts, name string) string {
	if f.Live.Settings == nil {
		return ""
	}
	return f.Live.Settings.Data[name]
}

// clashes are all that clusters have in common and must not, and the networks of different clusters that overlap.
func clashes(all []facts.Facts) []Clash {
	var out []Clash
	for _, row := range own {
		having := map[string][]string{}
		for _, f := range all {
			for _, text := range row.of(f) {
				having[text] = append(having[text], f.Cluster)
			}
		}
		for _, text := range slices.Sorted(maps.Keys(having)) {
			if len(having[text]) > 1 {
				out = append(out, Clash{row.what, text, having[text], row.why})
			}
		}
	}
	out = append(out, overlaps("pod CIDR", "pods of different clusters have the same addresses", all, podNetworks)...)
	return append(out, overlaps("service CIDR", "services of different clusters have the same addresses", all, serviceNetworks)...)
}

// network is one prefix of one cluster.
type network struct {
	prefix  netip.Prefix
	cluster string
}

// overlaps finds prefixes of different clusters that overlap. Prefixes are nested or apart: sorted, each is within the
// widest before it or begins a new one.
func overlaps(what, why string, all []facts.Facts, of func(facts.Facts) []string) []Clash {
	var sorted []network
	for _, f := range all {
		for _, text := range of(f) {
			if p, err := netip.ParsePrefix(text); err == nil {
				sorted = append(sorted, network{p.Masked(), f.Cluster})
			}
		}
	}
	slices.SortStableFunc(sorted, func(a, b network) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	order := map[string]int{}
	for i, f := range all {
		order[f.Cluster] = i
	}
	var out []Clash
	for i := 0; i < len(sorted); {
		widest, clusters := sorted[i].prefix, map[string]bool{}
		for ; i < len(sorted) && widest.Overlaps(sorted[i].prefix); i++ {
			clusters[sorted[i].cluster] = true
		}
		if len(clusters) > 1 {
			names := slices.SortedFunc(maps.Keys(clusters), func(a, b string) int { return cmp.Compare(order[a], order[b]) })
			out = append(out, Clash{what, widest.String(), names, why})
		}
	}
	return out
}

// podNetworks are the networks of a cluster's pods: as the settings, the nodes and Cilium's pools say.
func podNetworks(f facts.Facts) []string {
	all := []string{setting(f, "POD_CIDR_STRING")}
	if ipam := configured(f, "ipam"); strings.HasPrefix(ipam, "cluster-pool") {
		all = append(all, strings.Fields(configured(f, "cluster-pool-ipv4-cidr"))...)
		all = append(all, strings.Fields(configured(f, "cluster-pool-ipv6-cidr"))...)
		return texts(all...)
	}
	for _, n := range f.Live.Nodes {
		all = append(all, n.PodCIDRs...)
	}
	return texts(all...)
}

func serviceNetworks(f facts.Facts) []string {
	text := setting(f, "SERVICE_CIDR")
	var list []string
	if json.Unmarshal([]byte(text), &list) == nil {
		return texts(list...)
	}
	return texts(text)
}
