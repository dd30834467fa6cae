package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

func isRelease(o *Object) bool { return o.Kind == "HelmRelease" && o.group() == helmGroup }

// release are the facts of a HelmRelease, all but its values.
func (w *walk) release(o *Object) facts.GitRelease {
	s := manifest.Get(o.Body, "spec")
	str := func(path ...string) string { return manifest.Text(s, path...) }
	flag := func(path ...string) bool { b, _ := manifest.Get(s, path...).(bool); return b }
	r := facts.GitRelease{
		GitPlace: o.GitPlace, APIVersion: o.APIVersion, Namespace: o.Namespace, Name: o.Name, By: o.By,
		Written:  facts.GitNames{ReleaseName: str("releaseName"), TargetNamespace: str("targetNamespace"), StorageNamespace: str("storageNamespace")},
		Chart:    w.chart(o),
		Interval: str("interval"), Timeout: str("timeout"), Suspend: flag("suspend"), SuspendWritten: manifest.Has(s, "suspend"),
		MaxHistory: intPointer(manifest.Get(s, "maxHistory")), ServiceAccount: str("serviceAccountName"),
		PersistentClient: boolPointer(manifest.Get(s, "persistentClient")), KubeConfig: manifest.Has(s, "kubeConfig"),
		Install: action(manifest.Get(s, "install")), Upgrade: action(manifest.Get(s, "upgrade")), Rollback: action(manifest.Get(s, "rollback")),
		Uninstall: facts.GitUninstall{
			KeepHistory: flag("uninstall", "keepHistory"), DisableWait: flag("uninstall", "disableWait"),
			DeletionPropagation: str("uninstall", "deletionPropagation"),
		},
		Test: flag("test", "enable"), DriftDetection: drift(manifest.Get(s, "driftDetection")),
		WaitStrategy: str("waitStrategy", "name"), DependsOn: dependencies(s, o.Namespace),
		Labels: o.labels(), Annotations: o.annotations(),
		CommonLabels:      stringMap(manifest.Get(s, "commonMetadata", "labels")),
		CommonAnnotations: stringMap(manifest.Get(s, "commonMetadata", "annotations")),
	}
	renderers, _ := manifest.Get(s, "postRenderers").([]any)
	r.PostRenderers = len(renderers)
	r.ReleaseName, r.ReleaseNamespace, r.StorageNamespace = releaseNames(r)
	r.Fields = fields(o)
	return r
}

// releaseNames apply helm-controller's defaults.
func releaseNames(r facts.GitRelease) (name, namespace, storage string) {
	name, namespace, storage = r.Written.ReleaseName, r.Written.TargetNamespace, r.Written.StorageNamespace
	if name == "" {
		name = shortName(strings.TrimPrefix(r.Written.TargetNamespace+"-"+r.Name, "-"))
	}
	if namespace == "" {
		namespace = r.Namespace
	}
	if storage == "" {
		storage = r.Namespace
	}
	return name, namespace, storage
}

// The longest name that Helm takes, and how Flux shortens a longer one.
const (
	longestName = 53
	hashLength  = 12
)

// shortName is a release's name as helm-controller shortens it: its beginning and a hash of all of it.
func shortName(name string) string {
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longestName-hashLength-1] + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

func action(s any) facts.GitAction {
	str := func(path ...string) string { return manifest.Text(s, path...) }
	flag := func(path ...string) bool { b, _ := manifest.Get(s, path...).(bool); return b }
	a := facts.GitAction{
		Strategy: str("strategy", "name"), RetryInterval: str("strategy", "retryInterval"),
		Remediation:          manifest.Has(s, "remediation"),
		RemediateLastFailure: boolPointer(manifest.Get(s, "remediation", "remediateLastFailure")),
		RemediateBy:          str("remediation", "strategy"),
		Timeout:              str("timeout"), CRDs: str("crds"), CreateNamespace: flag("createNamespace"),
		CleanupOnFail: flag("cleanupOnFail"), Force: flag("force"), Replace: flag("replace"),
		PreserveValues: flag("preserveValues"), DisableWait: flag("disableWait"), DisableHooks: flag("disableHooks"),
		DisableTakeOwnership: flag("disableTakeOwnership"), Recreate: flag("recreate"), ServerSideApply: str("serverSideApply"),
	}
	if n := intPointer(manifest.Get(s, "remediation", "retries")); n != nil {
		a.Retries = *n
	}
	if b := boolPointer(manifest.Get(s, "serverSideApply")); b != nil {
		a.ServerSideApply = map[bool]string{true: "true", false: "false"}[*b]
	}
	return a
}

func drift(s any) *facts.GitDriftDetection {
	if s == nil {
		return nil
	}
	d := &facts.GitDriftDetection{Mode: manifest.Text(s, "mode")}
	list, _ := manifest.Get(s, "ignore").([]any)
	for _, item := range list {
		selectors := []string{manifest.Text(item, "target", "labelSelector"), manifest.Text(item, "target", "annotationSelector")}
		d.Ignore = append(d.Ignore, facts.GitIgnore{
			Paths: stringList(manifest.Get(item, "paths")), Kind: manifest.Text(item, "target", "kind"),
			Namespace: manifest.Text(item, "target", "namespace"), Name: manifest.Text(item, "target", "name"),
			Selector: strings.Trim(strings.Join(selectors, ","), ","),
		})
	}
	return d
}

// fields are where the fields of an object stand, at most a few thousand.
func fields(o *Object) map[string]int {
	if o.Source == nil {
		return nil
	}
	out := map[string]int{}
	for _, leaf := range o.Source.Leaves() {
		for n := len(leaf.Path); n > 0 && len(out) < 5_000; n-- {
			name := join(leaf.Path[:n])
			if _, ok := out[name]; ok {
				break
			}
			if key, _, ok := o.Source.Find(leaf.Path[:n]...); ok {
				out[name] = key.Line
			}
		}
	}
	return out
}

func intPointer(v any) *int {
	var n int
	switch i := v.(type) {
	case int64:
		n = int(i)
	case float64:
		n = int(i)
	default:
		return nil
	}
	return &n
}

func boolPointer(v any) *bool {
	b, ok := v.(bool)
	if !ok {
		return nil
	}
	return &b
}
