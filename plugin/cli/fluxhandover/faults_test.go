package fluxhandover

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// later is what may have become of the world since a plan was shown, and what is said of it.
var later = map[string]struct {
	change func(*facts.Facts)
	says   string
}{
	"a new revision":               {func(f *facts.Facts) { f.Live.Records[0].Revision = 3 }, "Helm's newest revision was 2 and is 3"},
	"the revision has failed":      {func(f *facts.Facts) { f.Live.Records[0].Status = "failed" }, "its status was deployed and is failed"},
	"other values":                 {func(f *facts.Facts) { f.Git.Releases[0].ValuesDigest = "sha256:2" }, "the digest of the values was sha256:1 and is sha256:2"},
	"the chart's digest":           {func(f *facts.Facts) { f.Rendered.ChartVersion = "1.18.2+0c34" }, "the chart's version was 1.18.2 and is 1.18.2+0c34"},
	"another API server":           {func(f *facts.Facts) { f.Live.Version = "v1.38.0" }, "the API server's version was v1.37.2 and is v1.38.0"},
	"another commit":               {func(f *facts.Facts) { f.Git.Revision = "b" }, "the commit of the working tree was a and is b"},
	"a pod replaced":               {func(f *facts.Facts) { f.Live.Pods[0].UID = "other" }, "pods of Cilium were replaced or restarted"},
	"another cluster by that name": {func(f *facts.Facts) { f.Live.UID = "uid-other" }, "the UID of kube-system was uid-infra and is uid-other"},
}

// known is a cluster of which all is known that a plan remembers.
func known(t cli.Target) handover.Input {
	in := done(t)
	in.HelmRelease = nil // no steps are laid: nothing of this comes to them
	f := &in.Facts
	f.Git.Revision, f.Git.Releases[0].ValuesDigest = "a", "sha256:1"
	f.Rendered = &facts.Rendered{ChartVersion: "1.18.2"}
	f.Live.Version, f.Live.Nodes = "v1.37.2", []facts.Node{{}}
	f.Live.Pods = []facts.Pod{{Namespace: "kube-system", Name: "cilium-1", UID: "u", Labels: map[string]string{"app.kubernetes.io/part-of": "cilium"}, Owner: "DaemonSet/cilium"}}
	return in
}

// TestFault_R09_OlderThanTheWorld: under the lock the cluster is looked at again. Whatever of it is not as it was when
// the plan was shown is named, nothing is begun, and the lock is given back.
func TestFault_R09_OlderThanTheWorld(t *testing.T) {
	var result faultproxy.Result
	one := target("infra")
	for name, c := range later {
		t.Run(name, func(t *testing.T) {
			r := aRun(t, &bytes.Buffer{}, 0)
			shown := handover.Make(known(one))
			shown.Done, shown.Ready = false, true
			now := known(one)
			c.change(&now.Facts)
			r.inputs["infra"] = now
			err := r.all(context.Background(), []*job{{target: one, cluster: r.clusters["infra"], plan: shown}})
			if got := code(t, err); got != cli.ExitRefused || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "flux handover plan --context infra") {
				t.Errorf("exit %d: %v", got, err)
			}
			if r.clusters["infra"].kept.journal != nil || !r.clusters["infra"].given {
				t.Error("a journal was begun, or the lock was not given back")
			}
			result.Add(name, "refused, exit 4, with what has changed")
		})
	}
	result.Keep(t, "plugin/cli/fluxhandover", "R9")
}
