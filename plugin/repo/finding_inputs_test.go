package repo

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kept are the ConfigMaps and Secrets of a cluster, by name; one whose data is nil cannot be read.
type kept struct {
	client.Reader

	data map[string]map[string]string
}

func (k kept) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	data, there := k.data[key.Name]
	switch {
	case !there:
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	case data == nil:
		return errors.New("forbidden")
	}
	switch into := into.(type) {
	case *corev1.Secret:
		into.Data = map[string][]byte{}
		for name, value := range data {
			into.Data[name] = []byte(value)
		}
	case *corev1.ConfigMap:
		into.Data = data
	}
	return nil
}

const inputsOfApp = `apiVersion: v1
kind: Secret
metadata: {name: encrypted, namespace: kube-system}
data: {values.yaml: "ENC[AES256_GCM,data:x,type:str]"}
sops: {version: 3.9.0}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, namespace: kube-system}
data: {values.yaml: "a: b", other: "1"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  interval: 1m
  chart: {spec: {chart: cilium, version: 1.18.2, sourceRef: {kind: HelmRepository, name: c}}}
  valuesFrom:
    - {kind: Secret, name: encrypted}
    - {kind: ConfigMap, name: plain}
    - {kind: ConfigMap, name: theirs}
  values: {cluster: {name: "${NAME}"}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: remote, namespace: kube-system}
spec:
  interval: 1m
  kubeConfig: {secretRef: {name: apps}}
  chart: {spec: {chart: cilium, version: 1.18.2, sourceRef: {kind: HelmRepository, name: c}}}
`

func inputsTree(t *testing.T) *Cluster {
	t.Helper()
	return read(t, write(t, &txtar.Archive{Files: []txtar.File{
		{Name: "clusters/a/objects.yaml", Data: []byte(ks("app", "app", ", postBuild: {substituteFrom: [{kind: ConfigMap, name: net}]}") + `---
apiVersion: v1
kind: ConfigMap
metadata: {name: net, namespace: flux-system}
data: {NAME: infra, UNUSED: x}
`)},
		{Name: "app/release.yaml", Data: []byte(inputsOfApp)},
	}}), Lax)
}

// TestFinding_C2_InputsAreCompared: what values and variables come from, whatever it is called, is compared with the
// cluster's by the keys that are used.
func TestFinding_C2_InputsAreCompared(t *testing.T) {
	c := inputsTree(t)
	// said is what is told of each input that is not as in the tree.
	said := func(data map[string]map[string]string) map[string]string {
		out := map[string]string{}
		for _, i := range c.Inputs(t.Context(), c.Release(), kept{data: data}) {
			if i.File == "" || i.Line == 0 {
				t.Errorf("%+v says not where it stands", i)
			}
			switch {
			case i.Missing:
				out[i.Ref] = "missing for " + i.For
			case i.Unknown != "":
				out[i.Ref] = "unknown: " + i.Unknown
			case len(i.Differs) > 0:
				out[i.Ref] = strings.Join(i.Differs, ",")
			}
		}
		return out
	}
	as := map[string]map[string]string{
		"encrypted": {"values.yaml": "c: d"}, "plain": {"values.yaml": "a: b", "other": "2"}, "net": {"NAME": "infra", "UNUSED": "y", "MORE": "z"},
	}
	if got := said(as); len(got) > 0 {
		t.Errorf("all that is used is the same: %v", got)
	}
	as["plain"], as["net"] = map[string]string{"values.yaml": "a: c"}, map[string]string{"NAME": "apps"}
	delete(as, "encrypted")
	if diff := cmp.Diff(map[string]string{
		"Secret/kube-system/encrypted": "missing for HelmRelease/kube-system/cilium", "ConfigMap/kube-system/plain": "values.yaml", "ConfigMap/flux-system/net": "NAME",
	}, said(as)); diff != "" {
		t.Error(diff)
	}
	as["plain"], as["encrypted"], as["net"] = nil, nil, map[string]string{"NAME": "infra"}
	if got := said(as); got["ConfigMap/kube-system/plain"] != "unknown: forbidden" || got["Secret/kube-system/encrypted"] != "unknown: forbidden" {
		t.Errorf("%v", got)
	}
}

// TestFinding_M21_TreeOfAHub: a HelmRelease of the tree that releases on another cluster is none of this one's.
func TestFinding_M21_TreeOfAHub(t *testing.T) {
	releases := inputsTree(t).Facts().Releases
	if len(releases) != 1 || releases[0].Name != "cilium" {
		t.Errorf("%+v", releases)
	}
}
