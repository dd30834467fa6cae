package act

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	authorization "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// rightsAtOnce is how many rights are asked about at a time.
const rightsAtOnce = 8

// Allowed asks the cluster which of rights whoever we are lacks: those, in their order. An error says that it is not
// known.
func (c *Cluster) Allowed(ctx context.Context, rights []handover.Right) ([]handover.Right, error) {
	may := make([]bool, len(rights))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(rightsAtOnce)
	for i, right := range rights {
		group.Go(func() (err error) {
			may[i], err = c.may(within, right)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var denied []handover.Right
	for i, right := range rights {
		if !may[i] {
			denied = append(denied, right)
		}
	}
	return denied, nil
}

func (c *Cluster) may(ctx context.Context, right handover.Right) (bool, error) {
	resource, sub, _ := strings.Cut(right.Resource, "/") // "pods/log"
	review := &authorization.SelfSubjectAccessReview{Spec: authorization.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorization.ResourceAttributes{
			Verb: right.Verb, Group: right.Group, Resource: resource, Subresource: sub, Namespace: right.Namespace, Name: right.Name,
		},
	}}
	// It is a create that leaves nothing behind: it may be repeated like a read.
	var answer *authorization.SelfSubjectAccessReview
	err := c.read(ctx, func() (err error) {
		answer, err = c.access.SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("ask whether we may %s %s: %s; see who you are: %sauth whoami",
			right.Verb, right.Resource, reason(err), c.kubectl(handover.Ref{}))
	}
	return answer.Status.Allowed, nil
}
