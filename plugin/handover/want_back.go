package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// letGo: a HelmRelease that is suspended and being deleted has let go as one that is only suspended: what is deleted while it
// is suspended uninstalls nothing.
func letGo(_ *Plan, j *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	record, _ := newest(f)
	switch {
	case hr == nil:
		return true, "no HelmRelease"
	case !hr.Suspend:
		return false, "the HelmRelease is not suspended" + setBy(hr)
	case strings.HasPrefix(record.Status, "pending") && !j.leftHalfWay(record):
		return false, "Helm's record " + record.Secret + " is " + record.Status
	case working(hr) && !nobody(f, HelmController, hr.Labels):
		return false, "helm-controller still works on the HelmRelease" + presence(f, HelmController)
	case hr.Deleting:
		return true, "HelmRelease " + hr.ID() + " suspended, and being deleted"
	}
	return true, "HelmRelease " + hr.ID() + " suspended"
}

// leftHalfWay tells the record of a rollback of Helm's that this very rollback began, and did not end: nobody else works on
// it, since the lock is ours.
func (j *Journal) leftHalfWay(record facts.Record) bool {
	s := j.Step(StepHelm)
	return record.Status == "pending-rollback" && j.Name == RollbackName && s != nil && s.Begun > 0
}

// shardKey is the label of objects that another instance of a controller acts on.
const shardKey = "sharding.fluxcd.io/key"

// nobody tells whether it is known that no controller of that name is there to act on an object with those labels: its
// Deployment has no pod, not even one that is being deleted. A status that says that it is at work is then of the past.
func nobody(f facts.Facts, name string, labels map[string]string) bool {
	c := controller(f, name)
	return c != nil && c.Found && c.Ready == 0 && c.Pods == 0 && labels[shardKey] == ""
}

// controller is one of Flux's controllers; nil where that could not be seen.
func controller(f facts.Facts, name string) *facts.Controller {
	if !known(f, facts.Controllers) {
		return nil
	}
	for i := range f.Live.Controllers {
		if c := &f.Live.Controllers[i]; c.Name == name {
			return c
		}
	}
	return nil
}

// presence says in what state a controller is, where it is known and not as it should be.
func presence(f facts.Facts, name string) string {
	c := controller(f, name)
	namespace := f.Expect.Flux.Namespace
	switch {
	case c == nil, c.Ready > 0 && c.Ready >= c.Desired:
		return ""
	case !c.Found:
		return fmt.Sprintf(": Deployment %s/%s is not there", namespace, name)
	case c.Pods > 0:
		return fmt.Sprintf(": Deployment %s/%s has %d of %d replicas ready and %d pods; see: kubectl -n %s describe pods -l app=%s",
			namespace, name, c.Ready, c.Desired, c.Pods, namespace, name)
	}
	return fmt.Sprintf(": Deployment %s/%s has no pod, %d wanted", namespace, name, c.Desired)
}

// answered: what was asked to reconcile has been handled since. Controllers answer such a request for what is suspended,
// too, and do nothing else about it. What is gone, or is being deleted, need not answer any more.
func answered(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	for _, a := range p.Step(StepAsk).Do {
		requested, handled, by := "", "", ""
		switch a.Ref.Kind {
		case "HelmRelease":
			hr := heldRelease(f)
			if hr == nil || hr.Deleting {
				continue
			}
			requested, handled, by = hr.Annotations[facts.RequestedAt], hr.HandledReconcileAt, HelmController
		case "Kustomization":
			ks := liveKustomization(f, a.Ref)
			if ks == nil || ks.Deleting {
				continue
			}
			requested, handled, by = ks.RequestedAt, ks.HandledReconcileAt, KustomizeController
		}
		if requested == "" || handled != requested {
			return false, fmt.Sprintf("%s has not answered for %s%s. Flux's objects stay, suspended: what is deleted now would wait for it, "+
				"and uninstall Cilium if it was resumed meanwhile", by, a.Ref, presence(f, by))
		}
	}
	return true, "Flux's controllers answer"
}

func gone(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	for _, a := range p.Step(StepRemove).Do {
		switch {
		case a.Verb != Release:
		case a.Ref.Kind == "HelmRelease" && slices.ContainsFunc(f.Live.HelmReleases, func(hr facts.HelmRelease) bool {
			return hr.Namespace == a.Ref.Namespace && hr.Name == a.Ref.Name
		}):
			return false, a.Ref.String() + " is still there" + presence(f, HelmController)
		case a.Ref.Kind == "Kustomization" && liveKustomization(f, a.Ref) != nil:
			return false, a.Ref.String() + " is still there: kustomize-controller looks at it when the health checks that it is at are over" +
				presence(f, KustomizeController)
		}
	}
	return true, "what Flux had of Cilium is gone"
}
