package chart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/opencontainers/go-digest"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Intent is what Flux would release by the HelmRelease of that name as the cluster has it: its spec, its values composed
// from the cluster's ConfigMaps and Secrets, and what its chart's source has fetched. Its errors are masked; what a
// HelmRelease needs and cannot be read is one.
func (s *Session) Intent(ctx context.Context, namespace, name string) (*facts.Intent, error) {
	u, err := s.cluster.get(ctx, helmAPI, "HelmRelease", namespace, name)
	if err != nil {
		return nil, fmt.Errorf("get HelmRelease %s/%s: %w", namespace, name, s.Masker.Error(err))
	}
	composed, err := s.Values(ctx, u.Object)
	if err != nil {
		return nil, err
	}
	hr, err := typedRelease(u.Object)
	if err != nil {
		return nil, err
	}
	out, source, err := s.intent(ctx, hr, u.Object, composed, nil)
	if err != nil {
		return nil, s.Masker.Error(err)
	}
	out.Artifact, err = fetchedBy(out.Artifact.Of, source)
	return out, err
}

// intent is what decides a release but for its chart's bytes, and the object of the chart's source.
func (s *Session) intent(ctx context.Context, hr *helmv2.HelmRelease, body map[string]any, composed values.Tree, find Finder) (*facts.Intent, map[string]any, error) {
	out := &facts.Intent{
		HelmRelease: hr.Namespace + "/" + hr.Name, Spec: specDigests(body),
		Values: chartutil.DigestValues(digest.Canonical, map[string]any(composed)).String(),
		Leaves: map[values.Path]string{},
	}
	leaves(out.Leaves, "", map[string]any(composed))
	kind, namespace, name := sourceOf(hr)
	if kind == "" {
		return nil, nil, errors.New("find the chart: the HelmRelease has neither chart nor chartRef")
	}
	source, err := s.body(ctx, find, kind, namespace, name)
	if err != nil {
		return nil, nil, err
	}
	out.Artifact.Of = kind + "/" + namespace + "/" + name
	spec, _ := source["spec"].(map[string]any)
	for _, field := range []string{"url", "type", "ref", "layerSelector", "chart", "version", "sourceRef", "valuesFiles", "verify"} {
		if v := plain(spec[field]); v != nil && !(field == "version" && v == "*") {
			out.Spec["source."+field] = digestOf(defaulted(field, v))
		}
	}
	return out, source, nil
}

// sourceOf is the object that a HelmRelease has its chart from.
func sourceOf(hr *helmv2.HelmRelease) (kind, namespace, name string) {
	or := func(given, own string) string {
		if given == "" {
			return own
		}
		return given
	}
	if ref := hr.Spec.ChartRef; ref != nil {
		return ref.Kind, or(ref.Namespace, hr.Namespace), ref.Name
	}
	if c := hr.Spec.Chart; c != nil {
		return c.Spec.SourceRef.Kind, or(c.Spec.SourceRef.Namespace, hr.Namespace), c.Spec.SourceRef.Name
	}
	return "", "", ""
}

// aside are the fields of a HelmRelease's spec that do not decide what is released: the run suspends it, and values are
// compared as they are composed.
var aside = map[string]bool{"suspend": true, "interval": true, "values": true}

// specDigests has a digest of each field of a HelmRelease's spec that decides what is released, as the API server keeps it:
// with defaults, without nulls.
func specDigests(body map[string]any) map[string]string {
	spec, _ := body["spec"].(map[string]any)
	out := map[string]string{}
	for field, v := range spec {
		if v = plain(v); v != nil && !aside[field] {
			out[field] = digestOf(defaulted(field, v))
		}
	}
	return out
}

// defaulted is a field with the defaults that the CRDs of HelmReleases and sources set below it.
func defaulted(field string, v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	m = maps.Clone(m)
	fill := func(key string, value any) {
		if _, there := m[key]; !there {
			m[key] = value
		}
	}
	switch field {
	case "chart":
		spec, _ := m["spec"].(map[string]any)
		spec = maps.Clone(spec)
		if spec == nil {
			return m
		}
		m["spec"], m = spec, spec
		fill("version", "*")
		fill("reconcileStrategy", sourcev1.ReconcileStrategyChartVersion)
		if verify, ok := spec["verify"]; ok {
			spec["verify"] = defaulted("verify", verify)
		}
		return map[string]any{"spec": spec, "metadata": v.(map[string]any)["metadata"]}
	case "verify":
		fill("provider", "cosign")
	case "uninstall":
		fill("deletionPropagation", "background")
	}
	return m
}

// plain is v without nulls, which the API server does not keep.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, below := range v {
			if below = plain(below); below != nil {
				out[key] = below
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return v
}

// digestOf is the SHA-256 of v's JSON, in which a number is the same however it was decoded.
func digestOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(fmt.Sprint(v)) // of what was decoded from JSON: cannot be
	}
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:])
}

// leaves digests what stands at each path. Lists are gone through by number; what is empty is a leaf.
func leaves(into map[values.Path]string, at values.Path, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			leaves(into, at.Child(key), below)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, below := range v {
			leaves(into, at.Child(strconv.Itoa(i)), below)
		}
		if len(v) > 0 {
			return
		}
	}
	into[at] = digestOf(v)
}

// fetchedBy is what the cluster's source has fetched. Of a HelmRepository there is nothing yet: the chart is fetched by the
// HelmChart that helm-controller makes when the HelmRelease is let go.
func fetchedBy(of string, source map[string]any) (facts.Artifact, error) {
	out := facts.Artifact{Of: of}
	kind, _, _ := strings.Cut(of, "/")
	if kind == sourcev1.HelmRepositoryKind {
		return out, nil
	}
	status, _ := source["status"].(map[string]any)
	artifact, _ := status["artifact"].(map[string]any)
	out.Revision, _ = artifact["revision"].(string)
	if out.Revision == "" {
		return out, fmt.Errorf("%s has fetched nothing yet", of)
	}
	switch kind {
	case sourcev1.OCIRepositoryKind:
		out.Version, out.Manifest, _ = strings.Cut(out.Revision, "@")
		out.Revision = ""
	case sourcev1.HelmChartKind:
		out.Version, _, _ = strings.Cut(out.Revision, "+")
		out.Archive, _ = artifact["digest"].(string)
	}
	return out, nil
}

// made is the chart that was rendered, as its source has it, or will have it.
func made(of string, source Source, f *Fetched) facts.Artifact {
	out := facts.Artifact{Of: of}
	if f.Chart != nil && f.Chart.Metadata != nil {
		out.Version, _, _ = strings.Cut(f.Chart.Metadata.Version, "+")
	}
	kind, _, _ := strings.Cut(of, "/")
	switch {
	case kind == sourcev1.OCIRepositoryKind:
		out.Manifest = f.Digest
	case source.Artifact != nil:
		out.Revision = source.Artifact.Revision
	}
	if source.Build.none() {
		out.Archive = f.archive
	}
	return out
}
