package act

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const journalPath = "/api/v1/namespaces/flux-system/configmaps/cilium-gitops-handover"

func journal(run string) *handover.Journal {
	return &handover.Journal{
		APIVersion: facts.APIVersion, Kind: handover.JournalKind, Run: run, Cluster: "infra", UID: "4f1c", Phase: handover.Running, Began: early,
		Steps: []handover.StepRecord{{ID: "preflight", Began: early, Ended: early}, {ID: "source", Began: early}, {ID: "hold"}},
	}
}

func save(t *testing.T, k *Journal, run string) {
	t.Helper()
	if err := k.Save(t.Context(), journal(run)); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, k *Journal) *handover.Journal {
	t.Helper()
	j, err := k.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournal(t *testing.T) {
	a := newAPI()
	k := open(t, a).Journal()
	if j := load(t, k); j != nil {
		t.Errorf("%v", j)
	}
	save(t, k, "one")
	save(t, k, "two")
	if diff := cmp.Diff(journal("two"), load(t, open(t, a).Journal())); diff != "" {
		t.Error(diff)
	}
	o := a.object(journalPath)
	data := o["data"].(map[string]any)
	if data["run"] != "two" || data["phase"] != "running" || data["step"] != "source" || data["cluster"] != "infra" || data["began"] != "2026-11-22T09:00:00Z" || data["updated"] == nil {
		t.Errorf("%v", data)
	}
	if labelsOf(o)["app.kubernetes.io/managed-by"] != "cilium-gitops" {
		t.Errorf("%v", labelsOf(o))
	}
	if n := len(a.asked("GET")); n != 2 {
		t.Errorf("%d reads: two were loads", n)
	}
}

// TestJournalIsOnes lets only one of two write.
func TestJournalIsOnes(t *testing.T) {
	a := newAPI()
	one, two := open(t, a).Journal(), open(t, a).Journal()
	load(t, one)
	load(t, two)
	save(t, one, "one")
	for _, k := range []*Journal{two, open(t, a).Journal()} { // the latter never looked
		if err := k.Save(t.Context(), journal("two")); !errors.Is(err, handover.ErrLost) || errors.Is(err, handover.ErrConflict) || !strings.Contains(err.Error(), "flux handover status") {
			t.Errorf("%v", err)
		}
	}
	load(t, two)
	save(t, two, "two") // it goes on where the first stopped
	if err := one.Save(t.Context(), journal("one more")); !errors.Is(err, handover.ErrLost) {
		t.Errorf("%v", err)
	}
	a.remove(journalPath)
	if err := two.Save(t.Context(), journal("three")); !errors.Is(err, handover.ErrLost) || !strings.Contains(err.Error(), "somebody has removed it") {
		t.Errorf("%v", err)
	}
}

// TestJournalAnswersLost loses requests and answers, of the first writing and of a later one; whatever is saved next
// finds out, and is kept.
func TestJournalAnswersLost(t *testing.T) {
	for _, saved := range []bool{false, true} {
		for _, next := range []string{"lost", "next"} { // the same document again, or another
			for _, lose := range []string{"request", "answer"} {
				name := fmt.Sprintf("saved before %t, %s lost, then %s", saved, lose, next)
				a := newAPI()
				k := open(t, a).Journal()
				load(t, k)
				if saved {
					save(t, k, "before")
				}
				switch lose {
				case "request":
					a.set(func(r request) *http.Response {
						if r.method != http.MethodGet {
							return refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError, "lost")
						}
						return nil
					}, nil)
				case "answer":
					a.set(nil, func(r request) error {
						if r.method != http.MethodGet {
							return context.DeadlineExceeded
						}
						return nil
					})
				}
				if err := k.Save(t.Context(), journal("lost")); err == nil || errors.Is(err, handover.ErrLost) {
					t.Errorf("%s: %v", name, err)
				}
				a.set(nil, nil)
				if err := k.Save(t.Context(), journal(next)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				save(t, k, "after")
				if j := load(t, open(t, a).Journal()); j == nil || j.Run != "after" {
					t.Errorf("%s: %v", name, j)
				}
			}
		}
	}
}

// TestJournalAnswerLostThenTaken is lost where somebody else wrote after our unanswered write.
func TestJournalAnswerLostThenTaken(t *testing.T) {
	a := newAPI()
	k := open(t, a).Journal()
	load(t, k)
	a.set(nil, func(r request) error {
		if r.method == http.MethodPost {
			return errReset
		}
		return nil
	})
	if err := k.Save(t.Context(), journal("one")); err == nil {
		t.Fatal("no error")
	}
	a.set(nil, nil)
	other := open(t, a).Journal()
	load(t, other)
	save(t, other, "other")
	if err := k.Save(t.Context(), journal("two")); !errors.Is(err, handover.ErrLost) {
		t.Errorf("%v", err)
	}
	if j := load(t, other); j.Run != "other" {
		t.Errorf("%v", j)
	}
}

func TestJournalForeign(t *testing.T) {
	document := func(text string) []byte {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll([]byte(text), nil)
	}
	whole := document(`{"kind":"Journal"}`)
	for name, c := range map[string]struct {
		document []byte
		want     string
	}{
		"none":          {nil, "it has no journal.json.zst"},
		"no zstd":       {[]byte("{}x4"), "it is not compressed by zstd"},
		"cut off":       {whole[:len(whole)-6], "it is cut off or damaged"},
		"no JSON":       {document("{"), "it is no JSON"},
		"another kind":  {document(`{"kind":"Plan"}`), `it is "Plan" of ""`},
		"wrong schema":  {document(`{"kind":"Journal","steps":7}`), "not of a journal's schema"},
		"a bomb":        {document(strings.Repeat(" ", MaxJournal+1)), "it expands to more than 33554432 bytes"},
		"escaped kinds": {document(`{"kind":"\u001b[31m"}`), `it is "\\x1b[31m"`},
	} {
		a := newAPI()
		text, _ := json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": Name, "namespace": "flux-system"},
			"binaryData": map[string]any{"journal.json.zst": base64.StdEncoding.EncodeToString(c.document)},
		})
		a.put(journalPath, string(text))
		j, err := open(t, a).Journal().Load(t.Context())
		if j != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "look at it: kubectl --context infra -n flux-system get configmap/cilium-gitops-handover") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJournalIsNeutral(t *testing.T) {
	j := journal("\x1b[31mrun\u202e")
	j.Base = &facts.Live{Pods: []facts.Pod{{Name: "p\x07", Labels: map[string]string{"k\x1b": "v\r"}}}}
	packed, err := pack(j)
	if err != nil {
		t.Fatal(err)
	}
	got, err := unpack(packed)
	if err != nil || got.Run != `\x1b[31mrun\u202e` || got.Base.Pods[0].Name != `p\x07` || got.Base.Pods[0].Labels[`k\x1b`] != `v\x0d` {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestJournalOfALargeCluster keeps the pods of 5,000 nodes, before and after.
func TestJournalOfALargeCluster(t *testing.T) {
	j := journal("large")
	j.Base = &facts.Live{Pods: pods(5000)}
	packed, err := pack(j)
	if err != nil {
		t.Fatal(err)
	}
	j.Proof = &facts.Live{Pods: pods(5000)}
	both, err := pack(j)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(j)
	t.Logf("one: %d bytes, both: %d, inflated %d", len(packed), len(both), len(text))
	if got, err := unpack(both); err != nil || got == nil || len(got.Proof.Pods) != 10000 {
		t.Errorf("%v", err)
	}
	j.Proof.Pods = append(j.Proof.Pods, pods(9000)...)
	if _, err := pack(j); err == nil || !strings.Contains(err.Error(), "do not fit into a ConfigMap") {
		t.Errorf("%v", err)
	}
}

// pods are an agent and an Envoy on each of so many nodes, with identifiers as random as real ones.
func pods(nodes int) (all []facts.Pod) {
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	for i := range nodes {
		node := fmt.Sprintf("ip-10-%d-%d-%d.eu-central-1.compute.internal", i%4, i/256, i%256)
		for _, name := range []string{"cilium", "cilium-envoy"} {
			id := sum(node + name)
			all = append(all, facts.Pod{
				Namespace: "kube-system", Name: name + "-" + id[:5], UID: fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:32]),
				Node: node, Owner: "DaemonSet/" + name, Phase: "Running", Ready: true, Created: early.Add(time.Duration(i) * time.Second),
				Labels: map[string]string{
					"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "cilium", "controller-revision-hash": "5d4f7c9b8d", "k8s-app": name, "pod-template-generation": "1",
				},
				Containers: []facts.Container{{
					Name: name, Image: "quay.io/cilium/" + name + ":v1.18.2@sha256:" + sum(name), ID: "containerd://" + sum(id), Ready: true, Started: early.Add(time.Duration(i) * time.Second),
				}},
			})
		}
	}
	return all
}
