package check

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// certificateNotice is how long before its end a certificate is worth a warning.
const certificateNotice = 30 * 24 * time.Hour

func neighbourChecks() []Check {
	return []Check{{
		ID: "CG110", Phase: Bootstrap, AC: "AC-1", Feature: "kube-proxy-replacement",
		Title: "kube-proxy is not running",
		Hint: "kube-proxy and Cilium both write service rules. Remove kube-proxy only where Cilium replaces it " +
			"on every node: kubectl cilium-gitops verify --check CG111. Unless CG111 passes on every node, do " +
			"not remove it: Services would stop working. The agents must also reach the API server without it " +
			"(kubectl cilium-gitops explain CGL602). Where both hold: kubectl -n kube-system delete ds " +
			"kube-proxy (on Talos cluster.proxy.disabled: true; on k3s --disable-kube-proxy), then flush its " +
			"rules on the nodes: kube-proxy --cleanup.",
		About:  "No DaemonSet of that name or label in kube-system and no pod of it, static ones included. That the API server says NotFound is seen apart from Forbidden and from an error: neither of those is absence. A kube-proxy inside another process (k3s) cannot be seen from here; the agents' own status is CG111.",
		Manual: "kubectl -n kube-system get ds,pods -l k8s-app=kube-proxy",
		Needs:  []facts.Part{facts.DaemonSets, facts.Pods},
		Judge:  judgeKubeProxy,
	}, {
		ID: "CG127", Phase: Bootstrap, AC: "AC-1", Feature: "spegel",
		Title:  "Spegel runs on every node that it wants",
		Hint:   "See which pods are behind: kubectl get ds -A -l app.kubernetes.io/name=spegel. A fleet without Spegel: features: {spegel: optional} in fleet.yaml.",
		About:  "Spegel is found by its label in any namespace; its DaemonSet is whole.",
		Manual: "kubectl get ds -A -l app.kubernetes.io/name=spegel",
		Needs:  []facts.Part{facts.DaemonSets},
		Judge:  judgeSpegel,
	}, {
		ID: "CG128", Phase: Bootstrap, AC: "AC-1", Feature: "spegel",
		Title:  "no host port is claimed by both Spegel and Cilium",
		Hint:   "Give Spegel another port (service.registry.hostPort) or move Cilium's (for example prometheus.port).",
		About:  "Spegel's host ports are read from its DaemonSet, Cilium's from its DaemonSets and from cilium-config; nothing is assumed.",
		Manual: "kubectl get ds -A -o yaml | grep -B3 hostPort",
		Needs:  []facts.Part{facts.DaemonSets, facts.Config},
		Judge:  judgePorts,
	}, {
		ID: "CG704", Phase: Validation, AC: "AC-7", Feature: "hubble",
		Title:  "Hubble's relay is rolled out",
		Hint:   "See why it is not ready: kubectl -n kube-system describe deploy hubble-relay; an expired certificate is the usual reason after a year (CG705).",
		About:  "Deployment hubble-relay is whole, where hubble.relay.enabled asks for it.",
		Manual: "kubectl -n kube-system get deploy hubble-relay",
		Needs:  []facts.Part{facts.Deployments, facts.Config, facts.Release},
		Judge:  judgeRelay,
	}, {
		ID: "CG705", Phase: Validation, AC: "AC-7", Feature: "hubble",
		Title: "Hubble's certificates are valid for another 30 days",
		Hint: "From 1.18 on Helm copies these certificates forward and never renews them; an upgrade with the " +
			"same values makes the one that is missing. Under Flux, look first: the HelmRelease must be ready " +
			"and not suspended (flux get helmrelease -n kube-system cilium), and the upgrade must change " +
			"nothing else (kubectl cilium-gitops diff --what impact). Then delete the Secret that is named, " +
			"never cilium-ca, and upgrade: flux reconcile helmrelease -n kube-system cilium --force. Agents " +
			"and relay pick the new one up without a restart.",
		About:  "With hubble.tls.auto.method helm (the default) leaf certificates are made for 365 days and, from 1.18 on, never renewed. Then the relay loses every agent at once.",
		Manual: "kubectl -n kube-system get secret hubble-server-certs -o jsonpath='{.data.tls\\.crt}' | base64 -d | openssl x509 -noout -enddate",
		Needs:  []facts.Part{facts.Certificates, facts.Config},
		Judge:  judgeCertificates,
	}}
}

func judgeKubeProxy(f facts.Facts) Verdict {
	var n findings
	for _, ds := range f.Live.DaemonSets {
		if isKubeProxy(ds.Name, ds.Labels) {
			n.failed(place(ds.Namespace, ds.Kind, ds.Name), fmt.Sprintf("%d pods ready", ds.Ready), "not found")
		}
	}
	owned := len(n.fail) > 0
	for _, p := range f.Live.Pods {
		if isKubeProxy(p.Name, p.Labels) && !owned {
			n.failed(p.Node+" "+p.Name, p.Phase, "no such pod")
		}
	}
	return n.verdict("neither DaemonSet nor pods", "kube-proxy runs beside Cilium")
}

