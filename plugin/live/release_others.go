package live

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

var (
	configMapResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	daemonSetResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
)

// recordSecret reads a record, once.
func (g *gatherer) recordSecret(ctx context.Context, r facts.Record) (*core.Secret, error) {
	key := r.Namespace + "/" + r.Secret
	g.mu.Lock()
	secret := g.secrets[key]
	g.mu.Unlock()
	if secret != nil {
		return secret, nil
	}
	secret, err := g.core.Secrets(r.Namespace).Get(ctx, r.Secret, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	g.note(func(*facts.Facts) {
		if g.secrets == nil {
			g.secrets = map[string]*core.Secret{}
		}
		g.secrets[key] = secret
	})
	return secret, nil
}

// compare says of each other release of chart cilium which objects it names besides those of Cilium's own release, by the
// newest record of each and by what is deployed. Where there is no record of Cilium's own, nothing can be compared.
func (g *gatherer) compare(ctx context.Context, all []facts.Record) error {
	e := g.options.Expect.Cilium
	own := e.Namespace + "/" + e.Release
	by := map[string][]facts.Record{}
	for _, r := range all {
		if name := r.Namespace + "/" + r.Release; name == own || r.Chart == "cilium" {
			by[name] = append(by[name], r)
		}
	}
	if len(by[own]) == 0 || len(by) < 2 {
		return nil
	}
	mine, err := g.names(ctx, by[own])
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if name == own {
			continue
		}
		theirs, err := g.names(ctx, by[name])
		if err != nil {
			return err
		}
		var alone []string
		for _, object := range slices.Sorted(maps.Keys(theirs)) {
			if !mine[object] {
				alone = append(alone, object)
			}
		}
		for i := range all {
			if r := &all[i]; r.Namespace+"/"+r.Release == name {
				r.Compared, r.Shared, r.OwnCount = true, len(theirs)-len(alone), len(alone)
				r.Own = alone[:min(len(alone), facts.MaxOwn)]
			}
		}
	}
	return nil
}

// names are the objects that a release names, "Kind/namespace/name": of its newest record, and of the one that is deployed.
func (g *gatherer) names(ctx context.Context, records []facts.Record) (map[string]bool, error) {
	slices.SortFunc(records, func(a, b facts.Record) int { return b.Revision - a.Revision })
	all := map[string]bool{}
	for i, r := range records {
		if i > 0 && r.Status != "deployed" {
			continue
		}
		secret, err := g.recordSecret(ctx, r)
		if err == nil {
			err = manifestNames(secret, all)
		}
		if err != nil {
			return nil, fmt.Errorf("read the manifest of release record %s/%s: %w", r.Namespace, r.Secret, err)
		}
	}
	return all, nil
}

// clusterScoped are the kinds of a chart of Cilium's that have no namespace.
var clusterScoped = []string{
	"APIService", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "GatewayClass", "IngressClass",
	"MutatingWebhookConfiguration", "Namespace", "PersistentVolume", "PriorityClass", "StorageClass",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
}

// manifestNames adds what a record's manifest names. What is written without a namespace is of the release's.
func manifestNames(secret *core.Secret, into map[string]bool) error {
	plain, err := inflate(secret.Data["release"])
	if err != nil {
		return err
	}
	var stored struct {
		Namespace string `json:"namespace"`
		Manifest  string `json:"manifest"`
	}
	if json.Unmarshal(plain, &stored) != nil {
		return errors.New("not Helm's JSON") // the decoder's own error may quote values
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader([]byte(stored.Manifest))))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var o struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name      string `json:"name"`
				Namespace string `json:"namespace"`
			} `json:"metadata"`
		}
		if err != nil || yaml.Unmarshal(doc, &o) != nil {
			return errors.New("its manifest is not YAML")
		}
		switch {
		case o.Kind == "":
			continue
		case slices.Contains(clusterScoped, o.Kind):
			o.Metadata.Namespace = ""
		case o.Metadata.Namespace == "":
			o.Metadata.Namespace = stored.Namespace
		}
		into[facts.Text(o.Kind+"/"+o.Metadata.Namespace+"/"+o.Metadata.Name)] = true
	}
}

// search looks for where the record of the release may be that the agents' DaemonSet says it belongs to: in Secrets and in
// ConfigMaps of every namespace, as far as one page and the rights go.
func (g *gatherer) search(ctx context.Context) *facts.RecordSearch {
	e := g.options.Expect.Cilium
	out := &facts.RecordSearch{}
	ds, err := g.meta.Resource(daemonSetResource).Namespace(e.Namespace).Get(ctx, e.DaemonSet, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		out.Blind = append(out.Blind, "whose DaemonSet "+e.DaemonSet+" is: "+reason(err))
	case ds.Annotations["meta.helm.sh/release-name"] == "":
		return nil
	default:
		out.Claim = facts.Text(ds.Annotations["meta.helm.sh/release-namespace"] + "/" + ds.Annotations["meta.helm.sh/release-name"])
	}
	names := []string{e.Release}
	if _, name, ok := strings.Cut(out.Claim, "/"); ok && name != e.Release {
		names = append(names, name)
	}
	for _, where := range []struct {
		resource schema.GroupVersionResource
		driver   string
	}{{secretResource, ""}, {configMapResource, "configmap"}} {
		list, err := g.meta.Resource(where.resource).List(ctx, metav1.ListOptions{
			LabelSelector: "owner=helm,name in (" + strings.Join(names, ",") + ")", Limit: page,
		})
		if err != nil {
			out.Blind = append(out.Blind, where.resource.Resource+" of all namespaces: "+reason(err))
			continue
		}
		for i := range list.Items {
			r := record(&list.Items[i])
			r.Driver = where.driver
			out.Records = append(out.Records, r)
		}
	}
	out.Records = newestOnly(out.Records)
	return out
}

// maxFound bounds how many releases a search tells of.
const maxFound = 8

// newestOnly are the newest records of each release, bounded.
func newestOnly(all []facts.Record) []facts.Record {
	by := map[string]facts.Record{}
	for _, r := range all {
		key := r.Driver + " " + r.Namespace + "/" + r.Release
		if known, ok := by[key]; !ok || r.Revision > known.Revision {
			by[key] = r
		}
	}
	var out []facts.Record
	for _, key := range slices.Sorted(maps.Keys(by)) {
		if len(out) < maxFound {
			out = append(out, by[key])
		}
	}
	return out
}
