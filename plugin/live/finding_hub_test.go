package live

import (
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestFinding_M21_Hub: what releases on or applies to another cluster is none of this one's; the names of such HelmReleases
// are known.
func TestFinding_M21_Hub(t *testing.T) {
	s := newServer(t)
	remote := &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: "apps"}}
	release := func(namespace string, kubeConfig *meta.KubeConfigReference) helmv2.HelmRelease {
		hr := helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "cilium"}}
		hr.Spec.KubeConfig = kubeConfig
		return hr
	}
	hrs := helmv2.HelmReleaseList{Items: []helmv2.HelmRelease{release("kube-system", nil), release("apps", remote), release("aaa", remote)}}
	hrs.TypeMeta = metav1.TypeMeta{Kind: "HelmReleaseList", APIVersion: "helm.toolkit.fluxcd.io/v2"}
	kss := kustomizev1.KustomizationList{Items: []kustomizev1.Kustomization{{ObjectMeta: metav1.ObjectMeta{Name: "here"}}, {
		ObjectMeta: metav1.ObjectMeta{Name: "there"}, Spec: kustomizev1.KustomizationSpec{KubeConfig: remote},
	}}}
	kss.TypeMeta = metav1.TypeMeta{Kind: "KustomizationList", APIVersion: "kustomize.toolkit.fluxcd.io/v1"}
	s.answers["/apis/helm.toolkit.fluxcd.io/v2/helmreleases"] = object(hrs)
	s.answers["/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"] = object(kss)
	f := gather(t, s, options(facts.HelmReleases, facts.Kustomizations))
	if len(f.Blind) > 0 || len(f.Live.HelmReleases) != 1 || f.Live.HelmReleases[0].Namespace != "kube-system" {
		t.Errorf("HelmReleases: %+v, blind %v", f.Live.HelmReleases, f.Blind)
	}
	if got := f.Live.Elsewhere; len(got) != 2 || got[0] != "aaa/cilium" || got[1] != "apps/cilium" {
		t.Errorf("elsewhere: %v", got)
	}
	if len(f.Live.Kustomizations) != 1 || f.Live.Kustomizations[0].Name != "here" {
		t.Errorf("Kustomizations: %+v", f.Live.Kustomizations)
	}
}
