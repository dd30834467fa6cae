package act

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// removeEvery is how often it is looked whether a namespace is gone.
const removeEvery = 500 * time.Millisecond

// remove removes the probe's namespace and sees it gone, whatever became of ctx. What is left is noted.
func (p *prober) remove(ctx context.Context) {
	p.options.Tell("probe: removing namespace " + p.namespace)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeWithin)
	defer cancel()
	if err := p.removeProbe(ctx, p.namespace); err != nil {
		p.fact.Left = fmt.Sprintf("%s (%s); its pods end at %s", p.namespace, err, p.deadline.Format(time.TimeOnly+" MST"))
		p.options.Tell("probe: left behind: " + p.fact.Left + "; remove it: " + p.removeBy(p.namespace))
	}
}

// removeBy is the command by which a person removes a probe's namespace.
func (c *Cluster) removeBy(namespace string) string {
	return "kubectl " + c.contextFlag() + "delete namespace " + namespace
}

func (c *Cluster) contextFlag() string {
	if c.options.Context == "" {
		return ""
	}
	return "--context " + c.options.Context + " "
}

var errStillThere = errors.New("it is still being removed")

// removeProbe removes the namespace of a probe and returns when it is gone, or when ctx is over and why it is not.
func (c *Cluster) removeProbe(ctx context.Context, name string) error {
	last := errStillThere
	for {
		gone, err := c.sweep(ctx, name)
		switch {
		case gone:
			return nil
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), errors.Is(err, errNotAProbe):
			return foreign(reason(err))
		case err != nil && ctx.Err() == nil:
			last = foreign(reason(err))
		case err == nil:
			last = errStillThere
		}
		timer := c.clock.NewTimer(removeEvery)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return last
		}
	}
}

var errNotAProbe = errors.New("no probe made it")

// sweep asks for a probe's namespace to be removed, unless it has been, and tells whether it is gone.
func (c *Cluster) sweep(ctx context.Context, name string) (gone bool, err error) {
	space, err := c.core.Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, err
	case !isProbe(space):
		return false, errNotAProbe
	case space.DeletionTimestamp != nil:
		return false, nil
	}
	// What was looked at is what is removed, and nobody has made anything else of it meanwhile.
	err = c.core.Namespaces().Delete(ctx, name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &space.UID, ResourceVersion: &space.ResourceVersion},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return false, nil // the next look tells
	}
	return false, err
}

// isProbe holds of a namespace that a probe made: by name, by label, and by a deadline that can be read.
func isProbe(space *core.Namespace) bool {
	_, err := time.Parse(time.RFC3339, space.Annotations[probeDeadline])
	return err == nil && strings.HasPrefix(space.Name, probePrefix) && labels.SelectorFromSet(ownLabels()).Matches(labels.Set(space.Labels))
}

// keepsProbe holds of every namespace that no probe made, and of those in which one may be at work.
func (c *Cluster) keepsProbe(o *unstructured.Unstructured) string {
	space := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.GetName(), Labels: o.GetLabels(), Annotations: o.GetAnnotations(), CreationTimestamp: o.GetCreationTimestamp()}}
	if !isProbe(space) {
		return errNotAProbe.Error()
	}
	if deadline := deadlineOf(space); !c.passed(deadline) {
		return "a probe may be at work in it until " + deadline.Format(time.RFC3339)
	}
	return ""
}

// passed tells whether a time has passed by the API server's clock. Where the server does not say, it has not.
func (c *Cluster) passed(t time.Time) bool {
	now, known := c.server.now()
	return known && t.Before(now)
}

// removeLeft removes what a probe that was killed left, and sees it gone.
func (c *Cluster) removeLeft(ctx context.Context, ref handover.Ref) error {
	within, cancel := context.WithTimeout(ctx, removeWithin)
	defer cancel()
	if err := c.removeProbe(within, ref.Name); err != nil {
		return fmt.Errorf("remove %s: %w; look at it: %sget namespace %s -o yaml", ref, err, c.kubectl(ref), ref.Name)
	}
	return nil
}

// Left is a probe's namespace that is still there.
type Left struct {
	Namespace string
	Deadline  time.Time // by the API server's clock: until then a probe may be at work in it; after that it was killed
	Passed    bool      // it has, by that clock
	Removing  bool      // the cluster is at it
}

// LeftProbes lists the namespaces of probes: those at work, and those that killed ones left.
func (c *Cluster) LeftProbes(ctx context.Context) ([]Left, error) {
	var list *core.NamespaceList
	err := c.listed(ctx, "Namespace", "", func() (err error) {
		list, err = c.core.Namespaces().List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(ownLabels()).String()})
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []Left
	for i := range list.Items {
		if space := &list.Items[i]; isProbe(space) {
			deadline := deadlineOf(space)
			all = append(all, Left{Namespace: space.Name, Deadline: deadline, Passed: c.passed(deadline), Removing: space.DeletionTimestamp != nil})
		}
	}
	return all, nil
}

// removeStale removes what killed probes left, where their deadline has passed. That it cannot is only told: this
// probe has its own namespace.
func (p *prober) removeStale(ctx context.Context) {
	all, err := p.LeftProbes(ctx)
	if err != nil {
		p.options.Tell("probe: look for what killed probes left: " + facts.Text(err.Error()))
		return
	}
	for _, l := range all {
		if l.Removing || !l.Passed {
			continue
		}
		p.options.Tell(fmt.Sprintf("probe: removing namespace %s, which a probe that was killed left", l.Namespace))
		if _, err := p.sweep(ctx, l.Namespace); err != nil {
			p.options.Tell(fmt.Sprintf("probe: namespace %s: %s; remove it: %s", l.Namespace, reason(err), p.removeBy(l.Namespace)))
		}
	}
}
