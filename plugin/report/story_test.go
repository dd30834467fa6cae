package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// fleetPod is a pod of Cilium's that has run since the day before.
func fleetPod(cluster, workload, name, node string) facts.Pod {
	owner := "DaemonSet/" + workload
	labels := map[string]string{"app.kubernetes.io/part-of": "cilium"}
	if strings.HasPrefix(workload, "hubble") || workload == "cilium-operator" {
		owner, labels["pod-template-hash"] = "ReplicaSet/"+workload+"-5d4", "5d4"
	}
	return facts.Pod{
		Namespace: "kube-system", Name: name, UID: cluster + "/" + name, Node: node, Owner: owner, Labels: labels, Ready: true,
		Created: morning.Add(-26 * time.Hour), Containers: []facts.Container{{Name: "main", ID: "containerd://1", Ready: true}},
	}
}

// toldRun is a handover of a cluster of that many nodes, which came to its end.
func toldRun(cluster string, nodes int, phase handover.RunPhase) Told {
	base := &facts.Live{
		Version: "v1.37.2", Config: &facts.ConfigMap{Data: map[string]string{"enable-wireguard": "true"}},
		Records: []facts.Record{{Namespace: "kube-system", Release: "cilium", Revision: 1, Status: "deployed", Secret: "sh.helm.release.v1.cilium.v1"}},
	}
	for n := range nodes {
		node := fmt.Sprintf("%s-%d", cluster, n+1)
		base.Nodes = append(base.Nodes, facts.Node{Name: node, Ready: true})
		base.Pods = append(base.Pods, fleetPod(cluster, "cilium", fmt.Sprintf("cilium-%05x", n*7919+17), node), fleetPod(cluster, "cilium-envoy", fmt.Sprintf("cilium-envoy-%05x", n*6007+5), node))
		if n < 2 {
			base.Pods = append(base.Pods, fleetPod(cluster, "cilium-operator", fmt.Sprintf("cilium-operator-5d4-%04x", n), node))
		}
	}
	base.Pods = append(base.Pods, fleetPod(cluster, "hubble-relay", "hubble-relay-5d4-k2", cluster+"-1"))
	base.DaemonSets = []facts.Workload{{Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium", Labels: map[string]string{"app.kubernetes.io/part-of": "cilium"}, Ready: int32(nodes)}}
	base.Deployments = []facts.Workload{{Kind: "Deployment", Namespace: "kube-system", Name: "cilium-operator", Labels: map[string]string{"app.kubernetes.io/part-of": "cilium"}, Ready: 2}}
	at := func(seconds float64) time.Time { return morning.Add(time.Duration(seconds * float64(time.Second))) }
	j := &handover.Journal{
		APIVersion: facts.APIVersion, Kind: handover.JournalKind, Name: handover.HandoverName, Run: "20261122T091200Z-4f1c", Tool: "flux-handover/v1.0.0", Cluster: cluster,
		Context: cluster, UID: "4f1c2a3b-0000-4000-8000-000000000000", Holder: "ann@bastion", Strategy: handover.Adopt, Phase: phase, Began: morning,
		Tree: "5a0f3e9c", Backup: "/var/lib/state/" + cluster + "/backup", Revision: 1, World: handover.State{Revision: 1, ChartVersion: "1.18.2+0c347cf81b87"}, Base: base,
		Before: []handover.BeforeImage{{Ref: handover.Ref{Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}}},
		Steps: []handover.StepRecord{
			{ID: "preflight", Title: "preflight", Began: at(0), Ended: at(0.4), Text: "as planned for"},
			{ID: "backup", Title: "baseline and backup", Began: at(0.4), Ended: at(1.3), Text: fmt.Sprintf("%d pods, revision 1", len(base.Pods))},
			{ID: "source", Title: "source", Began: at(1.3), Ended: at(3.4), Begun: 1, Taken: 1, Text: "OCIRepository kube-system/cilium-charts is ready"},
			{ID: "hold", Title: "hold", Began: at(3.4), Ended: at(4.1), Begun: 4, Taken: 4, Text: "HelmRelease kube-system/cilium is suspended"},
			{ID: "adopt", Title: "adopt", Began: at(4.1), Begun: 1, Taken: 1},
			{ID: "fields", Title: "fields"}, {ID: "proof", Title: "proof"}, {ID: "soak", Title: "soak"},
		},
	}
	end := *base
	end.Pods = append([]facts.Pod{}, base.Pods...)
	if phase == handover.Finished {
		ends := []float64{8.9, 9.6, 10.3, 610.3}
		for i, began := range []float64{4.1, 8.9, 9.6, 10.3} {
			s := &j.Steps[4+i]
			s.Began, s.Ended, s.Text = at(began), at(ends[i]), "revision 2, upgrade"
		}
		j.Ended = at(610.4)
		end.Records = []facts.Record{{Namespace: "kube-system", Release: "cilium", Revision: 2, Status: "deployed", Secret: "sh.helm.release.v1.cilium.v2"}}
		end.HelmReleases = []facts.HelmRelease{{Namespace: "kube-system", Name: "cilium", LastAction: "upgrade", History: []facts.Snapshot{{Name: "cilium", Namespace: "kube-system", Version: 2, LastDeployed: at(6)}}}}
	} else {
		j.Stop = "step adopt: CG401: pods of Cilium are not those of the baseline"
		gone := end.Pods[0]
		end.Pods = end.Pods[1:]
		fresh := fleetPod(cluster, "cilium", "cilium-zzzzz", gone.Node)
		fresh.Created = at(7.6)
		end.Pods = append(end.Pods, fresh)
		j.Seen = []handover.PodEvent{{Time: at(7.2), Pod: "Pod/kube-system/" + gone.Name, Text: "gone or replaced"}}
		j.Frozen = []handover.Ref{{Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}}
	}
	j.Proof = &end
	return judged(j, "flux handover status --context "+cluster)
}

// judged is a run with what the handover's checks say of its end.
func judged(j *handover.Journal, again ...string) Told {
	expect := names()
	expect.Cilium.Operator, expect.Flux = "cilium-operator", facts.FluxNames{Namespace: "flux-system", HelmRelease: "cilium", HelmReleaseNamespace: "kube-system"}
	t := Told{Journal: j, Expect: expect, Server: "https://10.25.11.10:6443", Evidence: "/var/lib/state/evidence.yaml", Again: again, Judged: "Judged from the journal."}
	if f, ok := j.Facts(expect); ok {
		t.End = &f
		for _, c := range check.All() {
			if c.Phase == check.Handover {
				t.Checks = append(t.Checks, c)
			}
		}
		t.Verdicts = check.Run(f, t.Checks)
	}
	return t
}

func story(told ...Told) Story {
	return NewStory(morning.Add(time.Hour), "flux-handover/v1.0.0", told, []string{"kubectl cilium-gitops verify --context infra,apps"})
}

func TestStoryDocuments(t *testing.T) {
	unseen := toldRun("apps", 2, handover.Frozen)
	unseen.Journal.Proof = nil
	unseen = judged(unseen.Journal)
	measured := toldRun("apps", 3, handover.Finished)
	measured.Journal.Streams = &facts.Streams{
		Began: morning, Ended: morning.Add(time.Minute), Nodes: []facts.ProbeNode{{Name: "apps-1"}, {Name: "apps-2"}}, Tried: 600,
		Streams: []facts.Stream{
			{Kind: facts.ProbePod, From: "apps-1", To: "apps-2", Answers: 3000, Gap: 68 * time.Millisecond, GapAt: morning.Add(10 * time.Second)},
			{Kind: facts.ProbePod, From: "apps-2", To: "apps-1", Answers: 3000, Gap: 41 * time.Millisecond, GapAt: morning.Add(20 * time.Second)},
		},
	}
	measured = judged(measured.Journal)
	for name, s := range map[string]Story{
		"story-measured": story(measured),
		"story-finished": story(toldRun("infra", 3, handover.Finished), toldRun("apps", 3, handover.Finished)),
		"story-stopped":  story(toldRun("infra", 2, handover.Finished), toldRun("apps", 2, handover.Frozen)),
		"story-unseen":   story(unseen),
	} {
		t.Run(name, func(t *testing.T) { assertFormats(t, name, s, "table", "wide", "json", "name", "markdown", "html") })
	}
}

// address matches what a browser would fetch.
var address = regexp.MustCompile(`(?i)(src|href|action|data|url\()\s*=?\s*["']?\s*(https?:)?//`)

// TestStoryPage: the page is whole HTML, asks for nothing, runs nothing, and every step and pod is in it, however many
// there are.
func TestStoryPage(t *testing.T) {
	for _, nodes := range []int{3, 100, 1000} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			told := []Told{toldRun("infra", nodes, handover.Finished), toldRun("apps", nodes, handover.Frozen)}
			page, err := story(told...).page()
			if err != nil {
				t.Fatal(err)
			}
			if dir := os.Getenv("STORY_PAGES"); dir != "" { // to look at them
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("story-%d.html", nodes)), page, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if found := address.Find(page); found != nil {
				t.Errorf("the page asks for %s", found)
			}
			elements, text := parse(t, page)
			for _, name := range []string{"script", "link", "img", "iframe", "a"} {
				if elements[name] > 0 {
					t.Errorf("%d elements %s", elements[name], name)
				}
			}
			if elements["svg"] != 2 {
				t.Errorf("%d pictures for 2 runs", elements["svg"])
			}
			for _, want := range told {
				for _, s := range want.Journal.Steps {
					if strings.Count(text, s.ID) < 2 {
						t.Errorf("step %s is not in the picture and in the table", s.ID)
					}
				}
				for _, p := range want.Journal.Base.Pods {
					if !strings.Contains(text, p.Name) {
						t.Errorf("pod %s is not on the page", p.Name)
					}
				}
			}
			if limit := 6 << 20; len(page) > limit {
				t.Errorf("the page of %d nodes has %d bytes, above %d", nodes, len(page), limit)
			}
		})
	}
}

