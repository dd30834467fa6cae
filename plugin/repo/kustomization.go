package repo

import (
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// The API groups of Flux.
const (
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	helmGroup      = "helm.toolkit.fluxcd.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
)

// kustomization is one Flux Kustomization on its way through the tree.
type kustomization struct {
	object    *Object // nil for a nameless entry point
	spec      map[string]any
	namespace string
	name      string
	path      string
	by        string
	applies   int
	failed    bool
	unknown   string // why what it applies is not known
	scope     scope
}

func newKustomization(o *Object) *kustomization {
	spec, _ := o.Body["spec"].(map[string]any)
	return &kustomization{
		object: o, spec: spec, namespace: o.Namespace, name: o.Name, by: o.By, path: clean(manifest.Text(spec, "path")),
	}
}

func isKustomization(o *Object) bool { return o.Kind == "Kustomization" && o.group() == kustomizeGroup }

// id is "namespace/name", empty for a nameless entry point.
func (k *kustomization) id() string {
	if k.object == nil {
		return ""
	}
	return k.namespace + "/" + k.name
}

// place is where a field of it stands.
func (k *kustomization) place(path ...string) facts.GitPlace {
	if k.object == nil {
		return facts.GitPlace{File: k.path}
	}
	return k.object.at(path...)
}

// source is what the Kustomization builds from, "GitRepository/flux-system/flux-system".
func (k *kustomization) source() string {
	ref, _ := k.spec["sourceRef"].(map[string]any)
	if ref == nil {
		return ""
	}
	namespace := manifest.Text(ref, "namespace")
	if namespace == "" {
		namespace = k.namespace
	}
	return manifest.Text(ref, "kind") + "/" + namespace + "/" + manifest.Text(ref, "name")
}

// references are the ConfigMaps and Secrets that variables are taken from.
func (k *kustomization) references() []facts.GitReference {
	list, _ := manifest.Get(k.spec, "postBuild", "substituteFrom").([]any)
	var all []facts.GitReference
	for _, item := range list {
		optional, _ := manifest.Get(item, "optional").(bool)
		all = append(all, facts.GitReference{
			Kind: manifest.Text(item, "kind"), Name: manifest.Text(item, "name"), Optional: optional,
		})
	}
	return all
}

// facts are what is told of the Kustomization.
func (k *kustomization) facts() facts.GitKustomization {
	out := facts.GitKustomization{
		Namespace: k.namespace, Name: k.name, By: k.by, Path: k.path, NotFollowed: k.unknown, Applies: k.applies,
		SubstituteFrom: k.scope.references,
	}
	if k.object == nil {
		out.GitPlace = facts.GitPlace{File: k.path}
		return out
	}
	s := k.spec
	flag := func(path ...string) bool { b, _ := manifest.Get(s, path...).(bool); return b }
	out.GitPlace, out.APIVersion, out.Source = k.object.GitPlace, k.object.APIVersion, k.source()
	out.Interval, out.RetryInterval, out.Timeout = manifest.Text(s, "interval"), manifest.Text(s, "retryInterval"), manifest.Text(s, "timeout")
	out.Suspend, out.SuspendWritten = flag("suspend"), manifest.Has(s, "suspend")
	out.Prune, out.Wait, out.Force = flag("prune"), flag("wait"), flag("force")
	out.DeletionPolicy, out.TargetNamespace = manifest.Text(s, "deletionPolicy"), manifest.Text(s, "targetNamespace")
	out.ServiceAccount, out.Decryption = manifest.Text(s, "serviceAccountName"), manifest.Text(s, "decryption", "provider")
	out.DependsOn = dependencies(s, k.namespace)
	out.HealthChecks = healthChecks(s)
	out.Substitute = stringMap(manifest.Get(s, "postBuild", "substitute"))
	out.SubstituteAlways = manifest.Text(s, "postBuild", "substituteStrategy") == "Always"
	out.Labels, out.Annotations = k.object.labels(), k.object.annotations()
	out.CommonLabels = stringMap(manifest.Get(s, "commonMetadata", "labels"))
	out.CommonAnnotations = stringMap(manifest.Get(s, "commonMetadata", "annotations"))
	out.Patched = manifest.Get(s, "patches") != nil || manifest.Get(s, "components") != nil
	return out
}

// dependencies are spec.dependsOn as "namespace/name".
func dependencies(spec any, namespace string) []string {
	list, _ := manifest.Get(spec, "dependsOn").([]any)
	var all []string
	for _, item := range list {
		at := manifest.Text(item, "namespace")
		if at == "" {
			at = namespace
		}
		all = append(all, at+"/"+manifest.Text(item, "name"))
	}
	return all
}

func healthChecks(spec any) []string {
	list, _ := manifest.Get(spec, "healthChecks").([]any)
	var all []string
	for _, item := range list {
		all = append(all, strings.Join([]string{
			manifest.Text(item, "kind"), manifest.Text(item, "namespace"), manifest.Text(item, "name"),
		}, "/"))
	}
	return all
}
