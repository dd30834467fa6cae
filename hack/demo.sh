#!/usr/bin/env bash
# Runs the main job on recordings: a fleet as it should be, then the same fleet with faults.
set -uo pipefail
bin=$1
fleet=$(dirname "$0")/../examples/fleet

# show CODE COMMAND...: print the command, run it, and insist on its exit code.
show() {
	local want=$1 got=0
	shift
	printf '\n$ kubectl cilium-gitops %s\n' "$(sed "s#$fleet#examples/fleet#g" <<<"$*")"
	"$bin" "$@" || got=$?
	printf '(exit code %d)\n' "$got"
	if [ "$got" -ne "$want" ]; then
		echo "demo: expected exit code $want" >&2
		exit 1
	fi
}

show 0 verify --from "$fleet/facts/infra.yaml,$fleet/facts/apps.yaml"
show 1 verify --from "$fleet/facts/infra.yaml,$fleet/facts/apps-with-faults.yaml"
show 0 lint "$fleet"
show 0 compare --from "$fleet/facts/infra.yaml,$fleet/facts/apps.yaml"
show 1 compare --from "$fleet/facts/infra.yaml,$fleet/facts/apps-with-faults.yaml"
show 0 explain CG108