func isKubeProxy(name string, labels map[string]string) bool {
	return name == "kube-proxy" || strings.HasPrefix(name, "kube-proxy-") ||
		labels["k8s-app"] == "kube-proxy" || labels["component"] == "kube-proxy"
}

func spegels(f facts.Facts) []facts.Workload {
	var all []facts.Workload
	for _, ds := range f.Live.DaemonSets {
		if ds.Labels["app.kubernetes.io/name"] == "spegel" {
			all = append(all, ds)
		}
	}
	return all
}

func judgeSpegel(f facts.Facts) Verdict {
	all := spegels(f)
	if len(all) == 0 {
		if f.Expect.Features["spegel"] == "required" {
			return fail("Spegel is required and there is none", Evidence{"DaemonSet with app.kubernetes.io/name=spegel", "not found", "one"})
		}
		return skip("spegel is optional and not installed")
	}
	var n findings
	var ready, desired int32
	for _, ds := range all {
		r := rollout(ds, ds.Desired)
		n.fail = append(n.fail, r.fail...)
		if ds.Desired == 0 {
			n.failed(place(ds.Namespace, ds.Kind, ds.Name)+" desired", "0", "at least 1")
		}
		ready, desired = ready+ds.Ready, desired+ds.Desired
	}
	return n.verdict(fmt.Sprintf("%d of %d", ready, desired), "Spegel is not whole")
}

// listeners are the keys of cilium-config that tell of a port on the node, and the port where the key is absent.
var listeners = []struct{ key, fallback string }{
	{"cluster-health-port", "4240"}, {"agent-health-port", "9879"}, {"prometheus-serve-addr", ""},
	{"operator-prometheus-serve-addr", ""}, {"hubble-listen-address", ""}, {"hubble-metrics-server", ""},
	{"tunnel-port", ""}, {"operator-api-serve-addr", ""}, {"kube-proxy-replacement-healthz-bind-address", ""},
}

// ciliumPorts are the ports that Cilium's programs hold on every node: those its DaemonSets declare and those that
// cilium-config tells of host-network listeners.
func ciliumPorts(f facts.Facts) map[int32]string {
	ports := map[int32]string{}
	for _, ds := range f.Live.DaemonSets {
		if ds.Labels["app.kubernetes.io/part-of"] != "cilium" {
			continue
		}
		for _, p := range ds.HostPorts {
			ports[p.Port] = "DaemonSet/" + ds.Name + " " + p.Container + " " + p.Name
		}
	}
	for _, listener := range listeners {
		text := cmp.Or(config(f, listener.key), listener.fallback)
		if port, err := strconv.ParseInt(text[strings.LastIndex(text, ":")+1:], 10, 32); err == nil {
			ports[int32(port)] = "cilium-config " + listener.key
		}
	}
	return ports
}

func judgePorts(f facts.Facts) Verdict {
	held := ciliumPorts(f)
	var n findings
	claims := 0
	all := spegels(f)
	if len(all) == 0 {
		return skip("no Spegel")
	}
	for _, ds := range all {
		for _, p := range ds.HostPorts {
			claims++
			if owner, clash := held[p.Port]; clash {
				n.failed(fmt.Sprintf("%s host port %d", place(ds.Namespace, ds.Kind, ds.Name), p.Port), "also "+owner, "its own")
			}
		}
	}
	return n.verdict(fmt.Sprintf("%s of Spegel, %d of Cilium", count(claims, "host port"), len(held)), "a host port is claimed twice")
}

func judgeRelay(f facts.Facts) Verdict {
	if v, off := notWanted(f, "hubble"); off {
		return v
	}
	if r := f.Live.Release; r != nil && r.Computed().Text("hubble.relay.enabled") != "true" {
		return skip("hubble.relay.enabled is not true")
	}
	return judgeDeployment(f, "hubble-relay")
}

func judgeCertificates(f facts.Facts) Verdict {
	if v, off := notWanted(f, "hubble"); off {
		return v
	}
	if config(f, "hubble-disable-tls") == "true" {
		return skip("hubble.tls.enabled is false")
	}
	if len(f.Live.Certificates) == 0 {
		return fail("there are no certificates for Hubble",
			Evidence{f.Expect.Cilium.Namespace + "/Secret/hubble-server-certs", "not found", "a certificate"})
	}
	var n findings
	first := time.Time{}
	for _, c := range f.Live.Certificates {
		where := "Secret/" + c.Secret + " " + c.Key
		left := c.NotAfter.Sub(f.Taken)
		switch {
		case c.Broken != "":
			n.failed(where, c.Broken, "a certificate")
		case left <= 0:
			n.failed(where, "expired "+stamp(c.NotAfter), "valid")
		case c.NotBefore.After(f.Taken):
			n.failed(where, "not valid before "+stamp(c.NotBefore), "valid")
		case left < certificateNotice:
			n.warned(where, "expires "+stamp(c.NotAfter), "valid for another 30 days")
		}
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return n.verdict(fmt.Sprintf("%s, the first expires %s", count(len(f.Live.Certificates), "certificate"), stamp(first)),
		"certificates of Hubble run out")
}
