#!/usr/bin/env bash
# Records examples/fleet/facts from the lab: the fleet as it should be, then apps with faults. Run it on a lab whose
# clusters were bootstrapped more than five minutes ago; a release that has just changed is worth a warning.
set -euo pipefail
cd "$(dirname "$0")/.."
make -s build lab-bin
lab() { bin/lab "$@" ${LAB_STATE:+--state "$LAB_STATE"}; }
lab up
eval "$(lab env)"
out=examples/fleet/facts
mkdir -p $out
for cluster in infra apps; do
	kubectl cilium-gitops verify --context $cluster --fail-on warn --record $out/$cluster.yaml
done
trap 'lab mend --all' EXIT
lab break agent-not-encrypting --cluster apps --node apps-2
lab break agent-status-unreadable --cluster apps --node apps-3
lab break kube-proxy --cluster apps
lab break gatewayclass-not-accepted --cluster apps
lab break hubble-cert-expiring --cluster apps
kubectl cilium-gitops verify --context apps --record $out/apps-with-faults.yaml || [ $? -eq 1 ]
