package chart

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Session is one cluster, asked several things.
type Session struct {
	cluster *cluster
	expect  facts.Expect
	Fetcher *Fetcher
	// Masker knows every secret that the session came across.
	Masker *Masker

	brought sync.Once // what Secrets brought into the release is known to the Masker
}

// Open connects to a cluster and learns its version and its APIs. No request lasts beyond the context's deadline, not
// even those of templates, which know no context.
func Open(ctx context.Context, config *rest.Config, expect facts.Expect) (*Session, error) {
	config = rest.CopyConfig(config)
	if deadline, ok := ctx.Deadline(); ok {
		config.Timeout = time.Until(deadline)
	}
	c, err := openCluster(config)
	if err != nil {
		return nil, err
	}
	return &Session{cluster: c, expect: expect, Fetcher: &Fetcher{}, Masker: NewMasker()}, nil
}

// Record is the newest record of Cilium's release; nil where there is none.
func (s *Session) Record(ctx context.Context) (*Record, error) {
	return s.record(ctx, s.expect.Cilium.Namespace, s.expect.Cilium.Release)
}

func (s *Session) record(ctx context.Context, namespace, name string) (*Record, error) {
	r, err := readRecord(ctx, s.cluster.dynamic, namespace, name)
	if r != nil {
		s.Masker.Learn(r.Config, facts.Redact(r.Config))
		s.brought.Do(func() { s.bring(ctx) })
	}
	return r, err
}

// bring makes secret what the Secrets hold that the cluster's HelmRelease takes values from: a record has it under whatever
// key. What may not be read brings nothing.
func (s *Session) bring(ctx context.Context) {
	r := s.cluster.resources[schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}]
	if r == nil {
		return
	}
	list, err := s.cluster.dynamic.Resource(r.GroupVersionResource).Namespace(s.expect.Flux.HelmReleaseNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, item := range list.Items {
		hr, err := typedRelease(item.Object)
		if err != nil || hr.Name != s.expect.Flux.HelmRelease && hr.GetReleaseName() != s.expect.Cilium.Release {
			continue
		}
		for _, from := range hr.Spec.ValuesFrom {
			if from.Kind != "Secret" {
				continue
			}
			if u, err := s.cluster.get(ctx, "v1", "Secret", hr.Namespace, from.Name); err == nil {
				data, _ := u.Object["data"].(map[string]any)
				s.hide(data)
			}
		}
	}
}

const helmAPI = "helm.toolkit.fluxcd.io/v2"

// HelmRelease is Cilium's as the cluster has it; nil where there is none.
func (s *Session) HelmRelease(ctx context.Context) (map[string]any, error) {
	names := s.expect.Flux
	u, err := s.cluster.get(ctx, helmAPI, "HelmRelease", names.HelmReleaseNamespace, names.HelmRelease)
	switch {
	case apierrors.IsNotFound(err), errors.Is(err, errNoKind):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get HelmRelease %s/%s: %w", names.HelmReleaseNamespace, names.HelmRelease, err)
	}
	return u.Object, nil
}

// Values are a HelmRelease's, composed as helm-controller does from what the cluster has.
func (s *Session) Values(ctx context.Context, release map[string]any) (values.Tree, error) {
	hr, err := typedRelease(release)
	if err != nil {
		return nil, err
	}
	composed, err := chartutil.ChartValuesFromReferences(
		ctx, logr.Discard(), reader{s: s}, hr.Namespace, hr.GetValues(), hr.Spec.ValuesFrom...)
	if err != nil {
		return nil, fmt.Errorf("compose the values of HelmRelease %s/%s: %w", hr.Namespace, hr.Name, s.Masker.Error(err))
	}
	t := tree(composed)
	s.Masker.Learn(t, facts.Redact(t))
	return t, nil
}

// Reader gets the ConfigMaps and Secrets that values come from, as they are in the cluster. What Secrets hold is secret to
// the session's Masker from then on.
func (s *Session) Reader() client.Reader { return reader{s: s} }

func typedRelease(body map[string]any) (*helmv2.HelmRelease, error) {
	var hr helmv2.HelmRelease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(body, &hr); err != nil {
		return nil, errors.New("read the HelmRelease: it is not what its API takes")
	}
	return &hr, nil
}

// reader is the part of a client that composing values asks for. What it reads of Secrets is secret from then on.
type reader struct {
	client.Client // nil: nothing else is asked for

	s *Session
}

func (r reader) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kind := "ConfigMap"
	if _, isSecret := into.(*corev1.Secret); isSecret {
		kind = "Secret"
	}
	u, err := r.s.cluster.get(ctx, "v1", kind, key.Namespace, key.Name)
	if err != nil {
		return err
	}
	if data, ok := u.Object["data"].(map[string]any); ok && kind == "Secret" {
		r.s.hide(data)
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
}

// hide makes what a Secret holds secret: its texts, and where one is YAML the texts in that.
func (s *Session) hide(data map[string]any) {
	for _, v := range data {
		text, _ := v.(string)
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		if t, err := ReadValues(plain); err == nil {
			s.Masker.Secret(map[string]any(t))
			continue
		}
		s.Masker.Secret(string(plain))
	}
}

// looked makes secret what a chart's template found in a Secret, or in a list of them: each text, and each line of it.
func (s *Session) looked(found map[string]any) {
	if items, ok := found["items"].([]any); ok {
		for _, item := range items {
			if one, ok := item.(map[string]any); ok {
				s.looked(one)
			}
		}
		return
	}
	data, _ := found["data"].(map[string]any)
	s.hide(data)
	for _, v := range data {
		text, _ := v.(string)
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		s.Masker.Secret(string(plain))
		for line := range strings.Lines(string(plain)) {
			if line = strings.TrimSpace(line); len(line) >= wordy {
				s.Masker.Secret(line)
			}
		}
	}
}
