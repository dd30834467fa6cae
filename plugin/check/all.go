package check

import "slices"

// All is every check, by ID.
func All() []Check {
	all := slices.Concat(
		probeChecks(), askedChecks(), streamChecks(),
		clusterChecks(), workloadChecks(), agentChecks(), runningChecks(), featureChecks(), crdChecks(),
		releaseChecks(), settingsChecks(), neighbourChecks(), gitopsChecks(), wiringChecks(), treeChecks(),
		handoverChecks(), drillChecks(), cleanupChecks(), datapathChecks(), aroundChecks(),
	)
	slices.SortFunc(all, func(a, b Check) int {
		if len(a.ID) != len(b.ID) {
			return len(a.ID) - len(b.ID)
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}
