package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// checks are three of the bootstrap and one of the handover: enough for every shape of a table.
func checks() []check.Check {
	return []check.Check{
		{
			ID: "CG101", Phase: check.Bootstrap, AC: "AC-1", Title: "every agent is ready",
			Hint:  "Look at the agent's log: kubectl -n kube-system logs ds/cilium",
			Needs: []facts.Part{facts.DaemonSets, facts.Pods},
		},
		{
			ID: "CG102", Phase: check.Bootstrap, AC: "AC-1", Title: "every agent encrypts with WireGuard",
			About:   "Traffic between nodes is encrypted only where every agent says so.\n\nAn agent reads its configuration when it starts.",
			Manual:  "kubectl -n kube-system exec ds/cilium -- cilium-dbg encrypt status\nkubectl -n kube-system get cm cilium-config",
			Hint:    "The agent has not read its configuration. Restart it: kubectl -n kube-system delete pod NAME",
			Feature: "wireguard", Needs: []facts.Part{facts.Config, facts.Agents},
		},
		{ID: "CG103", Phase: check.Bootstrap, AC: "AC-7", Title: "no kube-proxy runs", Hint: "Remove it.", Needs: []facts.Part{facts.DaemonSets}},
		{ID: "CG301", Phase: check.Handover, AC: "AC-3", Title: "one release record", Hint: "Remove the other.", Needs: []facts.Part{facts.Releases}},
	}
}

var taken = time.Date(2026, 11, 22, 9, 12, 0, 0, time.UTC)

func clusters(names ...string) []facts.Facts {
	var all []facts.Facts
	for _, name := range names {
		all = append(all, facts.Facts{
			Cluster: name, Context: name, Server: "https://" + name + ".example:6443", Taken: taken,
			Live: facts.Live{Version: "v1.37.2"},
		})
	}
	return all
}

// verdicts are all passes, the handover skipped, except what bad says.
func verdicts(all []facts.Facts, bad ...check.Verdict) []check.Verdict {
	var out []check.Verdict
	for _, f := range all {
		for _, c := range checks() {
			v := check.Verdict{Check: c.ID, Cluster: f.Cluster, Reason: "3 of 3 agents"}
			if c.Phase == check.Handover {
				v.Outcome, v.Reason = check.Skip, "not handed over yet: flux handover plan"
			}
			for _, b := range bad {
				if b.Check == v.Check && b.Cluster == v.Cluster {
					v = b
				}
			}
			out = append(out, v)
		}
	}
	return out
}

func verification(all []facts.Facts, bad ...check.Verdict) report.Verification {
	return report.NewVerification(all, verdicts(all, bad...), checks())
}

func allPass() report.Verification { return verification(clusters("infra", "apps")) }

func mixed() report.Verification {
	var pods []check.Evidence
	for i := range 8 {
		pods = append(pods, check.Evidence{Where: fmt.Sprintf("kube-system/Pod/cilium-%d", i), Got: "not ready", Want: "ready"})
	}
	return verification(clusters("infra", "apps"),
		check.Verdict{Check: "CG101", Cluster: "infra", Outcome: check.Warn, Reason: "agents restarted", Evidence: pods},
		check.Verdict{
			Check: "CG102", Cluster: "apps", Outcome: check.Fail,
			Reason: "declared true, configured true since 09:12, agent started 08:40",
			Evidence: []check.Evidence{
				{Where: "apps-2 encryption.mode", Got: "Disabled", Want: "Wireguard"},
				{Where: "apps-3 peers", Got: "", Want: "2"},
			},
		},
		check.Verdict{
			Check: "CG103", Cluster: "apps", Outcome: check.Unknown, Reason: "could not look at daemonsets",
			Evidence: []check.Evidence{{Where: "daemonsets", Got: "forbidden: may not list daemonsets.apps in any namespace"}},
		})
}

func unreachable() report.Verification {
	all := clusters("infra", "apps")
	all[1].Live.Version = ""
	return verification(all, dark("apps")...)
}

// dark are the verdicts on a cluster that cannot be reached.
func dark(cluster string) []check.Verdict {
	f := facts.Facts{Cluster: cluster, Blind: map[facts.Part]string{}}
	for _, part := range check.Needs(checks(), nil) {
		f.Blind[part] = "cannot reach https://" + cluster + ".example:6443: connection refused"
	}
	return check.Run(f, checks())
}

func fleet() report.Verification {
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("edge-%03d", i))
	}
	var bad []check.Verdict
	for i := 3; i < 200; i += 8 {
		bad = append(bad, check.Verdict{
			Check: "CG102", Cluster: names[i], Outcome: check.Fail, Reason: "not encrypted",
			Evidence: []check.Evidence{{Where: names[i] + "-1", Got: "Disabled", Want: "Wireguard"}},
		})
	}
	bad = append(bad, check.Verdict{Check: "CG101", Cluster: "edge-001", Outcome: check.Warn, Reason: "restarted twice"})
	bad = append(bad, dark("edge-064")...)
	bad = append(bad, dark("edge-128")...)
	return verification(clusters(names...), bad...)
}

// hostile is text as an attacker would have it, after the edge cleaned it.
func hostile() report.Verification {
	nasty := facts.Text("a\nb\tc<script>alert(1)</script>]]>&\"'|`\x1b[31m\u202e" + strings.Repeat("\u4e16\u754c", 4) + "\ud7ff\ufffe")
	big := strings.Repeat("x y", 100)
	return verification(clusters("infra", "\u4e16\u754c"),
		check.Verdict{
			Check: "CG101", Cluster: "infra", Outcome: check.Fail, Reason: nasty,
			Evidence: []check.Evidence{{Where: nasty, Got: nasty, Want: "ready"}, {Where: "short", Got: "no", Want: "yes"}},
		},
		check.Verdict{Check: "CG102", Cluster: "infra", Outcome: check.Warn, Reason: big},
		check.Verdict{
			Check: "CG103", Cluster: "\u4e16\u754c", Outcome: check.Unknown, Reason: nasty,
			Evidence: []check.Evidence{{Where: "pods", Got: nasty}},
		})
}

func print(t *testing.T, format string, doc report.Doc, style report.Style) string {
	t.Helper()
	f, err := report.ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.Print(&out, f, doc, style); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
