package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func agentChecks() []Check {
	return []Check{{
		ID: "CG130", Phase: Bootstrap, AC: "AC-1",
		Title:  "every agent answers and says it is Ok",
		Hint:   "Ask that agent: kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg status --verbose.",
		About:  "A pod can be Ready while its agent has lost the API server. Every agent is asked, not one of them: kubectl exec ds/cilium picks a single pod.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg status",
		Needs:  []facts.Part{facts.Agents, facts.Nodes},
		Judge:  judgeAgentState,
	}, {
		ID: "CG108", Phase: Bootstrap, AC: "AC-1", Feature: "wireguard",
		Title: "every agent encrypts with WireGuard",
		Hint: "An agent reads its configuration only when it starts. cilium-config must ask for WireGuard " +
			"(kubectl cilium-gitops verify --check CG112), and no handover may be under way (flux handover " +
			"status): it stops when a pod is replaced. Then restart the agent of that node, one node at a " +
			"time: kubectl -n kube-system delete pod POD. A kernel without WireGuard keeps the agent from " +
			"starting.",
		About:  "What the agents do, not what is configured: encryption.mode of each agent's own status. Encryption is easily lost unseen: without encryption.enabled nothing restarts and nothing fails, and the next restart of an agent comes up in clear text.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg status -o jsonpath='{.encryption.mode}'",
		Needs:  []facts.Part{facts.Agents, facts.Config, facts.Pods},
		Judge: func(f facts.Facts) Verdict {
			return effective(f, "wireguard", "encryption.mode", "Wireguard", func(a facts.Agent) string { return a.Encryption.Mode })
		},
	}, {
		ID: "CG109", Phase: Bootstrap, AC: "AC-1", Feature: "wireguard",
		Title:  "every agent has a WireGuard peer for each other node",
		Hint:   "Compare with the CiliumNodes: kubectl get ciliumnodes; the missing node's annotation network.cilium.io/wg-pub-key is what its peers wait for.",
		About:  "A node that lacks a peer sends to that peer in clear text or not at all. Each agent's interface must count as many peers as there are other nodes (more with ClusterMesh).",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg encrypt status",
		Needs:  []facts.Part{facts.Agents, facts.Nodes},
		Judge:  judgePeers,
	}, {
		ID: "CG111", Phase: Bootstrap, AC: "AC-1", Feature: "kube-proxy-replacement",
		Title: "every agent replaces kube-proxy",
		Hint: "An agent reads its configuration only when it starts. cilium-config must ask for it (kubectl " +
			"cilium-gitops verify --check CG113), the agents must reach the API server without kube-proxy " +
			"(kubectl cilium-gitops explain CGL602), and no handover may be under way (flux handover status): " +
			"it stops when a pod is replaced. Then restart the agent of that node, one node at a time: " +
			"kubectl -n kube-system delete pod POD.",
		About:  "kube-proxy-replacement.mode of each agent's own status is True (Strict before 1.16).",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg status | grep KubeProxyReplacement",
		Needs:  []facts.Part{facts.Agents, facts.Config, facts.Pods},
		Judge: func(f facts.Facts) Verdict {
			return effective(f, "kube-proxy-replacement", "kube-proxy-replacement.mode", "True", func(a facts.Agent) string {
				if a.KubeProxyReplacement == "Strict" {
					return "True"
				}
				return a.KubeProxyReplacement
			})
		},
	}}
}

