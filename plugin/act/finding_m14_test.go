package act

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// sized is what a cluster of so many nodes says; rolled: after both DaemonSets have rolled.
func sized(nodes int, rolled bool) *facts.Live {
	live := &facts.Live{UID: "4f1c", Version: "v1.37.2", Pods: pods(nodes)}
	for i := range nodes {
		live.Nodes = append(live.Nodes, facts.Node{
			Name: live.Pods[2*i].Node, InternalIP: fmt.Sprintf("10.%d.%d.%d", i%4, i/256, i%256), Ready: true,
			Kubelet:  "v1.37.2",
			PodCIDRs: []string{fmt.Sprintf("10.244.%d.%d/26", i/4, i%4*64)},
		})
	}
	for i := range live.Pods {
		if p := &live.Pods[i]; rolled {
			id := fmt.Sprintf("%x", sha256.Sum256([]byte("rolled"+p.UID)))
			p.UID = fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:32])
			p.Name = p.Name[:len(p.Name)-5] + id[32:37]
			p.Containers = slices.Clone(p.Containers)
			p.Containers[0].ID = "containerd://" + fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
		}
	}
	return live
}

// partPath is where the API has a part of the journal.
func partPath(n int) string { return fmt.Sprintf("%s-%d", journalPath, n) }

// TestFinding_M14_TenThousandNodes: the journal of an accepted roll of both DaemonSets on 10,000 nodes is kept and read
// again, no ConfigMap of it holds more than the API takes, and what does not change is written once.
func TestFinding_M14_TenThousandNodes(t *testing.T) {
	a := newAPI()
	k := open(t, a).Journal()
	load(t, k)
	j := journal("large")
	j.Base = sized(10000, false)
	if err := k.Room(j); err != nil {
		t.Fatal(err)
	}
	keep := func() {
		t.Helper()
		if err := k.Save(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	keep()
	before := len(a.writes())
	j.Steps[1].Ended = early
	keep()
	if n := len(a.writes()) - before; n != 1 {
		t.Errorf("a baseline that is kept already is written again: %d writes", n)
	}
	j.Proof = sized(10000, true)
	keep()
	total := 0
	for n := range handover.JournalParts + 1 {
		path := journalPath
		if n > 0 {
			path = partPath(n)
		}
		o := a.object(path)
		if o == nil {
			continue
		}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, data := range o["binaryData"].(map[string]any) {
			bytes += len(data.(string)) / 4 * 3
		}
		total += bytes
		t.Logf("%s: %d bytes, %d as JSON", path, bytes, len(text))
		if bytes > 1<<20-2<<10 || len(text) > 3<<19 {
			t.Errorf("%s holds %d bytes", path, bytes)
		}
	}
	t.Logf("%d bytes in all", total)
	got := load(t, open(t, a).Journal())
	if diff := cmp.Diff(j, got); diff != "" {
		t.Errorf("%.2000s", diff)
	}
}

// TestFinding_M14_RoomIsKnownBefore: what cannot be kept to the end is known when there is a baseline.
func TestFinding_M14_RoomIsKnownBefore(t *testing.T) {
	k := open(t, newAPI()).Journal()
	j := journal("huge")
	j.Base = sized(22000, false)
	if err := k.Room(j); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
	if err := k.Room(journal("small")); err != nil {
		t.Error(err)
	}
}

// TestFinding_M14_PartsOfSomebody: a part that is missing, or that is not what was kept, is said to be so.
func TestFinding_M14_PartsOfSomebody(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *api)
		says   string
	}{
		"missing": {func(a *api) { a.remove(partPath(1)) },
			"its part ConfigMap/flux-system/cilium-gitops-handover-1 is missing"},
		"of another run": {func(a *api) {
			o := clone(a.object(partPath(1)))
			o["data"].(map[string]any)["run"] = "other\x1b"
			text, _ := json.Marshal(o)
			a.put(partPath(1), string(text))
		}, `is of run "other`},
		"other bytes": {func(a *api) {
			o := clone(a.object(partPath(1)))
			o["binaryData"].(map[string]any)[partKey] = "AAAA"
			text, _ := json.Marshal(o)
			a.put(partPath(1), string(text))
		}, "do not hold what was kept there"},
	} {
		a := newAPI()
		k := open(t, a).Journal()
		load(t, k)
		j := journal("large")
		j.Base = sized(1700, false)
		if err := k.Save(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if a.object(partPath(1)) == nil {
			t.Fatal("nothing is kept apart")
		}
		c.change(a)
		if got, err := open(t, a).Journal().Load(t.Context()); got != nil || err == nil ||
			!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "kubectl --context infra") {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := open(t, newAPI()).Journal()
	for name, p := range map[string]piece{
		"none": {First: 1}, "too many": {First: 1, Count: 9, Size: 9}, "beyond": {First: 8, Count: 2, Size: 9},
		"before":    {First: 0, Count: 1, Size: 9},
		"too large": {First: 1, Count: 1, Size: MaxPacked + 1}, "negative": {First: 1, Count: -1, Size: 1},
	} {
		if _, err := k.assemble(t.Context(), "run", p); err == nil || !strings.Contains(err.Error(),
			"it is said to be in") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFinding_M14_KilledInBetween: at whichever request a process dies that keeps a large journal, what is there can be
// read, and gone on with.
func TestFinding_M14_KilledInBetween(t *testing.T) {
	dead := errors.New("dead")
	base, rolled := sized(1700, false), sized(1700, true)
	for n := range 40 {
		a := newAPI()
		k := open(t, a).Journal()
		load(t, k)
		left := n
		a.set(func(r request) *http.Response {
			if r.method == http.MethodGet {
				return nil
			}
			if left--; left < 0 {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, "dead")
			}
			return nil
		}, nil)
		j := journal("large")
		j.Base = base
		err := k.Save(t.Context(), j)
		for _, proof := range []*facts.Live{rolled, base} {
			if err == nil {
				j.Proof = proof
				err = k.Save(t.Context(), j)
			}
		}
		a.set(nil, nil)
		next := open(t, a).Journal()
		got, loaded := next.Load(t.Context())
		if loaded != nil {
			t.Fatalf("died at write %d (%v): %v", n, err, loaded)
		}
		if got != nil {
			got.Base, got.Proof = rolled, nil
			if err := next.Save(t.Context(), got); err != nil {
				t.Fatalf("died at write %d, gone on with: %v", n, errors.Join(dead, err))
			}
		}
		if err == nil {
			return
		}
	}
	t.Error("it never came to an end")
}

// TestFinding_M14_TheLockIsAnothers: who has lost the journal writes over no part of it.
func TestFinding_M14_TheLockIsAnothers(t *testing.T) {
	a := newAPI()
	one, two := open(t, a).Journal(), open(t, a).Journal()
	load(t, one)
	j := journal("one")
	j.Base = sized(1700, false)
	if err := one.Save(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	taken := load(t, two)
	taken.Run = "two"
	if err := two.Save(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	part := a.object(partPath(1))["metadata"].(map[string]any)["resourceVersion"]
	j.Proof = sized(1700, true)
	if err := one.Save(t.Context(), j); !errors.Is(err, handover.ErrLost) {
		t.Errorf("%v", err)
	}
	if is := a.object(partPath(1))["metadata"].(map[string]any)["resourceVersion"]; is != part {
		t.Error("it wrote a part")
	}
}
