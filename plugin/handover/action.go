package handover

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// Ref names an object.
type Ref = impact.Ref

// Verb is what an action does to its object. There is none that uninstalls.
type Verb string

// The verbs. Each may be repeated: done twice it leaves what it left when done once.
const (
	// Apply is a server-side apply of Body as Manager. Where Absent is set, it creates, and leaves alone what exists.
	Apply Verb = "apply"
	// Suspend sets spec.suspend as Manager, by a merge patch, as `flux suspend` does.
	Suspend Verb = "suspend"
	// Resume removes spec.suspend, whoever set it, by a merge patch as Manager.
	Resume Verb = "resume"
	// Reconcile asks the object's controller to reconcile now (annotation reconcile.fluxcd.io/requestedAt).
	Reconcile Verb = "reconcile"
	// HandFields gives the fields that manager From owns of each of Objects, and that Manager owns as well, to Manager
	// alone. The time of the older entry is kept: it says when the values were last changed.
	HandFields Verb = "hand-fields"
	// Disown has manager From give up all that it applies of each of Objects that Manager applies, too: what From alone
	// applied goes.
	Disown Verb = "disown"
	// Patch is a merge patch of Change as Manager: a null removes.
	Patch Verb = "patch"
	// GiveBack gives the fields of an object back to those who owned them before the first Patch of it.
	GiveBack Verb = "give-back"
	// Forget removes from a DaemonSet's history the templates that have Change.
	Forget Verb = "forget"
	// Commit sets the labels of Change in File of the user's checkout, commits that file alone, and pushes. A null
	// removes.
	Commit Verb = "commit"
	// HelmRollback makes a new revision of Cilium's Helm release with the contents of revision To, by Helm's own
	// rollback, with the release's own way of applying, and without hooks. Where the newest revision is such a one
	// already, nothing is done.
	HelmRollback Verb = "helm-rollback"
	// Date has those who own a ConfigMap's data bear the time that its data had before the run, where it says the same as
	// then: what was taken away and has come back, and what is empty instead of absent, has not changed.
	Date Verb = "date"
	// Remove deletes a Secret that is a Helm release's record, a ConfigMap, a Lease, a Pod or a probe's Namespace; nothing
	// else.
	Remove Verb = "remove"
	// Release deletes the object, which has to be suspended: its controller then lets go of what it manages.
	Release Verb = "release"
)

// The field managers of what a run writes. Flux's own names are used where Flux is to own the field in the end, so
// that nothing of ours stays co-owned: kustomize-controller then changes and removes these fields as if it had made
// them. `flux suspend` writes as flux, and what flux owns survives the parent Kustomization.
const (
	KustomizeController = "kustomize-controller"
	HelmController      = "helm-controller"
	FluxCLI             = "flux"
	HelmCLI             = "helm"
	// OwnManager keeps what this tool remembers in objects of Flux's, DrillManager is who breaks Cilium's objects.
	OwnManager   = "flux-handover"
	DrillManager = "flux-handover-drill"
	// HandManager is who plays a person at kubectl: kustomize-controller takes back whatever a manager of such a name did.
	HandManager = "kubectl-flux-handover"
)

// Action is one write to one object, or the same to several.
type Action struct {
	Verb    Verb   `json:"verb"`
	Ref     Ref    `json:"ref"`
	Manager string `json:"manager,omitempty"`
	// From is the manager that HandFields and Disown take the fields from.
	From string `json:"from,omitempty"`
	// Objects are those that HandFields and Disown work on, and those of the release that HelmRollback changes.
	Objects []Ref `json:"objects,omitempty"`
	// To is the revision that HelmRollback goes back to.
	To int `json:"to,omitempty"`
	// Absent: Apply only creates.
	Absent bool `json:"absent,omitempty"`
	// Suspended is what spec.suspend has to be for the action to be taken; nil: whatever it is.
	Suspended *bool `json:"suspended,omitempty"`
	// Digest is the SHA-256 of Body.
	Digest string `json:"digest,omitempty"`
	// Body is what Apply applies. It may hold secrets: it is in no document, no journal and no message.
	Body json.RawMessage `json:"-"`
	// Change is what Patch changes. It is ours, and holds nothing secret.
	Change json.RawMessage `json:"change,omitempty"`
	// If is a merge patch that would change nothing of the object, or Patch is not taken: what has to be there, and by
	// null what must not.
	If json.RawMessage `json:"if,omitempty"`
	// File is where Commit finds the object, from the checkout's root, with slashes.
	File string `json:"file,omitempty"`
	// Was is what the object was before the first write to it, for GiveBack. The Runner fills it in from the journal.
	Was *BeforeImage `json:"-"`
	// Since is what the data was before the run, and when it had last changed, for Date. The Runner fills it in from the
	// journal's baseline.
	Since *facts.ConfigMap `json:"-"`
	// Same are the keys that say the same when they are empty and when they are not there, for Date.
	Same []string `json:"same,omitempty"`
	// Why is the reason in one clause, for a person.
	Why string `json:"why,omitempty"`
}

// applying is an Apply of that body.
func applying(ref Ref, body map[string]any, manager, why string) Action {
	raw, err := json.Marshal(body) // of what was decoded from JSON: cannot fail
	if err != nil {
		raw = nil
	}
	sum := sha256.Sum256(raw)
	return Action{Verb: Apply, Ref: ref, Manager: manager, Body: raw, Digest: hex.EncodeToString(sum[:]), Why: why}
}

// touches are the objects that an action writes to.
func (a Action) touches() []Ref {
	if len(a.Objects) > 0 {
		return a.Objects
	}
	return []Ref{a.Ref}
}

// words is what an action does, for messages.
func (a Action) words() string {
	switch a.Verb {
	case HandFields:
		return fmt.Sprintf("hand the fields of %d objects from %s to %s", len(a.Objects), a.From, a.Manager)
	case Disown:
		return fmt.Sprintf("have %s disown %d objects", a.From, len(a.Objects))
	}
	return fmt.Sprintf("%s %s", a.Verb, a.Ref)
}