func runningChecks() []Check {
	return []Check{{
		ID: "CG123", Phase: Bootstrap, AC: "AC-1",
		Title: "every agent and operator started after cilium-config last changed",
		Hint: "The running configuration is older than the ConfigMap: whatever restarts next comes up " +
			"differently. See what the ConfigMap has (kubectl -n kube-system get configmap cilium-config -o " +
			"yaml) and whether it is what Git asks for (kubectl cilium-gitops diff). Where it is not, mend " +
			"that first. Where it is, and no handover is under way (flux handover status), restart at a time " +
			"of your choosing: kubectl -n kube-system rollout restart ds/cilium.",
		About:  "Agents and operator read cilium-config when they start, and only then; an agent by an init container, so that a container that restarts inside its pod reads nothing new. A ConfigMap newer than the pods proves nothing about what runs, and hides a change that takes effect at the next unrelated restart.",
		Manual: "kubectl -n kube-system get configmap cilium-config -o yaml --show-managed-fields | grep time; kubectl -n kube-system get pods -l app.kubernetes.io/part-of=cilium -o wide",
		Needs:  []facts.Part{facts.Config, facts.Pods},
		Judge:  judgeStale,
	}, {
		ID: "CG703", Phase: Validation, AC: "AC-7", Feature: "hubble",
		Title:  "Hubble is Ok on every agent",
		Hint:   "Ask that agent: kubectl -n kube-system exec POD -c cilium-agent -- hubble status.",
		About:  "Hubble runs inside each agent; the relay only gathers. Each agent's own status must say Ok.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- hubble status",
		Needs:  []facts.Part{facts.Agents, facts.Config, facts.Pods},
		Judge: func(f facts.Facts) Verdict {
			return effective(f, "hubble", "hubble.state", "Ok", func(a facts.Agent) string { return a.Hubble.State })
		},
	}, {
		ID: "CG708", Phase: Validation, AC: "AC-7", Feature: "bgp",
		Title:  "the BGP control plane runs on every agent",
		Hint:   "Ask that agent: kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg bgp peers.",
		About:  "CRDs exist whether or not an agent speaks BGP. Each agent is asked for its sessions; one whose control plane is off says so.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg bgp peers",
		Needs:  []facts.Part{facts.BGP, facts.Config, facts.Pods},
		Judge:  judgeBGP,
	}}
}

func judgeAgentState(f facts.Facts) Verdict {
	var n findings
	asked := map[string]bool{}
	for _, a := range f.Live.Agents {
		asked[a.Node] = true
		where := a.Node + " " + a.Pod
		switch {
		case a.Unread != "":
			n.unseen(where, a.Unread)
			continue
		case a.Cilium.State != "Ok":
			n.failed(where+" cilium.state", a.Cilium.State+": "+a.Cilium.Message, "Ok")
		}
		if a.Kubernetes.State != "Ok" {
			n.failed(where+" kubernetes.state", a.Kubernetes.State+": "+a.Kubernetes.Message, "Ok")
		}
		if len(a.FailingControllers) > 0 {
			n.warned(where+" controllers", strings.Join(a.FailingControllers, "; "), "none failing")
		}
	}
	for _, node := range f.Live.Nodes {
		if !asked[node.Name] {
			n.unseen(node.Name, "no running agent to ask")
		}
	}
	if len(f.Live.Agents) == 0 && len(n.unknown) == 0 {
		n.unseen("agents", "no running agent to ask")
	}
	return n.verdict(count(len(f.Live.Agents), "agent")+" Ok", "not every agent is Ok")
}

// effective judges one field of every agent's status against what a working feature shows there.
func effective(f facts.Facts, name, field, want string, get func(facts.Agent) string) Verdict {
	feature := featureNamed(name)
	configured, why := feature.configured(f)
	wanted := configured || f.Expect.Features[name] == "required" || anyAgent(f, func(a facts.Agent) bool { return a.Unread == "" && get(a) == want })
	if !wanted && !anyAgent(f, func(a facts.Agent) bool { return a.Unread != "" }) {
		return skip("%s is optional and not enabled", name)
	}
	var n findings
	for _, a := range f.Live.Agents {
		where := a.Node + " " + field
		if a.Unread != "" {
			n.unseen(where, a.Unread)
		} else if got := get(a); wanted && got != want {
			n.failed(where, orAbsent(got), want+started(f, a.Pod))
		}
	}
	if len(f.Live.Agents) == 0 {
		n.unseen(field, "no running agent to ask")
	}
	bad := some(len(n.fail), len(f.Live.Agents), "agent") + " without " + name + "; cilium-config says " + why
	return n.verdict(fmt.Sprintf("%s on %s", want, count(len(f.Live.Agents), "agent")), bad)
}

func anyAgent(f facts.Facts, is func(facts.Agent) bool) bool {
	return slices.ContainsFunc(f.Live.Agents, is)
}

