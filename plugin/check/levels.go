package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Level is one feature as a cluster has it on each level, in words that are the same on clusters that are alike: how
// many nodes there are is not said.
type Level struct {
	Feature    string
	Declared   string // by the release's values; empty where they do not say
	Configured string // in cilium-config
	Effective  string // by what runs; empty where nothing tells
}

// Levels are all features of f. What could not be seen has to be known beforehand: a level knows nothing of blindness.
func Levels(f facts.Facts) []Level {
	var all []Level
	for _, x := range features() {
		l := Level{Feature: x.name, Effective: runs(f, x.name)}
		if f.Live.Release != nil && len(x.declares) > 0 {
			l.Declared = onOff(x.declared(f.Live.Release.Computed()))
		}
		l.Configured = onOff(x.configured(f))
		all = append(all, l)
	}
	return all
}

func onOff(on bool, words string) string {
	if on {
		return "on: " + words
	}
	return "off: " + words
}

// runs is what runs says of a feature.
func runs(f facts.Facts, feature string) string {
	switch feature {
	case "kube-proxy-replacement":
		return agentsSay(f, func(a facts.Agent) string { return a.KubeProxyReplacement })
	case "wireguard":
		return agentsSay(f, func(a facts.Agent) string { return a.Encryption.Mode + peersOf(a, len(f.Live.Agents)) })
	case "hubble":
		return agentsSay(f, func(a facts.Agent) string { return a.Hubble.State })
	case "gateway-api":
		for _, c := range f.Live.GatewayClasses {
			if c.Name == "cilium" {
				return "GatewayClass cilium " + acceptedWords(c)
			}
		}
		return "no GatewayClass cilium"
	case "prometheus":
		var names []string
		for _, m := range f.Live.ServiceMonitors {
			names = append(names, m.Name)
		}
		return "ServiceMonitors " + orNone(names)
	}
	return ""
}

func acceptedWords(c facts.GatewayClass) string {
	if c.Accepted == nil {
		return "not accepted: nobody said so"
	}
	return "Accepted=" + c.Accepted.Status
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// peersOf says how an agent's WireGuard peers are, where they are not one for every other node.
func peersOf(a facts.Agent, agents int) string {
	for _, i := range a.Encryption.Interfaces {
		if i.PeerCount != agents-1 {
			return fmt.Sprintf(" with %d of %d peers", i.PeerCount, agents-1)
		}
	}
	return ""
}

// agentsSay joins what agents say, each word once.
func agentsSay(f facts.Facts, say func(facts.Agent) string) string {
	var words []string
	for _, a := range f.Live.Agents {
		word := say(a)
		if a.Unread != "" {
			word = "no answer"
		}
		if word == "" {
			word = "nothing"
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return orNone(words)
}
