package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func cleanupChecks() []Check {
	return []Check{{
		ID: "CG1001", Phase: Cleanup, AC: "AC-10",
		Title:  "no record of a second Helm release of Cilium is left over",
		Hint:   "See whether it can go, and remove it: flux handover cleanup. Never helm uninstall it: that removes what its manifest names, which is Cilium.",
		About:  "After an adoption there is one release. A second one, from a HelmRelease with another name or storage namespace, names the same objects; whoever uninstalls it later, to tidy up, takes the network away. Its record Secrets alone have to go, once no HelmRelease manages them and the DaemonSet belongs to the release that runs.",
		Manual: "helm list -A -a --filter cilium; kubectl -n kube-system get daemonset cilium -o jsonpath='{.metadata.annotations}'",
		Needs:  []facts.Part{facts.Releases, facts.HelmReleases, facts.DaemonSets},
		Judge:  judgeLeftRecords,
	}}
}

// judgeLeftRecords looks at each other release that is made of Cilium's chart, and at who still needs it.
func judgeLeftRecords(f facts.Facts) Verdict {
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	var n findings
	others := strangers(f)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		r := others[name]
		switch {
		case r.Chart == "cilium" && r.Compared && r.Shared == 0: // all that it names is its own
		case r.Chart == "cilium":
			n.failed("Helm release "+name, fmt.Sprintf("revision %d %s, %s", r.Revision, r.Status, neededBy(f, r)), "no record")
		case r.Chart == "":
			n.unseen("Helm release "+name, "of which chart it is has not been read")
		}
	}
	if _, recorded := newest(f); !recorded && len(n.fail)+len(n.unknown) == 0 {
		return skip("there is no Helm release of Cilium that another could be left beside")
	}
	return n.verdict("only "+own, "a second release of Cilium is left over")
}

// neededBy says what a release's record is still needed for.
func neededBy(f facts.Facts, r facts.Record) string {
	for _, hr := range f.Live.HelmReleases {
		if hr.Storage() == r.Namespace && hr.Release() == r.Release {
			return "managed by HelmRelease " + hr.ID()
		}
	}
	ds, ok := daemonSet(f, f.Expect.Cilium.Namespace, f.Expect.Cilium.DaemonSet)
	// An object names the release's own namespace, a record lies in that of its storage.
	if _, name, _ := strings.Cut(ds.Release, "/"); ok && name == r.Release && ds.Release != f.Expect.Cilium.Namespace+"/"+f.Expect.Cilium.Release {
		return "owner of DaemonSet " + ds.Name
	}
	return "needed by nothing"
}
