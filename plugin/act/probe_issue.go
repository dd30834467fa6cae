package act

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const certGroup = "cert-manager.io"

// issuedName is the name of all that cert-manager is asked for.
const issuedName = "probe"

// issueRights are the rights that asking cert-manager takes besides the probe's.
func issueRights(namespace string) []handover.Right {
	return []handover.Right{
		{Verb: "create", Group: certGroup, Resource: "issuers", Namespace: namespace},
		{Verb: "create", Group: certGroup, Resource: "certificates", Namespace: namespace},
		{Verb: "get", Group: certGroup, Resource: "certificates", Namespace: namespace},
	}
}

// issues tells whether cert-manager is to be asked, and may be.
func (p *prober) issues() bool { return p.wants(facts.Issuing) && p.issuance == nil }

// issue has cert-manager issue a self-signed certificate in the probe's namespace, with which all of it goes. Nobody
// outside the cluster hears of it.
func (p *prober) issue(ctx context.Context) *facts.Issuance {
	p.options.Tell("probe: asking cert-manager for a self-signed certificate")
	began := p.clock.Now()
	for _, o := range []struct {
		kind, resource string
		spec           map[string]any
	}{
		{"Issuer", "issuers", map[string]any{"selfSigned": map[string]any{}}},
		{"Certificate", "certificates", map[string]any{
			"secretName": issuedName, "duration": "1h", "dnsNames": []any{"probe.cilium-gitops.invalid"},
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": int64(256)},
			"issuerRef":  map[string]any{"group": certGroup, "kind": "Issuer", "name": issuedName},
		}},
	} {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": certGroup + "/v1", "kind": o.kind, "metadata": map[string]any{"name": issuedName}, "spec": o.spec,
		}}
		_, err := p.dynamic.Resource(certificateAPI(o.resource)).Namespace(p.namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: manager})
		if err != nil {
			return unissued(o.kind, p.late(ctx, err))
		}
	}
	within, cancel := p.until(ctx, p.asked.Within)
	defer cancel()
	out := p.issued(within)
	out.Took = p.clock.Since(began)
	return out
}

func certificateAPI(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: certGroup, Version: "v1", Resource: resource}
}

// unissued tells apart that there is no cert-manager, that its webhook does not answer, and what says nothing of it.
func unissued(kind string, err error) *facts.Issuance {
	switch {
	case apierrors.IsNotFound(err) && strings.Contains(err.Error(), "could not find the requested resource"):
		return &facts.Issuance{Absent: true}
	case apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook"):
		return &facts.Issuance{Error: "its webhook does not answer: " + said(err)}
	}
	return &facts.Issuance{Why: fmt.Sprintf("the %s could not be made: %s", kind, reason(err))}
}

// issued waits until the certificate is issued, or ctx is over.
func (p *prober) issued(ctx context.Context) *facts.Issuance {
	out := &facts.Issuance{Why: "what came of it was not seen"}
	for {
		o, err := p.dynamic.Resource(certificateAPI("certificates")).Namespace(p.namespace).Get(ctx, issuedName, metav1.GetOptions{})
		switch {
		case err == nil:
			status, words := readyOf(o)
			out.Why, out.Error = "", "not within "+p.asked.Within.Round(time.Second).String()+"; the Certificate's Ready is "+words
			if status == string(metav1.ConditionTrue) {
				return &facts.Issuance{Issued: true}
			}
		case ctx.Err() == nil:
			out.Why, out.Error = "the Certificate could not be read: "+reason(err), ""
		}
		timer := p.clock.NewTimer(lookEvery)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			if errors.Is(ctx.Err(), context.Canceled) {
				out.Why, out.Error = "interrupted", ""
			}
			return out
		}
	}
}

// readyOf is an object's Ready condition, and in words.
func readyOf(o *unstructured.Unstructured) (status, words string) {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, one := range all {
		c, ok := one.(map[string]any)
		if !ok || c["type"] != "Ready" {
			continue
		}
		text := func(key string) string { s, _ := c[key].(string); return s }
		return text("status"), worded(text("status")+" "+text("reason"), text("message"))
	}
	return "", "(absent)"
}
