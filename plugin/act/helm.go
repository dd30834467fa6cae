package act

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	helmv1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Helm's own name for who writes is the program's: it has to be that of the bootstrap's Helm, whose fields these are.
func init() { kube.ManagedFieldsManager = handover.HelmCLI }

// helmRollback has Helm make a new revision with the contents of revision a.To of the release that a.Ref names. It
// applies as that revision was applied, runs no hooks, and prunes no history. What a rollback that died has left is
// taken up: its record is noted as failed, and what it was to change is changed.
func helmRollback(ctx context.Context, c *Cluster, a handover.Action) error {
	client, releases, err := c.helm(ctx, a.Ref.Namespace)
	if err != nil {
		return c.helmFailed(ctx, a, err)
	}
	history, err := releases.history(a.Ref.Name)
	if err != nil {
		return c.helmFailed(ctx, a, err)
	}
	b, err := between(history, a.To)
	switch {
	case err != nil:
		return c.conflict(string(a.Verb), a.Ref, err.Error())
	case b.done:
		return nil
	case b.died != nil:
		b.died.SetStatus(common.StatusFailed, "Interrupted: "+b.died.Info.Description)
		if err := releases.Releases.Update(b.died); err != nil {
			return c.helmFailed(ctx, a, err)
		}
	}
	releases.KubeClient = baseline{Client: client, manifest: b.from.Manifest}
	back := action.NewRollback(releases.Configuration)
	back.Version, back.DisableHooks, back.WaitStrategy = a.To, true, kube.HookOnlyStrategy
	back.ForceConflicts = b.to.ApplyMethod == facts.ServerSide
	if err := back.Run(a.Ref.Name); err != nil || !releases.gaveUp.Load() {
		return c.helmFailed(ctx, a, err)
	}
	return c.helmFailed(ctx, a, releases.halfDone(a.Ref.Name))
}

// stretch is what a rollback goes between.
type stretch struct {
	from, to *helmv1.Release
	// died is the record of a rollback to the same revision that did not come to its end; done: one that did.
	died *helmv1.Release
	done bool
}

// between finds what a rollback to that revision has to change. Records with the very manifest of the target that are
// newer are rollbacks to it: what the cluster has of the others is what has to be changed.
func between(history []*helmv1.Release, to int) (stretch, error) {
	var b stretch
	for _, r := range history {
		if r.Version == to {
			b.to = r
		}
	}
	if b.to == nil {
		return b, fmt.Errorf("Helm has no record of revision %d any more; put it back from the backup", to)
	}
	newest := history[len(history)-1]
	same := newest != b.to && newest.Manifest == b.to.Manifest
	switch status := newest.Info.Status; {
	case same && status == common.StatusDeployed:
		b.done = true
	case same && status == common.StatusPendingRollback:
		b.died = newest
	case newest == b.to && status == common.StatusDeployed:
		b.done = true
	case status != common.StatusDeployed && status != common.StatusFailed && status != common.StatusSuperseded:
		return b, fmt.Errorf("revision %d is %s: somebody else works on the release", newest.Version, status)
	}
	for _, r := range slices.Backward(history) {
		if r.Version > to && r.Manifest != b.to.Manifest {
			b.from = r
			break
		}
	}
	b.from = cmp.Or(b.from, newest)
	return b, nil
}

// baseline is Helm's client, with the manifest that a patch is made from.
type baseline struct {
	*kube.Client

	manifest string
}

// Update implements kube.Interface.
func (b baseline) Update(_, target kube.ResourceList, options ...kube.ClientUpdateOption) (*kube.Result, error) {
	from, err := b.Build(strings.NewReader(b.manifest), false)
	if err != nil {
		return nil, fmt.Errorf("build the objects of the manifest to go back from: %w", err)
	}
	return b.Client.Update(from, target, options...)
}

// helmFailed words what Helm answers. Its own text may quote manifests: of it only what the API server said is told.
func (c *Cluster) helmFailed(ctx context.Context, a handover.Action, err error) error {
	if err == nil {
		return nil
	}
	look := c.helmCommand(a.Ref) + "history " + a.Ref.Name
	var status apierrors.APIStatus
	var asked *url.Error
	why := "Helm does not say why it may be told"
	switch {
	case errors.Is(err, handover.ErrLost), errors.Is(context.Cause(ctx), handover.ErrLost): // Helm may have lost its cause
		return fmt.Errorf("%s %s: %w; see who has it: flux handover status", a.Verb, a.Ref.Name, handover.ErrLost)
	case errors.Is(err, errHalfDone):
		why = err.Error()
	case errors.As(err, &status):
		why = reason(err)
	case errors.As(err, &asked), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		why = reason(err)
	}
	return &failure{text: fmt.Sprintf("%s %s to revision %d: %s; see what Helm has noted: %s", a.Verb, a.Ref.Name, a.To, why, look), causes: []error{err}}
}

// helmCommand is the beginning of a helm command on the release.
func (c *Cluster) helmCommand(ref handover.Ref) string {
	text := "helm "
	if c.options.Context != "" {
		text += "--kube-context " + c.options.Context + " "
	}
	return text + "-n " + ref.Namespace + " "
}

// grace is how long Helm may go on after an interrupt: half a rollback is worse than a late end.
const grace = 30 * time.Second
