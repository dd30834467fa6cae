package chart

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

const canary = "canary-b7f3e1"

func helmRelease(spec map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
		"metadata": map[string]any{"name": "cilium", "namespace": "kube-system"}, "spec": spec,
	}
}

func withKey(key string) values.Tree {
	return values.Tree{"cluster": map[string]any{"id": 1.0, "name": "infra"}, "tls": map[string]any{"ca": map[string]any{"key": key}}}
}

// deployed is a cluster where the fixture is released, all its objects as they were rendered.
func deployed(t *testing.T, v values.Tree, method string, more ...map[string]any) *cluster {
	t.Helper()
	all := append([]map[string]any{recordSecret(t, newCluster(), v, method)}, more...)
	c := newCluster(all...)
	r, err := readRecord(t.Context(), c.dynamic, "kube-system", "cilium")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := parse(r.Manifest, "kube-system", c)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		all = append(all, o.Body)
	}
	return newCluster(all...)
}

func TestAdoptionOfTheSame(t *testing.T) {
	s := newSession(deployed(t, withKey(canary), facts.ServerSide))
	record, err := s.Record(t.Context())
	if err != nil || record == nil {
		t.Fatal(record, err)
	}
	r, err := s.Render(t.Context(), Want{Release: helmRelease(map[string]any{}), Values: record.Config, Chart: "testdata/cilium"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Revision != 1 || r.Method != facts.ServerSide || r.ChartVersion != "1.20.2" || !r.LiveSeen || len(r.Unknown) > 0 {
		t.Errorf("got %+v", r)
	}
	f := facts.Facts{}
	changes := impact.Of(f, r)
	if sum := impact.Sum(f, r, changes); !sum.Quiet() || sum.Metadata != 5 || sum.Expected != 1 {
		t.Errorf("got %+v\n%+v", sum, changes)
	}
	silent(t, r)
}

// silent finds no canary in what leaves the package.
func silent(t *testing.T, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
		if strings.Contains(string(text), form) {
			t.Errorf("the canary %s is in what leaves", form)
		}
	}
}

func TestNoReleaseIsAnInstall(t *testing.T) {
	s := newSession(newCluster())
	r, err := s.Render(t.Context(), Want{Release: helmRelease(map[string]any{"targetNamespace": "kube-system"}), Values: withKey(canary), Chart: "testdata/cilium"})
	if err != nil || r.Revision != 0 || r.Release != "kube-system/kube-system-cilium" {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestErrorsAreSilent(t *testing.T) {
	s := newSession(deployed(t, withKey(canary), ""))
	bad := withKey(canary)
	bad["cluster"] = map[string]any{"name": ""}
	_, err := s.Render(t.Context(), Want{Values: bad})
	if !errors.Is(err, ErrRender) {
		t.Errorf("got %v", err)
	}
	silent(t, err.Error())
}

func TestApplyMethods(t *testing.T) {
	for spec, want := range map[string]string{"": facts.ClientSide, "enabled": facts.ServerSide, "auto": facts.ClientSide} {
		s := newSession(deployed(t, withKey(canary), ""))
		body := map[string]any{}
		if spec != "" {
			body["upgrade"] = map[string]any{"serverSideApply": spec}
		}
		r, err := s.Render(t.Context(), Want{Release: helmRelease(body), Values: withKey(canary), Chart: "testdata/cilium"})
		if err != nil || r.Method != want {
			t.Errorf("%s: got %+v, %v", spec, r, err)
		}
	}
}

// TestValuesFromASecretAreSecret: whatever they are called.
func TestValuesFromASecretAreSecret(t *testing.T) {
	secret := map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "cilium-values", "namespace": "kube-system"},
		"data": map[string]any{"values.yaml": base64.StdEncoding.EncodeToString([]byte("innocent: " + canary + "\n"))},
	}
	s := newSession(deployed(t, withKey("x"), "", secret))
	hr := helmRelease(map[string]any{"valuesFrom": []any{map[string]any{"kind": "Secret", "name": "cilium-values"}}})
	v, err := s.Values(t.Context(), hr)
	if err != nil || v.Text("innocent") != canary {
		t.Fatal(v, err)
	}
	silent(t, s.Masker.Tree(v))
}

func TestForbiddenIsUnknown(t *testing.T) {
	c := deployed(t, withKey(canary), "")
	client, _ := c.dynamic.(*fake.FakeDynamicClient)
	client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(c.resources[gvk("v1", "ConfigMap")].GroupResource(), "cilium-config", errors.New("no"))
	})
	s := newSession(c)
	r, err := s.Render(t.Context(), Want{Release: helmRelease(map[string]any{}), Values: withKey(canary), Chart: "testdata/cilium"})
	if err != nil || r.LiveSeen || len(r.Unknown) != 1 || !strings.Contains(r.Unknown[0], "forbidden") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestUnknownPlaces(t *testing.T) {
	s := newSession(deployed(t, withKey(canary), ""))
	for want, spec := range map[string]map[string]any{
		"neither chart nor chartRef":     {},
		"no OCIRepository kube-system/x": {"chartRef": map[string]any{"kind": "OCIRepository", "name": "x"}},
		"--chart":                        {"chart": map[string]any{"spec": map[string]any{"chart": "c", "sourceRef": map[string]any{"kind": "GitRepository", "name": "x"}}}},
	} {
		if _, err := s.Render(t.Context(), Want{Release: helmRelease(spec), Values: withKey(canary)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
