package repo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

const (
	sealedRelease = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  interval: 1h
  chart: {spec: {chart: cilium, version: 1.18.2, sourceRef: {kind: OCIRepository, name: cilium}}}
  valuesFrom: [{kind: ConfigMap, name: more}]
  values:
    cluster:
      name: one
      id: ${CLUSTER_ID}
    k8sServiceHost: ${K8S_HOST}
    token: ${PIN}
    plain: ${PLAIN}
    fallback: ${OTHER:=usual}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: more, namespace: kube-system}
data:
  values.yaml: |
    fromConfigMap: "${K8S_HOST}"
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: cilium, namespace: kube-system}
spec: {interval: 1h, url: "oci://registry.example.org/SOURCE"}
`
	sealedWiring = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: flux-system}
spec:
  path: app
  interval: 10m
  prune: false
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild: {substitute: {PLAIN: visible}, substituteFrom: [{kind: Secret, name: cluster-secrets}]}
`
	sealedSecret = `apiVersion: v1
kind: Secret
metadata: {name: cluster-secrets, namespace: flux-system}
stringData:
  CLUSTER_ID: ENC[AES256_GCM,data:cg==,iv:aaaa,tag:bbbb,type:str]
  K8S_HOST: ENC[AES256_GCM,data:cg==,iv:aaaa,tag:bbbb,type:str]
  PIN: ENC[AES256_GCM,data:cg==,iv:aaaa,tag:bbbb,type:str]
  OTHER: ENC[AES256_GCM,data:cg==,iv:aaaa,tag:bbbb,type:str]
sops: {mac: "ENC[AES256_GCM,data:cg==,iv:aaaa,tag:bbbb,type:str]", version: 3.9.0}
`
)

// sealed is what a tree gives whose variables are in an encrypted Secret; without, where secret is empty.
func sealed(t *testing.T, secret, url string) *repo.Cluster {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "app/hr.yaml", strings.ReplaceAll(sealedRelease, "SOURCE", url))
	put(t, dir, "clusters/one/ks.yaml", sealedWiring)
	if secret != "" {
		put(t, dir, "clusters/one/secret.yaml", secret)
	}
	tree, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	c, err := tree.Cluster(t.Context(), fleet.Default(), fleet.Cluster{Name: "one", Path: "clusters/one"}, repo.Lax)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answers is a cluster that has one Secret, or fails.
type answers struct {
	data map[string]string
	err  error
	got  *[]string
}

func (a answers) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if a.got != nil {
		*a.got = append(*a.got, fmt.Sprintf("%T %s", into, key))
	}
	if a.err != nil {
		return a.err
	}
	secret, ok := into.(*corev1.Secret)
	if !ok || key.String() != "flux-system/cluster-secrets" {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	secret.Data = map[string][]byte{}
	for name, value := range a.data {
		secret.Data[name] = []byte(value)
	}
	return nil
}

func (a answers) List(context.Context, client.ObjectList, ...client.ListOption) error {
	panic("nothing is listed")
}

var inCluster = map[string]string{"CLUSTER_ID": "7", "K8S_HOST": "c4n4ry.example.org", "PIN": "9137", "OTHER": "another"}

