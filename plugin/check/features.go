package check

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// feature is one of Cilium's features as it is declared (values of the release), configured (cilium-config) and
// wanted (fleet).
type feature struct {
	name     string
	declares []pair // value path -> text
	config   []pair // cilium-config key -> value
	// absentMeansOn: the key is left out of cilium-config unless it is switched off.
	absentMeansOn bool
}

type pair struct{ key, want string }

func features() []feature {
	return []feature{
		{name: "kube-proxy-replacement", declares: []pair{{"kubeProxyReplacement", "true"}}, config: []pair{{"kube-proxy-replacement", "true"}}},
		{name: "wireguard", declares: []pair{{"encryption.enabled", "true"}, {"encryption.type", "wireguard"}}, config: []pair{{"enable-wireguard", "true"}}},
		{name: "gateway-api", declares: []pair{{"gatewayAPI.enabled", "true"}}, config: []pair{{"enable-gateway-api", "true"}}},
		{name: "bgp", declares: []pair{{"bgpControlPlane.enabled", "true"}}, config: []pair{{"enable-bgp-control-plane", "true"}}},
		{name: "lb-ipam", config: []pair{{"enable-lb-ipam", "true"}}, absentMeansOn: true},
		{name: "hubble", declares: []pair{{"hubble.enabled", "true"}}, config: []pair{{"enable-hubble", "true"}}},
		{name: "prometheus", declares: []pair{{"prometheus.enabled", "true"}}, config: []pair{{"prometheus-serve-addr", ""}}},
	}
}

func featureNamed(name string) feature {
	for _, x := range features() {
		if x.name == name {
			return x
		}
	}
	panic("check: no feature " + name)
}

// configured says whether cilium-config switches the feature on, and in which words.
func (x feature) configured(f facts.Facts) (bool, string) {
	if f.Live.Config == nil {
		return false, "nothing: there is no ConfigMap cilium-config"
	}
	on, words := true, ""
	for _, want := range x.config {
		got, there := f.Live.Config.Data[want.key]
		words = join(words, want.key+" "+orAbsent(got))
		on = on && (!there && x.absentMeansOn || got != "" && (want.want == "" || got == want.want))
	}
	return on, words
}

// declared says whether the release's values switch the feature on, and in which words.
func (x feature) declared(computed values.Tree) (bool, string) {
	on, words := true, ""
	for _, want := range x.declares {
		got := computed.Text(values.Path(want.key))
		words = join(words, want.key+" "+orAbsent(got))
		on = on && got == want.want
	}
	return on, words
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

func featureChecks() []Check {
	row := func(id ID, phase Phase, ac, feature, title, about, manual string) Check {
		needs := []facts.Part{facts.Config}
		if len(featureNamed(feature).declares) > 0 {
			needs = append(needs, facts.Release)
		}
		return Check{
			ID: id, Phase: phase, AC: ac, Feature: feature, Title: title, About: about,
			Hint: "Values and cilium-config must say the same, else the next upgrade or restart changes what runs. " +
				"Set the value in the release (or in Git, when Flux has it) and let an upgrade write cilium-config; do not edit the ConfigMap.",
			Manual: manual + "; helm -n kube-system get values cilium --all",
			Needs:  needs,
			Judge:  func(f facts.Facts) Verdict { return agreement(f, featureNamed(feature)) },
		}
	}
	const look = "kubectl -n kube-system get configmap cilium-config -o yaml | grep "
	return []Check{
		row("CG112", Bootstrap, "AC-1", "wireguard", "WireGuard is declared and configured",
			"encryption.enabled and encryption.type wireguard in the release's values, enable-wireguard in cilium-config.", look+"enable-wireguard"),
		row("CG113", Bootstrap, "AC-1", "kube-proxy-replacement", "kube-proxy replacement is declared and configured",
			`kubeProxyReplacement true (or "true") in the release's values, kube-proxy-replacement in cilium-config. "strict" is gone since 1.16.`, look+"kube-proxy-replacement"),
		row("CG114", Bootstrap, "AC-1", "gateway-api", "Gateway API is declared and configured",
			"gatewayAPI.enabled in the release's values, enable-gateway-api in cilium-config.", look+"enable-gateway-api"),
		row("CG115", Bootstrap, "AC-1", "bgp", "the BGP control plane is declared and configured",
			"bgpControlPlane.enabled in the release's values, enable-bgp-control-plane in cilium-config. CRDs that exist prove nothing.", look+"bgp-control-plane"),
		row("CG116", Bootstrap, "AC-1", "lb-ipam", "LB IPAM is not switched off",
			"LB IPAM needs no flag; from 1.17 the key enable-lb-ipam can switch it off.", look+"enable-lb-ipam"),
		row("CG702", Validation, "AC-7", "hubble", "Hubble is declared and configured",
			"hubble.enabled in the release's values, enable-hubble in cilium-config.", look+"enable-hubble"),
		row("CG706", Validation, "AC-7", "prometheus", "Prometheus metrics are declared and configured",
			"prometheus.enabled in the release's values, prometheus-serve-addr in cilium-config.", look+"prometheus-serve-addr"),
	}
}

// agreement judges a feature on two levels: what the release's values declare and what cilium-config says.
func agreement(f facts.Facts, x feature) Verdict {
	configured, configWords := x.configured(f)
	evidence := []Evidence{{"cilium-config", configWords, wanted(x.config)}}
	if f.Live.Release == nil || len(x.declares) == 0 {
		return onOneLevel(f, x, configured, evidence)
	}
	declared, valueWords := x.declared(f.Live.Release.Computed())
	evidence = append([]Evidence{{"release values", valueWords, wanted(x.declares)}}, evidence...)
	switch {
	case declared && configured:
		return pass("%s; %s", valueWords, configWords)
	case declared:
		return fail(x.name+" is declared but cilium-config does not have it: somebody changed it after the last upgrade", evidence...)
	case configured:
		return fail(x.name+" is in cilium-config but not declared: the next upgrade switches it off", evidence...)
	case f.Expect.Features[x.name] == "required":
		return fail(x.name+" is neither declared nor configured", evidence...)
	}
	return skip("%s is optional and not enabled", x.name)
}

func onOneLevel(f facts.Facts, x feature, configured bool, evidence []Evidence) Verdict {
	switch {
	case configured && len(x.declares) == 0:
		return pass("%s", evidence[0].Got)
	case configured:
		return pass("%s; no Helm release declares it", evidence[0].Got)
	case f.Expect.Features[x.name] == "required":
		return fail(x.name+" is not configured", evidence...)
	case f.Live.Config == nil:
		return fail("there is no ConfigMap cilium-config", evidence...)
	}
	return skip("%s is optional and not enabled", x.name)
}

func wanted(pairs []pair) string {
	words := ""
	for _, p := range pairs {
		value := p.want
		if value == "" {
			value = "set"
		}
		words = join(words, fmt.Sprintf("%s %s", p.key, value))
	}
	return words
}
