package act

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// lookEvery is how often it is looked whether a controller has answered.
const lookEvery = 500 * time.Millisecond

// Fetch asks source-controller to fetch each of those sources now, as `flux reconcile source` does, and waits up to that
// long until it has. A suspended source is not asked, and neither is one that is static. Whatever happens is in the facts.
func (c *Cluster) Fetch(ctx context.Context, sources []facts.Source, within time.Duration) []facts.Fetched {
	found := make([]facts.Fetched, len(sources))
	var group errgroup.Group
	for i, s := range sources {
		group.Go(func() error {
			found[i] = c.fetch(ctx, s, within)
			return nil
		})
	}
	_ = group.Wait()
	return found
}

func (c *Cluster) fetch(ctx context.Context, s facts.Source, within time.Duration) facts.Fetched {
	out := facts.Fetched{Ref: s.Ref(), Suspend: s.Suspend}
	if s.Suspend || s.Kind == "HelmRepository" && s.Type == "oci" {
		return out
	}
	ref := handover.Ref{APIVersion: s.APIVersion, Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}
	if out.Why = c.mayFetch(ctx, ref); out.Why != "" {
		return out
	}
	began := c.clock.Now()
	token := began.UTC().Format(time.RFC3339Nano)
	c.options.Tell("probe: asking Flux to fetch " + out.Ref)
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]any{requestedAt: token}}}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := c.merge(ctx, handover.Action{Verb: handover.Reconcile, Ref: ref}, handover.FluxCLI, patch); err != nil {
		out.Why = "it could not be asked: " + reason(err)
		return out
	}
	out.Asked = began.UTC()
	c.answered(ctx, ref, token, &out)
	out.Took = c.clock.Since(began)
	return out
}

// mayFetch says what is in the way of asking; empty where nothing is.
func (c *Cluster) mayFetch(ctx context.Context, ref handover.Ref) string {
	r, err := c.resource(ctx, ref)
	if err != nil {
		return facts.Text(err.Error())
	}
	var rights []handover.Right
	for _, verb := range []string{"get", "patch"} {
		rights = append(rights, handover.Right{Verb: verb, Group: r.Group, Resource: r.Resource, Namespace: ref.Namespace, Name: ref.Name})
	}
	denied, err := c.Allowed(ctx, rights)
	if err != nil {
		return facts.Text(err.Error())
	}
	if len(denied) == 0 {
		return ""
	}
	var verbs []string
	for _, d := range denied {
		verbs = append(verbs, d.Verb)
	}
	return fmt.Sprintf("forbidden: whoever this is may not %s %s in %s; grant it: kubectl apply -f deploy/rbac-probe.yaml", strings.Join(verbs, ", "), r.Resource, ref.Namespace)
}

// answered waits until the source says that it has handled the request and how that ended, or until ctx is over.
func (c *Cluster) answered(ctx context.Context, ref handover.Ref, token string, out *facts.Fetched) {
	out.Why = "what came of it was not seen"
	for {
		o, err := c.get(ctx, ref)
		switch {
		case err == nil:
			out.Why = ""
			look(o, token, out)
			if out.Suspend || out.Handled && settled(out) {
				return
			}
		case ctx.Err() == nil:
			out.Why = "what came of it could not be read: " + reason(err)
		}
		timer := c.clock.NewTimer(lookEvery)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			if errors.Is(ctx.Err(), context.Canceled) {
				out.Why = "interrupted"
			}
			return
		}
	}
}

// settled holds of a source that is neither being fetched nor of another generation than was looked at.
func settled(f *facts.Fetched) bool {
	return f.ObservedGeneration >= f.Generation && slices.ContainsFunc(f.Conditions, func(c facts.Condition) bool {
		return c.Type == "Ready" && c.Status != string(metav1.ConditionUnknown)
	})
}

// look notes what a source says of itself.
func look(o *unstructured.Unstructured, token string, out *facts.Fetched) {
	var status struct {
		ObservedGeneration     int64              `json:"observedGeneration"`
		LastHandledReconcileAt string             `json:"lastHandledReconcileAt"`
		Conditions             []metav1.Condition `json:"conditions"`
		Artifact               *struct {
			Revision string `json:"revision"`
		} `json:"artifact"`
	}
	if m, ok, _ := unstructured.NestedMap(o.Object, "status"); ok && runtime.DefaultUnstructuredConverter.FromUnstructured(m, &status) != nil {
		out.Why = "its status is not of its own schema"
		return
	}
	out.Suspend, out.Generation, out.ObservedGeneration = suspended(o), o.GetGeneration(), status.ObservedGeneration
	out.Handled = status.LastHandledReconcileAt == token
	out.Revision = ""
	if status.Artifact != nil {
		out.Revision = status.Artifact.Revision
	}
	out.Conditions = nil
	for _, c := range status.Conditions {
		out.Conditions = append(out.Conditions, facts.Condition{
			Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: facts.RedactText(c.Message),
			ObservedGeneration: c.ObservedGeneration, Since: c.LastTransitionTime.UTC(),
		})
	}
}