// TestFinding_M22_EncryptedIsUnknown: a value that only the cluster knows is none, and is nowhere taken for one.
func TestFinding_M22_EncryptedIsUnknown(t *testing.T) {
	for name, secret := range map[string]string{"encrypted": sealedSecret, "not in the tree": ""} {
		c := sealed(t, secret, "cilium")
		unknown := map[string]string{}
		for _, u := range c.Facts().Unknown {
			unknown[u.Object+" "+u.Field] = u.Variable
			if u.From != "Secret/flux-system/cluster-secrets" || u.Why == "" || u.File != "app/hr.yaml" {
				t.Errorf("%s: %+v", name, u)
			}
		}
		for field, variable := range map[string]string{
			"HelmRelease/kube-system/cilium spec.values.cluster.id": "CLUSTER_ID", "HelmRelease/kube-system/cilium spec.values.k8sServiceHost": "K8S_HOST",
			"HelmRelease/kube-system/cilium spec.values.fallback": "OTHER", `ConfigMap/kube-system/more data.values\.yaml`: "K8S_HOST",
		} {
			if unknown[field] != variable {
				t.Errorf("%s: %s is %q", name, field, unknown[field])
			}
		}
		if _, known := unknown["HelmRelease/kube-system/cilium spec.values.plain"]; known {
			t.Errorf("%s: a variable that is known is unknown", name)
		}
		if hr := c.Facts().Cilium(); hr.ValuesDigest != "" || hr.Values.Text("k8sServiceHost") != "${K8S_HOST}" || hr.Values.Text("plain") != "visible" {
			t.Errorf("%s: %q %+v", name, hr.ValuesDigest, hr.Values)
		}
		if v, err := c.Values(t.Context(), c.Release(), nil); err == nil {
			t.Errorf("%s: values of what is not known: %v", name, v)
		}
		for _, p := range c.Facts().Problems {
			if p.Fatal {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if raw, _ := json.Marshal(c.Facts()); strings.Contains(string(raw), `:"encrypted"`) {
			t.Errorf("%s: a placeholder that looks like a value: %s", name, raw)
		}
	}
}

// TestFinding_M22_TheClusterKnows: what the cluster has is put into the HelmRelease, shown nowhere, and into nothing else.
func TestFinding_M22_TheClusterKnows(t *testing.T) {
	for name, secret := range map[string]string{"encrypted": sealedSecret, "not in the tree": ""} {
		c := sealed(t, secret, "cilium")
		var got []string
		live := answers{data: inCluster, got: &got}
		c.Resolve(t.Context(), live)
		if len(c.Facts().Unknown) > 0 || c.Facts().Cilium().ValuesDigest == "" || len(got) != 1 {
			t.Fatalf("%s: %+v, asked %v", name, c.Facts().Unknown, got)
		}
		v, err := c.Values(t.Context(), c.Release(), live)
		if err != nil || v.Text("cluster.id") != "7" || v.Text("k8sServiceHost") != "c4n4ry.example.org" || v.Text("fallback") != "another" || v.Text("fromConfigMap") != "c4n4ry.example.org" {
			t.Errorf("%s: %v, %v", name, v, err)
		}
		if text := fmt.Sprint(c.Release().Body); strings.Contains(text, "${") || !strings.Contains(text, "c4n4ry") {
			t.Errorf("%s: what is applied: %s", name, text)
		}
		raw, err := json.Marshal(c.Facts())
		for _, value := range []string{"c4n4ry", "9137", "another"} {
			if err != nil || strings.Contains(string(raw), value) {
				t.Errorf("%s: %s is told: %s", name, value, raw)
			}
		}
	}
	c := sealed(t, sealedSecret, "${PIN}")
	c.Resolve(t.Context(), answers{data: inCluster})
	if o := c.Object("OCIRepository", "kube-system", "cilium"); strings.Contains(fmt.Sprint(o.Body), "9137") || len(c.Facts().Unknown) != 1 {
		t.Errorf("a Secret goes to a host that the tree names: %v %+v", o.Body, c.Facts().Unknown)
	}
}

// TestFinding_M22_TheClusterDoesNotTell: forbidden, not found and unreachable are told apart, and none is a value.
func TestFinding_M22_TheClusterDoesNotTell(t *testing.T) {
	group := schema.GroupResource{Resource: "secrets"}
	for want, err := range map[string]error{
		"forbidden":          apierrors.NewForbidden(group, "cluster-secrets", nil),
		"not found":          apierrors.NewNotFound(group, "cluster-secrets"),
		"connection refused": fmt.Errorf("dial tcp: connection refused"),
	} {
		for _, secret := range []string{sealedSecret, ""} {
			c := sealed(t, secret, "cilium")
			c.Resolve(t.Context(), answers{err: err})
			unknown := c.Facts().Unknown
			if len(unknown) == 0 || !strings.Contains(unknown[0].Why, want) {
				t.Errorf("%s: %+v", want, unknown)
			}
			if _, err := c.Values(t.Context(), c.Release(), nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
	}
}

// TestFinding_M22_LintJudgesNothingUnknown: what is made of an encrypted variable is of no type and no value.
func TestFinding_M22_LintJudgesNothingUnknown(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "app/hr.yaml", strings.ReplaceAll(sealedRelease, "SOURCE", "cilium")+`---
apiVersion: v1
kind: Secret
metadata: {name: ca, namespace: kube-system}
data:
  ca.crt: ${PIN}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: kube-system}
spec:
  replicas: ${CLUSTER_ID}
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: x}]}
`)
	put(t, dir, "clusters/one/ks.yaml", sealedWiring)
	put(t, dir, "clusters/one/secret.yaml", sealedSecret)
	tree, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	in, err := tree.Lint(t.Context(), fleet.Default(), []fleet.Cluster{{Name: "one", Path: "clusters/one"}}, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range in.Clusters[0].Git.Problems {
		if p.Fatal && !strings.HasPrefix(p.Object, "Secret/flux-system/") {
			t.Errorf("%+v", p)
		}
	}
	for _, f := range lint.Run(in, lint.Rules()).Findings {
		if strings.HasPrefix(string(f.Rule), "CGL5") || strings.HasPrefix(string(f.Rule), "CGL6") || f.Rule == "CGL115" {
			t.Errorf("%s %s:%d %s", f.Rule, f.File, f.Line, f.Message)
		}
	}
}
