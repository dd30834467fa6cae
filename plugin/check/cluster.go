package check

import (
	"fmt"
	"regexp"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func clusterChecks() []Check {
	return []Check{{
		ID: "CG101", Phase: Bootstrap, AC: "AC-1",
		Title: "the cluster is the one its context claims",
		Hint:  "Look which cluster the context reaches before anything else: kubectl --context CONTEXT cluster-info. Where the name is right all the same, write it down in fleet.yaml.",
		About: "A context is a name in a file on a laptop. The cluster says its own name in cilium-config (cluster-name) and in cluster-settings (CLUSTER); where they differ from the name it was reached by, every other answer would be about the wrong cluster.",
		Manual: "kubectl -n kube-system get configmap cilium-config -o jsonpath='{.data.cluster-name}'; " +
			"kubectl -n flux-system get configmap cluster-settings -o jsonpath='{.data.CLUSTER}'",
		Needs: []facts.Part{facts.Config, facts.Settings},
		Judge: judgeIdentity,
	}, {
		ID: "CG102", Phase: Bootstrap, AC: "AC-1",
		Title:  "every node is ready",
		Hint:   "See why the node is not ready: kubectl describe node NODE.",
		About:  "Cilium's DaemonSet counts nodes that are there, ready or not. A node that is not ready makes an adoption time out and look failed although nothing changed.",
		Manual: "kubectl get nodes",
		Needs:  []facts.Part{facts.Nodes},
		Judge:  judgeNodes,
	}, {
		ID: "CG103", Phase: Bootstrap, AC: "AC-1",
		Title:  "the API server's version is known",
		Hint:   "Try it by hand: kubectl version. Charts render differently by Kubernetes version.",
		About:  "The chart of Cilium renders differently by Kubernetes version (below and from 1.30), so a preview of an adoption must know it.",
		Manual: "kubectl version",
		Needs:  []facts.Part{facts.Version},
		Judge: func(f facts.Facts) Verdict {
			if _, ok := minorOf(f.Live.Version); !ok {
				return fail("the API server gives no version", Evidence{"/version gitVersion", orAbsent(f.Live.Version), "vX.Y.Z"})
			}
			return pass("Kubernetes %s", f.Live.Version)
		},
	}}
}

func judgeIdentity(f facts.Facts) Verdict {
	var n findings
	own := config(f, "cluster-name")
	set, hasSetting := setting(f, "CLUSTER")
	switch {
	case f.Live.Config == nil:
		n.failed("kube-system/ConfigMap/cilium-config", "not found", "a ConfigMap that names the cluster")
	case own == "":
		n.failed("cilium-config cluster-name", "(absent)", "a name")
	case f.Expect.Name != "" && own != f.Expect.Name:
		n.failed("cilium-config cluster-name", own, f.Expect.Name+" (fleet.yaml)")
	case f.Expect.Name == "" && own == "default":
		n.warned("cilium-config cluster-name", own, "a name of its own: default is what every cluster is called that was given none")
	case f.Expect.Name == "" && !hasWord(f.Context, own):
		n.failed("cilium-config cluster-name", own, f.Context+" (context)")
	}
	if hasSetting && own != "" && set != own {
		n.failed("cluster-settings CLUSTER", set, own+" (cilium-config)")
	}
	if len(n.fail) == 0 && len(n.warn) > 0 {
		return warn("the cluster has no name of its own to be known by", n.warn...)
	}
	return n.verdict(fmt.Sprintf("it calls itself %s", own), "the cluster calls itself by another name")
}

// hasWord finds word in text at word boundaries: context admin@infra reaches cluster infra, and so do the contexts that
// kind and k3d make. Any other dash belongs to the word: apps-infra and infra-2 are other clusters.
func hasWord(text, word string) bool {
	pattern, err := regexp.Compile(`(^|^kind-|^k3d-|[^a-zA-Z0-9-])` + regexp.QuoteMeta(word) + `($|[^a-zA-Z0-9-])`)
	return err == nil && pattern.MatchString(text)
}

func judgeNodes(f facts.Facts) Verdict {
	if len(f.Live.Nodes) == 0 {
		return fail("the cluster has no nodes", Evidence{"nodes", "0", "at least 1"})
	}
	var n findings
	for _, node := range f.Live.Nodes {
		if !node.Ready {
			n.failed(node.Name, "not ready "+node.Reason, "Ready")
		}
	}
	return n.verdict(count(len(f.Live.Nodes), "node")+" ready",
		some(len(n.fail), len(f.Live.Nodes), "node")+" not ready")
}