// started words when the agent started against when its configuration changed, the usual reason for a difference.
func started(f facts.Facts, pod string) string {
	for _, p := range f.Live.Pods {
		if p.Name != pod || f.Live.Config == nil {
			continue
		}
		began := p.ConfiguredAt(agentContainer)
		if !began.IsZero() && began.Before(f.Live.Config.Changed) {
			return fmt.Sprintf(" (cilium-config changed %s, agent started %s)", stamp(f.Live.Config.Changed), stamp(began))
		}
	}
	return ""
}

func orAbsent(s string) string {
	if s == "" {
		return "(absent)"
	}
	return s
}

func judgePeers(f facts.Facts) Verdict {
	want := len(f.Live.Nodes) - 1
	var n findings
	judged := 0
	for _, a := range f.Live.Agents {
		switch {
		case a.Unread != "":
			n.unseen(a.Node+" encryption.wireguard", a.Unread)
			continue
		case a.Encryption.Mode != "Wireguard":
			continue // CG108's to say
		}
		judged++
		if len(a.Encryption.Interfaces) == 0 {
			n.failed(a.Node+" WireGuard interfaces", "0", "1")
		}
		for _, i := range a.Encryption.Interfaces {
			if i.PeerCount < want {
				n.failed(a.Node+" "+i.Name+" peers", fmt.Sprint(i.PeerCount), fmt.Sprint(want))
			}
		}
	}
	if judged == 0 && len(n.unknown) == 0 {
		return skip("no agent encrypts with WireGuard")
	}
	return n.verdict(fmt.Sprintf("%d on each of %s", want, count(judged, "agent")), "WireGuard peers are missing")
}

// clockSlack is how far two clocks that keep time may be apart: the API server stamps the ConfigMap, the kubelet the container.
// Within it nobody can tell which came first. Both stamp whole seconds, and no pod starts in the second in which its rollout was written.
const clockSlack = time.Second

func judgeStale(f facts.Facts) Verdict {
	if f.Live.Config == nil {
		return fail("there is no ConfigMap cilium-config", Evidence{"kube-system/ConfigMap/cilium-config", "not found", "a ConfigMap"})
	}
	changed := f.Live.Config.Changed
	if changed.IsZero() {
		return unknown("the ConfigMap does not say when it changed",
			Evidence{"kube-system/ConfigMap/cilium-config managedFields", "no times", "a time"})
	}
	var n findings
	pods := 0
	for _, p := range f.Live.Pods {
		for _, c := range p.Containers {
			if c.Name != agentContainer && c.Name != "cilium-operator" || p.Deleting {
				continue
			}
			pods++
			read := p.ConfiguredAt(c.Name)
			switch {
			case read.IsZero():
				n.unseen(p.Node+" "+p.Name+" started", "(unknown)")
			case read.Before(changed) && !read.Add(clockSlack).Before(changed):
				n.unseen(p.Node+" "+p.Name+" read it", stamp(read)+", too close to "+stamp(changed)+", when cilium-config changed")
			case read.Before(changed):
				n.failed(p.Node+" "+p.Name+" read it", stamp(read), "after "+stamp(changed)+", when cilium-config changed")
			}
		}
	}
	if pods == 0 {
		n.unseen("pods", "no agent or operator runs")
	}
	return n.verdict(fmt.Sprintf("%s started after %s", count(pods, "pod"), stamp(changed)),
		some(len(n.fail), pods, "pod")+" older than the configuration")
}

func judgeBGP(f facts.Facts) Verdict {
	configured, why := featureNamed("bgp").configured(f)
	if !configured && f.Expect.Features["bgp"] != "required" {
		return skip("bgp is optional and not enabled")
	}
	var n findings
	sessions := 0
	for _, a := range f.Live.BGP {
		switch {
		case a.Unread != "":
			n.unseen(a.Node+" bgp", a.Unread)
		case a.Disabled:
			n.failed(a.Node+" bgp", "disabled", "enabled"+started(f, a.Pod))
		}
		sessions += len(a.Peers)
	}
	if len(f.Live.BGP) == 0 {
		n.unseen("bgp", "no running agent to ask")
	}
	return n.verdict(fmt.Sprintf("on %s, %s configured", count(len(f.Live.BGP), "agent"), count(sessions, "session")),
		some(len(n.fail), len(f.Live.BGP), "agent")+" without BGP; cilium-config says "+why)
}
