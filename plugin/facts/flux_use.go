package facts

// Controllers are Flux's helm-controller and kustomize-controller: whether anybody is there to act on its objects.
const Controllers Part = "controllers"

// SourceUse is a source of which something besides Cilium's own HelmRelease takes charts or manifests.
type SourceUse struct {
	Source string `json:"source"` // "HelmRepository/flux-system/charts"
	// By are those that use it, "HelmRelease/apps/ingress-nginx", "HelmChart/flux-system/apps-ingress-nginx", sorted; the
	// first MaxUses of them. More is how many others there are.
	By   []string `json:"by"`
	More int      `json:"more,omitempty"`
}

// MaxUses bounds SourceUse.By.
const MaxUses = 4

// Controller is one of Flux's controllers, in Flux's namespace.
type Controller struct {
	Name string `json:"name"` // "helm-controller"
	// Found tells whether its Deployment is there; Desired and Ready are that Deployment's.
	Found   bool  `json:"found,omitempty"`
	Desired int32 `json:"desired"`
	Ready   int32 `json:"ready"`
	// Pods is how many pods it has that have not ended, those that are being deleted among them.
	Pods int `json:"pods"`
}

// RequestedAt is the annotation that asks one of Flux's controllers to reconcile an object now. The controller writes its
// value into status.lastHandledReconcileAt, of suspended objects, too.
const RequestedAt = "reconcile.fluxcd.io/requestedAt"
