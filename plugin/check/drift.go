package check

import (
	"regexp"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// correcting is what helm-controller writes into Ready while it puts back what it takes for drift.
const correcting = "correcting cluster drift"

// helmMade are the Secrets whose certificates the chart makes while it renders, as helm-controller names what drifts:
// "Secret/kube-system/hubble-server-certs changed (0 additions, 2 changes, 0 removals)".
var helmMade = regexp.MustCompile(`^Secret/[^/ ]+/(cilium-ca|hubble-\S+|clustermesh-\S+) `)

// judgeHelmRelease judges whether the HelmRelease is ready, and what Flux takes for drift: where that is reported alone,
// the HelmRelease stays Ready; where it is corrected and comes back, it never is.
func judgeHelmRelease(f facts.Facts) Verdict {
	hr, ok := ciliumHelmRelease(f)
	if !ok {
		return notHandedOver(f)
	}
	where := "HelmRelease " + hr.ID()
	if hr.Deleting {
		return deleting(where, hr)
	}
	v := ready(where, hr.Generation, hr.ObservedGeneration, hr.Suspend, hr.Conditions)
	found, certificates := drift(where, conditionOf(hr.Conditions, "Drifted"))
	busy := conditionOf(hr.Conditions, "Ready").Message == correcting
	switch {
	case len(found) == 0 && !busy:
		return v
	case v.Outcome == Pass:
		v = warn("Flux finds that the cluster differs from the release")
	case busy:
		v.Reason = where + " is not ready: Flux corrects drift"
	}
	if certificates {
		v.Reason += "; certificates that Helm makes are among it, and come back for ever"
	}
	v.Evidence = append(v.Evidence, found...)
	return v
}

// drift is what helm-controller finds to differ, a line for each object, and whether certificates are among it.
func drift(where string, c facts.Condition) (found []Evidence, certificates bool) {
	if c.Status != "True" {
		return nil, false
	}
	got := "True"
	if !c.Since.IsZero() {
		got += " since " + stamp(c.Since)
	}
	found = append(found, Evidence{where + " Drifted", got, "False"})
	_, objects, _ := strings.Cut(c.Message, "\n")
	for line := range strings.Lines(objects) {
		line = strings.TrimSpace(line)
		what, how, _ := strings.Cut(line, " ")
		switch {
		case line == "":
		case helmMade.MatchString(line):
			certificates = true
			found = append(found, Evidence{what, orAbsent(how), "left alone by spec.driftDetection.ignore (CGL224)"})
		default:
			found = append(found, Evidence{what, orAbsent(how), "as the release has it"})
		}
	}
	return found, certificates
}

// deleting is the verdict on a HelmRelease that is being deleted: before all else what must not be done.
func deleting(where string, hr facts.HelmRelease) Verdict {
	if !hr.Suspend {
		return fail(where+" is being deleted while it is active: Flux uninstalls Cilium. Suspend it now",
			Evidence{where + " suspend", "false", "true"})
	}
	return fail(where+" is being deleted: do NOT resume it, Flux would uninstall Cilium",
		Evidence{where + " deletionTimestamp", "set, and suspended", "helm-controller ends the deletion; it leaves Cilium as it is"})
}
