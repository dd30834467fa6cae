package act

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Backup writes what going back by hand needs into dir, which must not exist yet: Helm's records of the release whole,
// the values and the manifest of the newest, Cilium's configuration and workloads with their history, Flux's objects,
// digests of the certificates, and which pods run. It holds the release's secrets, and is for its owner's eyes alone.
// It appears when it is whole, or not at all.
func (c *Cluster) Backup(ctx context.Context, dir string) error {
	if err := absent(dir); err != nil {
		return err
	}
	b := &backup{c: c, ctx: ctx}
	for _, part := range []func() error{b.records, b.config, b.workloads, b.flux, b.certificates, b.pods} {
		if err := part(); err != nil {
			return fmt.Errorf("back up to %s: %w", dir, err)
		}
	}
	b.add("README.txt", "this page", []byte(b.readme()))
	return write(dir, b.files)
}

// backup is what is collected.
type backup struct {
	c      *Cluster
	ctx    context.Context
	files  []file
	newest int // revision of the newest record; 0: there is none
	notes  []string
}

// file is one file of a backup.
type file struct {
	name string // with slashes, below the backup's directory
	what string // for the README
	text []byte
}

func (b *backup) add(name, what string, text []byte) {
	b.files = append(b.files, file{name: name, what: what, text: text})
}

// objects adds objects as one file of YAML documents.
func (b *backup) objects(name, what string, all []unstructured.Unstructured) error {
	if len(all) == 0 {
		b.notes = append(b.notes, "There was nothing for "+name+" ("+what+").")
		return nil
	}
	var text []byte
	for i := range all {
		one, err := document(&all[i])
		if err != nil {
			return err
		}
		text = append(append(text, "---\n"...), one...)
	}
	b.add(name, what, text)
	return nil
}

// document is an object as it can be applied again.
func document(o *unstructured.Unstructured) ([]byte, error) {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		return nil, fmt.Errorf("write %s %s/%s as YAML: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	return text, nil
}

// list lists objects page by page; a kind that is not served has none.
func (b *backup) list(ref handover.Ref, o metav1.ListOptions) ([]unstructured.Unstructured, error) {
	r, err := b.c.object(b.ctx, ref)
	if err != nil {
		return nil, err
	}
	var all []unstructured.Unstructured
	for o.Limit = 100; ; {
		var page *unstructured.UnstructuredList
		err := b.c.read(b.ctx, func() (err error) {
			page, err = r.List(b.ctx, o)
			return err
		})
		if apierrors.IsNotFound(err) {
			return all, nil
		}
		if err != nil {
			return nil, b.c.failed("list", ref, "list", err)
		}
		all = append(all, page.Items...)
		if o.Continue = page.GetContinue(); o.Continue == "" {
			return all, nil
		}
	}
}

// one reads an object, or none.
func (b *backup) one(ref handover.Ref) ([]unstructured.Unstructured, error) {
	o, err := b.c.get(b.ctx, ref)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, b.c.failed("read", ref, "get", err)
	}
	return []unstructured.Unstructured{*o}, nil
}

// in names a kind in Cilium's namespace.
func (b *backup) in(apiVersion, kind string) handover.Ref {
	return handover.Ref{APIVersion: apiVersion, Kind: kind, Namespace: b.c.options.Expect.Cilium.Namespace}
}

// records keeps Helm's records of the release, and what the newest of them holds.
func (b *backup) records() error {
	all, err := b.list(b.in("v1", "Secret"), metav1.ListOptions{LabelSelector: "owner=helm,name=" + b.c.options.Expect.Cilium.Release})
	if err != nil {
		return err
	}
	var newest *unstructured.Unstructured
	for i := range all {
		text, err := document(&all[i])
		if err != nil {
			return err
		}
		b.add("release-records/"+all[i].GetName()+".yaml", "one of Helm's records, whole", text)
		if revision, _ := strconv.Atoi(all[i].GetLabels()["version"]); revision > b.newest {
			b.newest, newest = revision, &all[i]
		}
	}
	if newest == nil {
		b.notes = append(b.notes, "Helm had no record of the release.")
		return nil
	}
	data, _, _ := unstructured.NestedString(newest.Object, "data", "release")
	values, manifest, err := contents(data)
	if err != nil {
		b.notes = append(b.notes, "What Helm's newest record holds could not be read: "+err.Error()+".")
		return nil
	}
	b.add("values.yaml", "the values of the newest record, secrets among them", values)
	b.add("manifest.yaml", "its manifest: what Helm applied last", manifest)
	return nil
}

