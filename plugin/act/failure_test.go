package act

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestSeveral tells of three failures, counts the rest, and forgets no cause.
func TestSeveral(t *testing.T) {
	if several([]error{nil, nil}) != nil {
		t.Error("nothing failed, and it is an error")
	}
	all := []error{errors.New("one"), nil, errors.New("two"), errors.New("three"), handover.ErrConflict, errors.New("five")}
	err := several(all)
	if got := err.Error(); got != "one\ntwo\nthree\nand 2 objects more" || !errors.Is(err, handover.ErrConflict) {
		t.Errorf("%q", got)
	}
}

// TestSaidOfRoles: the rules of a role that somebody may not change are not read out.
func TestSaidOfRoles(t *testing.T) {
	err := apierrors.NewForbidden(schema.GroupResource{Group: "rbac.authorization.k8s.io", Resource: "clusterroles"}, "cilium",
		errors.New(`user "ann" (groups=["a"]) is attempting to grant RBAC permissions not currently held:`+"\n"+strings.Repeat(`{APIGroups:[""], Resources:["nodes"]}`, 99)))
	if got := reason(err); len(got) > 300 || !strings.Contains(got, "escalate") || strings.Contains(got, "nodes") {
		t.Errorf("%q", got)
	}
}
