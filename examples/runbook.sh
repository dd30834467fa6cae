#!/usr/bin/env bash
# The Quick Validation Script of a handover, with a verdict: every line of it is answered for every node, a dead cluster
# costs only its own time-out, and the exit code says what the lines say:
#
#   examples/runbook.sh                # infra and apps
#   examples/runbook.sh staging prod   # other contexts
#   PROBE=1 examples/runbook.sh        # line 9 sends packets: it makes pods, and removes them
#   FROM=DIR examples/runbook.sh       # judges recordings instead of clusters
#
# Exit code: 0 all lines pass; 1 one fails; 3 none fails, but something could not be seen.
set -uo pipefail
clusters=${*:-infra apps}
seen=$(mktemp -d)
trap 'rm -rf "$seen"' EXIT
verdict=0

worse() { # worse CODE: a failure is worse than not knowing, which is worse than a pass
	case $1 in
	0) ;;
	1) verdict=1 ;;
	*) [ "$verdict" -eq 1 ] || verdict=$1 ;;
	esac
}

# look: each cluster once, all at the same time; the lines judge what was seen.
look() {
	if [ -n "${FROM:-}" ]; then
		seen=$FROM
		trap - EXIT
		return
	fi
	local cluster
	for cluster in $clusters; do
		kubectl cilium-gitops verify --context "$cluster" --record "$seen/$cluster.yaml" ${PROBE:+--probe} >/dev/null 2>&1 &
	done
	wait
}

# line NUMBER TITLE CHECKS: a line of the script, for all clusters.
line() {
	printf '\n%s. %s\n' "$1" "$2"
	kubectl cilium-gitops verify --from "$seen" --check "$3"
	worse $?
}

look
line 1 'Flux Kustomization' CG204,CG205
line 2 'HelmRelease' CG202,CG203,CG120,CG122
line 3 'Cilium DaemonSet' CG104,CG105,CG130
line 4 'Cilium operator' CG107
line 5 'kube-proxy is not running' CG110,CG111
line 6 'WireGuard encryption' CG108,CG109,CG112
line 7 'Gateway API' CG114,CG117,CG701
line 8 'BGP control plane' CG115,CG118,CG708
line 9 'Connectivity' CG712,CG715,CG716,CG717
exit "$verdict"
