package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// living has Secrets and ConfigMaps of each name, with a values.yaml that tells whose it is.
type living struct {
	client.Reader

	asked []string
	err   error
}

func (l *living) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	l.asked = append(l.asked, fmt.Sprintf("%T %s", into, key.Name))
	if l.err != nil {
		return l.err
	}
	text := fmt.Sprintf("from: {%s: cluster}\n", key.Name)
	switch into := into.(type) {
	case *corev1.Secret:
		into.Data = map[string][]byte{"values.yaml": []byte(text)}
	case *corev1.ConfigMap:
		into.Data = map[string]string{"values.yaml": text}
	}
	return nil
}

// TestValuesOfTheCluster: what the tree does not have, or has encrypted, comes from the cluster; what it has does not.
func TestValuesOfTheCluster(t *testing.T) {
	dir := write(t, &txtar.Archive{Files: []txtar.File{
		{Name: "clusters/a/objects.yaml", Data: []byte(ks("app", "app", ""))},
		{Name: "app/release.yaml", Data: []byte(`apiVersion: v1
kind: Secret
metadata: {name: encrypted, namespace: kube-system}
data: {values.yaml: "ENC[AES256_GCM,data:x,type:str]"}
sops: {version: 3.9.0}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, namespace: kube-system}
data: {values.yaml: "from: {plain: tree}"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  interval: 1m
  chart: {spec: {chart: cilium, version: 1.18.2, sourceRef: {kind: HelmRepository, name: c}}}
  valuesFrom:
    - {kind: Secret, name: encrypted}
    - {kind: Secret, name: elsewhere}
    - {kind: ConfigMap, name: plain}
    - {kind: ConfigMap, name: theirs}
`)},
	}})
	c := read(t, dir, Lax)
	live := &living{}
	v, err := c.Values(t.Context(), c.Release(), live)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"encrypted": "cluster", "elsewhere": "cluster", "plain": "tree", "theirs": "cluster"} {
		if got := v.Text(values.Path("from." + name)); got != want {
			t.Errorf("%s is the %s's, not the %s's", name, got, want)
		}
	}
	if asked := strings.Join(live.asked, ", "); asked != "*v1.Secret encrypted, *v1.Secret elsewhere, *v1.ConfigMap theirs" {
		t.Errorf("asked for %s", asked)
	}
	if _, err := c.Values(t.Context(), c.Release(), nil); err == nil || !strings.Contains(err.Error(), "encrypted") {
		t.Errorf("without a cluster: %v", err)
	}
	if _, err := c.Values(t.Context(), c.Release(), &living{err: errors.New("forbidden: no get of secrets")}); err == nil || !strings.Contains(err.Error(), "no get of secrets") {
		t.Errorf("a cluster that says no: %v", err)
	}
}
