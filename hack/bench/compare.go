package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
	yamlout "sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// itself compares what a release renders to with itself, that many times over.
func itself(times int) func(context.Context, *world) (func() error, error) {
	return func(ctx context.Context, l *world) (func() error, error) {
		manifest, err := l.output(ctx, "helm", "--kube-context", "infra", "--namespace", "kube-system", "get", "manifest", "cilium")
		if err != nil {
			return nil, err
		}
		before, err := objects(manifest, times)
		if err != nil {
			return nil, err
		}
		after, err := objects(manifest, times)
		if err != nil {
			return nil, err
		}
		name := map[int]string{1: "one.yaml", 10: "ten.yaml"}[times]
		if err := l.write(name, before); err != nil {
			return nil, err
		}
		r := &facts.Rendered{Before: before, After: after, Live: after, LiveSeen: true, Method: facts.ServerSide}
		if n := len(impact.Manifests(r)) + len(impact.Of(facts.Facts{}, r)); n > 0 {
			return nil, fmt.Errorf("%d differences of a set with itself", n)
		}
		return func() error {
			impact.Manifests(r)
			impact.Of(facts.Facts{}, r)
			return nil
		}, nil
	}
}

// objects are a manifest's, that many times, each time under another name.
func objects(manifest []byte, times int) ([]facts.Object, error) {
	var all []facts.Object
	for i := range times {
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
		for {
			var body values.Tree
			err := decoder.Decode(&body)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("read the release's manifest: %w", err)
			}
			if len(body) == 0 {
				continue
			}
			o := facts.Object{APIVersion: body.Text("apiVersion"), Kind: body.Text("kind"), Body: body}
			o.Namespace, o.Name = body.Text("metadata.namespace"), fmt.Sprintf("%s-%d", body.Text("metadata.name"), i)
			if m, ok := body["metadata"].(map[string]any); ok {
				m["name"] = o.Name
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// write makes the same set a file, for those who compare files.
func (w *world) write(name string, all []facts.Object) error {
	var text strings.Builder
	for _, o := range all {
		one, err := yamlout.Marshal(o.Body)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		text.WriteString("---\n" + string(one))
	}
	return os.WriteFile(filepath.Join(w.temp, name), []byte(text.String()), 0o600)
}
