package play

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

var (
	gatewayClasses = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gatewayclasses"}
	clusterIssuers = schema.GroupVersionResource{Group: "cert-manager.io", Version: "v1", Resource: "clusterissuers"}
)

// certificates are cert-manager's; the player has no controller for their Secrets, which nobody in the lab reads.
var certificates = schema.GroupVersionResource{Group: "cert-manager.io", Version: "v1", Resource: "certificates"}

// HoldIssuers is the name of the hold that keeps cert-manager from saying that its issuers are registered.
const HoldIssuers = "clusterissuers"

// HoldClasses is the name of the hold that keeps the operator from accepting GatewayClasses.
const HoldClasses = "gatewayclasses"

// acceptClasses accepts Cilium's GatewayClasses, whoever created them and however often.
func (p *Player) acceptClasses(ctx context.Context) error {
	operator := p.readOperator()
	if operator.Pod == "" || !operator.Gateway || p.held(HoldClasses) {
		return nil
	}
	items, err := p.see.classes.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range items {
		class, ok := item.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		controller, _, _ := unstructured.NestedString(class.Object, "spec", "controllerName")
		if controller != "io.cilium/gateway-controller" {
			continue
		}
		accepted := Condition("Accepted", "True", "Accepted", "Valid GatewayClass", class.GetGeneration())
		if err := p.setCondition(ctx, gatewayClasses, class, accepted); err != nil {
			return err
		}
	}
	return nil
}

// readyIssuers makes ClusterIssuers Ready, as cert-manager does after registering an ACME account.
func (p *Player) readyIssuers(ctx context.Context) error {
	if p.held(HoldIssuers) {
		return nil
	}
	items, err := p.see.issuers.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range items {
		issuer, ok := item.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		ready := Condition("Ready", "True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server", issuer.GetGeneration())
		if err := p.setCondition(ctx, clusterIssuers, issuer, ready); err != nil {
			return err
		}
	}
	return nil
}

// issueCertificates makes Certificates Ready, as cert-manager does once it has written their Secret.
func (p *Player) issueCertificates(ctx context.Context) error {
	items, err := p.see.certificates.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range items {
		c, ok := item.(*unstructured.Unstructured)
		if !ok || c.GetDeletionTimestamp() != nil {
			continue
		}
		ready := Condition("Ready", "True", "Ready", "Certificate is up to date and has not expired", c.GetGeneration())
		if err := p.setCondition(ctx, certificates, c, ready); err != nil {
			return err
		}
	}
	return nil
}

// Condition is a condition as an object holds it.
func Condition(kind, status, reason, message string, generation int64) map[string]any {
	return map[string]any{
		"type": kind, "status": status, "reason": reason, "message": message,
		"observedGeneration": generation, "lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
	}
}

func (p *Player) setCondition(ctx context.Context, gvr schema.GroupVersionResource, obj *unstructured.Unstructured, want map[string]any) error {
	conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	rest := []any{want}
	for _, c := range conditions {
		have, ok := c.(map[string]any)
		if !ok || have["type"] != want["type"] {
			rest = append(rest, c)
			continue
		}
		if have["status"] == want["status"] && have["observedGeneration"] == want["observedGeneration"] {
			return nil
		}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": rest}})
	if err != nil {
		return fmt.Errorf("set condition of %s: %w", api.Name(obj), err)
	}
	_, err = p.dynamic.Resource(gvr).Namespace(obj.GetNamespace()).Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("set condition of %s: %w", api.Name(obj), err)
	}
	return nil
}