// parse reads a page as a browser does: how many elements of each name there are, and all text.
func parse(t *testing.T, page []byte) (map[string]int, string) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	var text strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			elements[n.Data]++
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.Contains(strings.ToLower(a.Val), "javascript:") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
		case html.TextNode:
			text.WriteString(n.Data + "\n")
		}
	}
	return elements, text.String()
}

// TestHostileStory: whatever a cluster, a journal or a path is called, it is text and nothing else, and does not fill
// the page.
func TestHostileStory(t *testing.T) {
	bad := `</td></svg><script>alert(1)</script><img src=x onerror=alert(2)>"' {{.}} ` + "\x1b[31m\u202Eevil\u2028 | `rm` **"
	told := toldRun("infra", 1, handover.Frozen)
	plain, err := story(told).page()
	if err != nil {
		t.Fatal(err)
	}
	j := told.Journal
	j.Cluster, j.Context, j.Holder, j.Stop, j.Tool, j.Tree, j.Name = bad, bad, bad, bad, bad, bad, bad
	j.Steps[0].ID, j.Steps[0].Title, j.Steps[0].Text = bad, bad, bad
	for _, pods := range [][]facts.Pod{j.Base.Pods, j.Proof.Pods} {
		for i := range pods {
			pods[i].Name, pods[i].Node, pods[i].Owner = fmt.Sprint(i)+bad+strings.Repeat("long", 1<<18), bad, bad
		}
	}
	j.Before[0].Ref.Name, j.Frozen[0].Name = bad, bad
	told = judged(j, bad)
	told.Server, told.Evidence, told.Judged = bad, bad, bad
	s := NewStory(morning, bad, []Told{told}, []string{bad})
	page, err := s.page()
	if err != nil {
		t.Fatal(err)
	}
	was, _ := parse(t, plain)
	elements, text := parse(t, page)
	for _, name := range []string{"script", "img", "svg", "td", "section"} {
		if name != "td" && elements[name] != was[name] {
			t.Errorf("%d elements %s, and %d without hostile names", elements[name], name, was[name])
		}
	}
	for _, r := range []rune{0x1b, 0x202e, 0x2028} {
		if strings.ContainsRune(text, r) {
			t.Errorf("the page holds %U", r)
		}
	}
	if limit := 4 << 20; len(page) > limit {
		t.Errorf("the page has %d bytes, above %d", len(page), limit)
	}
	for _, format := range []string{"table", "wide", "markdown"} {
		var out bytes.Buffer
		f, err := ParseFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := Print(&out, f, s, Style{}); err != nil {
			t.Fatal(err)
		}
		if format == "markdown" && strings.Contains(out.String(), "<script") {
			t.Errorf("%s holds markup", format)
		}
	}
}

// TestStoryCountsPodsOnce: a pod that lives through several runs is one pod, and what became of it is the worst.
func TestStoryCountsPodsOnce(t *testing.T) {
	first, second := toldRun("infra", 2, handover.Finished), toldRun("infra", 2, handover.Frozen)
	if got := story(first, first).fates(); got[PodUntouched] != 7 || there(got) != 7 {
		t.Errorf("two quiet runs: %v", got)
	}
	if got := story(first, second).fates(); got[PodUntouched] != 6 || got[PodGone] != 1 || got[PodNew] != 1 {
		t.Errorf("a pod went in the second run: %v", got)
	}
}
