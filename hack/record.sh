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
# First what scaffold needs, then its tree, then the clusters again, beside a copy of the tree that is no Git checkout:
# the commit of this repository is no fact about the fleet.
tree=$(mktemp -d)
for cluster in infra apps; do
	kubectl cilium-gitops verify --context $cluster --fail-on warn --repo "$tree" --record $out/$cluster.yaml
done
kubectl cilium-gitops scaffold --from $out/infra.yaml,$out/apps.yaml --output examples/fleet --force
cp -r examples/fleet/. "$tree"
for cluster in infra apps; do
	kubectl cilium-gitops verify --context $cluster --fail-on warn --repo "$tree" --record $out/$cluster.yaml
done
trap 'lab mend --all' EXIT
lab break agent-not-encrypting --cluster apps --node apps-2
lab break agent-status-unreadable --cluster apps --node apps-3
lab break kube-proxy --cluster apps
lab break gatewayclass-not-accepted --cluster apps
lab break hubble-cert-expiring --cluster apps
kubectl cilium-gitops verify --context apps --repo "$tree" --record $out/apps-with-faults.yaml || [ $? -eq 1 ]
rm -r "$tree"
chmod 644 $out/*.yaml