func (b *backup) config() error {
	ref := b.in("v1", "ConfigMap")
	ref.Name = "cilium-config"
	found, err := b.one(ref)
	if err != nil {
		return err
	}
	return b.objects("cilium-config.yaml", "the agents' configuration", found)
}

// workloads keeps Cilium's workloads and their former templates.
func (b *backup) workloads() error {
	for _, kind := range []struct{ name, kind, what string }{
		{"daemonsets.yaml", "DaemonSet", "Cilium's DaemonSets"},
		{"deployments.yaml", "Deployment", "its Deployments"},
		{"controllerrevisions.yaml", "ControllerRevision", "the DaemonSets' templates, former ones too"},
		{"replicasets.yaml", "ReplicaSet", "the Deployments' templates, former ones too"},
	} {
		found, err := b.list(b.in("apps/v1", kind.kind), metav1.ListOptions{LabelSelector: podSelector})
		if err != nil {
			return err
		}
		if err := b.objects(kind.name, kind.what, found); err != nil {
			return err
		}
	}
	return nil
}

// flux keeps the HelmRelease, the Kustomization, and the sources in the namespaces of both.
func (b *backup) flux() error {
	f := b.c.options.Expect.Flux
	var all []unstructured.Unstructured
	for _, ref := range []handover.Ref{
		{APIVersion: helmGroup + "/v2", Kind: "HelmRelease", Namespace: f.HelmReleaseNamespace, Name: f.HelmRelease},
		{APIVersion: kustomizeGroup + "/v1", Kind: "Kustomization", Namespace: f.Namespace, Name: f.Kustomization},
	} {
		found, err := b.one(ref)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	namespaces := []string{f.HelmReleaseNamespace, f.Namespace}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		for _, kind := range []string{"GitRepository", "OCIRepository", "HelmRepository", "HelmChart"} {
			found, err := b.list(handover.Ref{APIVersion: sourceGroup + "/v1", Kind: kind, Namespace: namespace}, metav1.ListOptions{})
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
	}
	return b.objects("flux.yaml", "Flux's objects of Cilium and the sources beside them", all)
}

// certificates keeps digests by which it shows whether a certificate or key is still the same.
func (b *backup) certificates() error {
	secrets := b.c.core.Secrets(b.c.options.Expect.Cilium.Namespace)
	var all []core.Secret
	err := b.c.read(b.ctx, func() error {
		list, err := secrets.List(b.ctx, metav1.ListOptions{FieldSelector: "type=" + string(core.SecretTypeTLS)})
		if err == nil {
			all = list.Items
		}
		return err
	})
	if err != nil {
		return b.c.failed("list", b.in("v1", "Secret"), "list", err)
	}
	ca, err := secrets.Get(b.ctx, "cilium-ca", metav1.GetOptions{})
	switch {
	case err == nil:
		all = append(all, *ca)
	case !apierrors.IsNotFound(err):
		return b.c.failed("read", handover.Ref{APIVersion: "v1", Kind: "Secret", Namespace: b.in("", "").Namespace, Name: "cilium-ca"}, "get", err)
	}
	var lines []string
	for _, s := range all {
		for key, value := range s.Data {
			lines = append(lines, fmt.Sprintf("%x  %s/%s/%s\n", sha256.Sum256(value), s.Namespace, s.Name, key))
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return cmp.Compare(a[66:], b[66:]) })
	b.add("certificates.sha256", "SHA-256 of each key and certificate of Cilium's; neither is kept", []byte(strings.Join(lines, "")))
	return nil
}

// pods keeps which of Cilium's pods run: an object each, without what changes by itself.
func (b *backup) pods() error {
	all, err := b.list(b.in("v1", "Pod"), metav1.ListOptions{LabelSelector: podSelector})
	if err != nil {
		return err
	}
	var lines strings.Builder
	for i := range all {
		o := &all[i]
		node, _, _ := unstructured.NestedString(o.Object, "spec", "nodeName")
		started, _, _ := unstructured.NestedString(o.Object, "status", "startTime")
		fmt.Fprintf(&lines, "- {name: %s, uid: %s, node: %s, started: %q, restarts: %d}\n", o.GetName(), o.GetUID(), node, started, restarts(o))
	}
	b.add("pods.yaml", "which of Cilium's pods ran, and how often their containers had restarted", []byte(lines.String()))
	return nil
}

func restarts(o *unstructured.Unstructured) (n int64) {
	containers, _, _ := unstructured.NestedSlice(o.Object, "status", "containerStatuses")
	for _, c := range containers {
		if m, ok := c.(map[string]any); ok {
			count, _, _ := unstructured.NestedInt64(m, "restartCount")
			n += count
		}
	}
	return n
}
