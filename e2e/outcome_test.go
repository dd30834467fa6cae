//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// outcome is what an adoption does, as far as it is compared.
type outcome struct {
	Failed           bool     // Helm refused
	Pods             int      // that are no longer the same
	Created, Deleted []string // "Kind/namespace/name"
	Config           []string // keys of cilium-config
	Left             []string // "Kind/namespace/name n": fields that stay though they are gone from the chart
}

// code is the exit code of a prediction that says this; where Helm fails, differences beside that make it 1.
func (o outcome) code() int {
	switch {
	case o.Pods > 0, len(o.Created)+len(o.Deleted)+len(o.Config)+len(o.Left) > 0:
		return 1
	case o.Failed:
		return 3
	}
	return 0
}

// String is the outcome as docs/diff.md has it.
func (o outcome) String() string {
	if o.Failed {
		return "Helm fails"
	}
	left := 0
	for _, l := range o.Left {
		var n int
		_, _ = fmt.Sscan(l[strings.LastIndex(l, " ")+1:], &n)
		left += n
	}
	var parts []string
	for _, p := range []struct {
		n         int
		one, more string
	}{
		{o.Pods, "**%d pod**", "**%d pods**"}, {len(o.Created), "+%d", "+%d"}, {len(o.Deleted), "-%d", "-%d"},
		{len(o.Config), "%d key", "%d keys"}, {left, "%d field stays", "%d fields stay"},
	} {
		switch {
		case p.n == 1:
			parts = append(parts, fmt.Sprintf(p.one, p.n))
		case p.n > 1:
			parts = append(parts, fmt.Sprintf(p.more, p.n))
		}
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

// thing is what of an object is compared.
type thing struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Namespace, Name, UID string

		ManagedFields []struct {
			Manager, Operation, Subresource string

			FieldsV1 json.RawMessage
		}
	} `json:"metadata"`
	Data map[string]string `json:"data"`
}

// existing is all that a release of Cilium may have, and every pod.
func (c cell) existing(t *testing.T) map[string]thing {
	t.Helper()
	const kinds = "daemonsets,deployments,statefulsets,configmaps,services,secrets,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings," +
		"jobs,cronjobs,servicemonitors,validatingadmissionpolicies,validatingadmissionpolicybindings,pods"
	all := map[string]thing{}
	for _, some := range []string{kinds, "gatewayclasses"} {
		r := c.lab.run(t, "", "kubectl", "--context", c.on, "get", some, "-A", "-o", "json", "--show-managed-fields")
		if r.code != 0 && some == "gatewayclasses" {
			continue // the lab has no such API just now
		}
		var list struct {
			Items []thing `json:"items"`
		}
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
			t.Fatalf("%v\n%s", err, r.stderr)
		}
		for _, o := range list.Items {
			if !strings.HasPrefix(o.Metadata.Name, "sh.helm.release.") {
				all[o.Kind+"/"+o.Metadata.Namespace+"/"+o.Metadata.Name] = o
			}
		}
	}
	return all
}

// came is what became of one state of the cluster.
func came(before, after map[string]thing) outcome {
	var out outcome
	for key, o := range before {
		now, there := after[key]
		switch {
		case o.Kind == "Pod" && slices.Contains([]string{"kube-system", "cilium-spire"}, o.Metadata.Namespace) && now.Metadata.UID != o.Metadata.UID:
			out.Pods++
		case o.Kind != "Pod" && !there:
			out.Deleted = append(out.Deleted, key)
		}
	}
	for key, o := range after {
		if _, there := before[key]; !there && o.Kind != "Pod" {
			out.Created = append(out.Created, key)
		}
		if n := o.left(); n > 0 {
			out.Left = append(out.Left, fmt.Sprintf("%s %d", key, n))
		}
	}
	const config = "ConfigMap/kube-system/cilium-config"
	was, is := before[config].Data, after[config].Data
	for key, value := range was {
		if now, there := is[key]; !there || now != value {
			out.Config = append(out.Config, key)
		}
	}
	for key := range is {
		if _, there := was[key]; !there {
			out.Config = append(out.Config, key)
		}
	}
	return out.sorted()
}

func (o outcome) sorted() outcome {
	for _, list := range [][]string{o.Created, o.Deleted, o.Config, o.Left} {
		slices.Sort(list)
	}
	return o
}

// left counts the fields that the bootstrap's Helm applied and helm-controller, which applied after it, did not.
func (o thing) left() int {
	own := map[string]*fieldpath.Set{"helm": fieldpath.NewSet(), "helm-controller": fieldpath.NewSet()}
	for _, m := range o.Metadata.ManagedFields {
		if own[m.Manager] == nil || m.Operation != "Apply" || m.Subresource != "" {
			continue
		}
		one := fieldpath.NewSet()
		if one.FromJSON(bytes.NewReader(m.FieldsV1)) == nil {
			own[m.Manager] = own[m.Manager].Union(one)
		}
	}
	if own["helm-controller"].Empty() {
		return 0
	}
	whole := map[string]bool{}
	own["helm"].Difference(own["helm-controller"]).Leaves().Iterate(func(p fieldpath.Path) {
		whole[beyond(p, own["helm-controller"])] = true
	})
	return len(whole)
}

// beyond is the first part of a path that a set has nothing at or below of: an item of a list counts once.
func beyond(p fieldpath.Path, of *fieldpath.Set) string {
	for i, element := range p {
		below := of.WithPrefix(element)
		if !of.Members.Has(element) && below.Empty() {
			return p[:i+1].String()
		}
		of = below
	}
	return p.String()
}

// foretold is the document of `diff --what impact -o json`: the names that are fixed, and no others are read.
type foretold struct {
	Kind     string `json:"kind"`
	Clusters []struct {
		Unknown []string `json:"unknown"`
	} `json:"clusters"`
	Changes []change `json:"changes"`
}

type change struct {
	Ref struct {
		Kind, Namespace, Name string
	} `json:"ref"`
	Effect   string   `json:"effect"`
	Paths    []string `json:"paths"`
	Restarts int      `json:"restarts"`
	Lost     int      `json:"lost"`
	Left     []string `json:"left"`
}

// outcome is what was foretold, in the same words.
func (f foretold) outcome() outcome {
	var out outcome
	for _, c := range f.Clusters {
		out.Failed = out.Failed || slices.ContainsFunc(c.Unknown, func(why string) bool { return strings.Contains(why, "Helm would fail") })
	}
	out.Failed = out.Failed || slices.ContainsFunc(f.Changes, func(c change) bool { return c.Effect == "fails" })
	if out.Failed {
		return out
	}
	for _, c := range f.Changes {
		key := c.Ref.Kind + "/" + c.Ref.Namespace + "/" + c.Ref.Name
		out.Pods += c.Restarts + c.Lost
		switch {
		case c.Effect == "create":
			out.Created = append(out.Created, key)
		case c.Effect == "delete":
			out.Deleted = append(out.Deleted, key)
		case c.Ref.Name == "cilium-config" && c.Effect == "config":
			for _, path := range c.Paths {
				out.Config = append(out.Config, strings.ReplaceAll(strings.TrimPrefix(path, "data."), `\.`, "."))
			}
		}
		if len(c.Left) > 0 {
			out.Left = append(out.Left, fmt.Sprintf("%s %d", key, len(c.Left)))
		}
	}
	return out.sorted()
}
