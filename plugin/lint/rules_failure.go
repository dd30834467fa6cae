package lint

import (
	"fmt"
	"strconv"
	"time"
)

// The times that a rollout of Cilium's agents needs.
const (
	leastTimeout = 15 * time.Minute
	defaultHelm  = 5 * time.Minute
)

// failureRules are about what Flux does when an action fails.
func failureRules() []Rule {
	const strategies = helmReleases + "#configuring-failure-handling"
	return []Rule{
		{
			ID: "CGL211", Severity: Warning, Title: "a failure is tried again, and nothing else", See: strategies,
			Reason: "Unless both actions say RetryOnFailure, a failed one is remediated: install by uninstalling Cilium, upgrade by rolling back, " +
				"and after an adoption there is nothing to roll back to, so that a person is needed.",
			Fix:   "Write strategy: {name: RetryOnFailure} under install and under upgrade (Flux 2.7 and later).",
			check: releaseRule(retryOnFailure),
		},
		{
			ID: "CGL212", Severity: Error, Title: "a failed install does not uninstall Cilium", See: strategies,
			Reason: "install.remediation uninstalls the release between attempts. For a network plugin that is an outage, at each attempt.",
			Fix:    "Take install.remediation out.", check: releaseRule(installRemediation),
		},
		{
			ID: "CGL213", Severity: Error, Title: "a failed upgrade does not uninstall Cilium", See: strategies,
			Reason: "upgrade.remediation.strategy: uninstall takes the network plugin away and installs it anew.",
			Fix:    "Take upgrade.remediation out.", check: releaseRule(upgradeUninstalls),
		},
		{
			ID: "CGL214", Severity: Warning, Title: "a failed upgrade is not rolled back half-way", See: strategies,
			Reason: "Rolling agents takes time. A rollback while they roll turns them round, and the next attempt again. Right after adoption there is no " +
				"target at all: the HelmRelease stalls with MissingRollbackTarget.",
			Fix: "Take upgrade.remediation out, and write strategy: {name: RetryOnFailure}.", check: releaseRule(upgradeRollsBack),
		},
		{
			ID: "CGL215", Severity: Error, Title: "a failed upgrade deletes nothing", See: helmReleases + "#upgrade-configuration",
			Reason: "cleanupOnFail deletes what the failed upgrade made: Secrets and service accounts that agents use already.",
			Fix:    "Take cleanupOnFail out.",
			check:  forbid("deletes objects that agents may use already", "spec.upgrade.cleanupOnFail", "spec.rollback.cleanupOnFail"),
		},
		{
			ID: "CGL216", Severity: Error, Title: "no object is deleted to be changed", See: helmReleases + "#upgrade-configuration",
			Reason: "force, replace and recreate delete and create anew: the DaemonSet, and with it all agents at once.",
			Fix:    "Take it out.", check: forbid("deletes objects and makes them anew",
				"spec.upgrade.force", "spec.rollback.force", "spec.rollback.recreate", "spec.install.replace"),
		},
		{
			ID: "CGL217", Severity: Warning, Title: "Helm waits for the rollout", See: helmReleases + "#upgrade-configuration",
			Reason: "With disableWait an upgrade that leaves no agent running is a success.",
			Fix:    "Take disableWait out, and give it time instead.",
			check:  forbid("hides that a rollout went wrong", "spec.install.disableWait", "spec.upgrade.disableWait", "spec.rollback.disableWait"),
		},
		{
			ID: "CGL218", Severity: Warning, Title: "the HelmRelease gives a rollout of all agents time", See: helmReleases + "#timeout",
			Reason: "Agents roll a few at a time, and each takes minutes; the default of 5m calls a healthy rollout failed.",
			Fix:    "Write spec.timeout: 15m or more.", check: releaseRule(enoughTime),
		},
	}
}

func retryOnFailure(_ *index, s *subject, report reporter) {
	for _, action := range []string{"install", "upgrade"} {
		field := "spec." + action + ".strategy.name"
		switch name := s.text(field); name {
		case "RetryOnFailure":
		case "":
			f := s.finding(field, action+" has no strategy: the default is RemediateOnFailure")
			f.Edits = insert(s, "spec."+action+".strategy", "\nname: RetryOnFailure\nretryInterval: 2m\n")
			report(f)
		default:
			f := s.finding(field, action+" remediates a failure instead of trying again")
			f.Edits = set(s, "RetryOnFailure", field)
			report(f)
		}
	}
}

func installRemediation(_ *index, s *subject, report reporter) {
	const field = "spec.install.remediation"
	last, _ := s.get(field + ".remediateLastFailure").(bool)
	if n := number(s.get(field + ".retries")); n == 0 && !last {
		return
	}
	f := s.finding(field, "a failed install is remediated by uninstalling Cilium")
	f.Edits = remove(s, field)
	report(f)
}

func upgradeUninstalls(_ *index, s *subject, report reporter) {
	const field = "spec.upgrade.remediation.strategy"
	if s.text(field) != "uninstall" {
		return
	}
	f := s.finding(field, "a failed upgrade is remediated by uninstalling Cilium")
	f.Edits = remove(s, "spec.upgrade.remediation")
	report(f)
}

func upgradeRollsBack(_ *index, s *subject, report reporter) {
	const field = "spec.upgrade.remediation"
	last, _ := s.get(field + ".remediateLastFailure").(bool)
	if s.text(field+".strategy") == "uninstall" || number(s.get(field+".retries")) == 0 && !last {
		return
	}
	f := s.finding(field, "a failed upgrade is rolled back; after adoption there is nothing to roll back to")
	f.Edits = remove(s, field)
	report(f)
}

func enoughTime(_ *index, s *subject, report reporter) {
	for _, field := range []string{"spec.timeout", "spec.upgrade.timeout", "spec.install.timeout"} {
		written := s.text(field)
		if written == "" && field != "spec.timeout" {
			continue
		}
		is := parseDuration(written, defaultHelm)
		if is >= leastTimeout {
			continue
		}
		message := fmt.Sprintf("%s is %s: too little for a rollout of all agents", field, written)
		if written == "" {
			message = field + " is not written, and the default is 5m: too little for a rollout of all agents"
		}
		f := s.finding(field, message)
		f.Edits = put(s, field, "15m")
		report(f)
	}
}

// parseDuration is what a duration says; otherwise where it says nothing.
func parseDuration(text string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		return otherwise
	}
	return d
}

// number is a value as a whole number; 0 where it is none.
func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	case string:
		i, _ := strconv.ParseInt(n, 10, 64)
		return i
	}
	return 0
}
