package live

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestSuspenders: who owns spec.suspend, each once, and nobody who owns other fields or a status.
func TestSuspenders(t *testing.T) {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)}}
	}
	got := suspenders([]metav1.ManagedFieldsEntry{
		entry("kubectl-patch", "", `{"f:spec":{"f:suspend":{}}}`),
		entry("flux", "", `{"f:spec":{"f:suspend":{}}}`),
		entry("flux", "", `{"f:spec":{"f:suspend":{},"f:interval":{}}}`),
		entry("kustomize-controller", "", `{"f:spec":{"f:interval":{}}}`),
		entry("helm-controller", "status", `{"f:spec":{"f:suspend":{}}}`),
		{Manager: "nobody"},
	})
	if want := []string{"flux", "kubectl-patch"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
