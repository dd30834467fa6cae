package act

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// permitted asks beforehand for every right that a probe needs: who may not remove a namespace must not make one.
func (p *prober) permitted(ctx context.Context) error {
	denied, err := p.Allowed(ctx, ProbeRights(p.namespace))
	if err != nil {
		return err
	}
	if len(denied) > 0 {
		return errors.New("probe: " + forbidden(denied))
	}
	if !p.wants(facts.Issuing) {
		return nil
	}
	if denied, err = p.Allowed(ctx, issueRights(p.namespace)); err != nil {
		return err
	}
	if len(denied) > 0 {
		p.issuance = &facts.Issuance{Why: forbidden(denied)}
	}
	return nil
}

// forbidden words rights that are lacking.
func forbidden(denied []handover.Right) string {
	var words []string
	for _, r := range denied {
		words = append(words, r.Verb+" "+r.Resource)
	}
	return fmt.Sprintf("forbidden: whoever this is may not %s; grant it: kubectl apply -f deploy/rbac-probe.yaml", strings.Join(words, ", "))
}

// ProbeRights are the rights that a probe in that namespace needs.
func ProbeRights(namespace string) []handover.Right {
	rights := []handover.Right{{Verb: "list", Resource: "nodes"}}
	for _, verb := range []string{"create", "get", "list", "delete"} {
		rights = append(rights, handover.Right{Verb: verb, Resource: "namespaces"})
	}
	for _, verb := range []string{"create", "list", "watch"} {
		rights = append(rights, handover.Right{Verb: verb, Resource: "pods", Namespace: namespace})
	}
	return append(rights,
		handover.Right{Verb: "get", Resource: "pods/log", Namespace: namespace},
		handover.Right{Verb: "create", Resource: "services", Namespace: namespace},
	)
}
