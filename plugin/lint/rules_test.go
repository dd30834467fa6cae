package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

const (
	base     = "kubernetes/infrastructure/networking/cilium/"
	hr       = base + "core/helmrelease.yaml"
	src      = base + "core/helmrepository.yaml"
	coreKust = base + "core/kustomization.yaml"
	ks       = base + "ks.yaml"
	ksKust   = base + "kustomization.yaml"
	settings = "kubernetes/clusters/infra/cluster-settings.yaml"
	infra    = "kubernetes/clusters/infra/infrastructure.yaml"
	kustom   = "kubernetes/clusters/infra/kustomization.yaml"
)

// change is one change of a file: old text for new, or, without old text, a file that is added.
type change struct{ file, was, is string }

// oci turns the healthy tree into one with an OCIRepository.
func oci() []change {
	return []change{
		{src, "kind: HelmRepository", "kind: OCIRepository"},
		{src, "  url: https://helm.cilium.io/\n", `  url: oci://quay.io/cilium/charts/cilium
  ref:
    tag: ${CILIUM_VERSION}
  layerSelector:
    mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip
    operation: copy
  verify:
    provider: cosign
    matchOIDCIdentity:
      - issuer: ^https://token.actions.githubusercontent.com$
        subject: ^https://github.com/cilium/cilium/.*$
`},
		{hr, `  chart:
    spec:
      chart: cilium
      version: ${CILIUM_VERSION}
      sourceRef:
        kind: HelmRepository
        name: cilium-charts
`, `  chartRef:
    kind: OCIRepository
    name: cilium-charts
`},
		{settings, "1.18.2", "1.19.1"},
		{"kubernetes/clusters/apps/cluster-settings.yaml", "1.18.2", "1.19.1"},
	}
}

// fixture is what makes a healthy tree go against one rule.
type fixture struct {
	oci     bool // from the healthy tree with an OCIRepository
	changes []change
	file    string // where it must be found
	says    string
}

func one(file, was, is, says string) fixture {
	return fixture{changes: []change{{file, was, is}}, file: file, says: says}
}

func ociOne(was, is, says string) fixture {
	return fixture{oci: true, changes: []change{{src, was, is}}, file: src, says: says}
}

const (
	second = `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: second, namespace: flux-system}
spec: {interval: 10m, prune: true, path: ./more, sourceRef: {kind: GitRepository, name: flux-system}MORE}
`
	copyOf = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: other}
spec: {releaseName: cilium, interval: 10m, chart: {spec: {chart: cilium, version: 1.18.2, sourceRef: {kind: HelmRepository, name: x}}}}
`
)

// plus adds a Kustomization for ./more with those files.
func plus(more string, files ...change) []change {
	all := []change{{infra, "", strings.Replace(second, "MORE", more, 1)}}
	return append(all, files...)
}

func fixtures() map[string]fixture {
	after := func(line, more string) (string, string) { return line, line + more }
	in := func(file, line, more, says string) fixture {
		was, is := after(line, more)
		return one(file, was, is, says)
	}
	return map[string]fixture{
		"CGL101": in(hr, "  interval: 10m\n", "    deeper: x\n", "mapping values"),
		"CGL102": {changes: []change{{coreKust, "resources:", "nameReference: x\nresources:"}, {ksKust, "ks.yaml", "ks.yaml\n  - more"}, {base + "more/kustomization.yaml", "", "nonsense: true\n"}}, says: "kustomize build"},
		"CGL103": one(coreKust, "helmrepository.yaml", "gone.yaml", "there is no"),
		"CGL104": one(coreKust, "helmrepository.yaml", "helmrepository.yaml # "+strings.Repeat("x", 8<<20), "bytes"),
		"CGL105": {changes: []change{{kustom, "infrastructure.yaml", "infrastructure.yaml\n  - link.yaml"}, {"kubernetes/clusters/infra/link.yaml", "", "-> cluster-settings.yaml"}}, file: "kubernetes/clusters/infra/link.yaml", says: "symbolic link"},
		"CGL106": in(coreKust, "resources:\n", "  - https://example.invalid/crds.yaml\n", "was not fetched"),
		"CGL111": in(hr, "  install:\n", "    namespace: kube-system\n", `unknown field "spec.install.namespace"`),
		"CGL112": one(hr, "mode: enabled", "mode: always", "enabled, warn, disabled"),
		"CGL113": one(hr, "fluxcd.io/v2\n", "fluxcd.io/v2beta2\n", "is not served"),
		"CGL114": {changes: []change{{ks, "  namespace: flux-system\n", ""}}, file: ks, says: "has no namespace"},
		"CGL115": in(settings, "  namespace: flux-system\n", "  labels: [a]\n", "cannot unmarshal"),
		"CGL201": {changes: []change{{hr, "  namespace: kube-system\n  annotations", "  namespace: flux-system\n  annotations"}, {hr, "spec:\n  interval", "spec:\n  targetNamespace: kube-system\n  interval"}}, file: hr, says: "called kube-system-cilium"},
		"CGL202": {changes: []change{{coreKust, "resources:\n", "resources:\n  - other.yaml\n"}, {base + "core/other.yaml", "", copyOf}}, says: "owns the release cilium, too"},
		"CGL203": in(hr, "  upgrade:\n", "    preserveValues: true\n", "not in Git"),
		"CGL204": in(hr, "  upgrade:\n", "    serverSideApply: enabled\n", "second owner"),
		"CGL205": in(hr, "  interval: 10m\n", "  suspend: false\n", "flux suspend"),
		"CGL206": in(hr, "  upgrade:\n", "    crds: Skip\n", "no effect"),
		"CGL207": in(hr, "  annotations:\n", "    helm.toolkit.fluxcd.io/driftDetection: enabled\n", "means nothing"),
		"CGL208": in(hr, "  interval: 10m\n", "  suspend: true\n", "waits for it"),
		"CGL211": one(hr, "  upgrade:\n    strategy:\n      name: RetryOnFailure\n      retryInterval: 2m\n", "", "upgrade has no strategy"),
		"CGL212": in(hr, "  install:\n", "    remediation: {retries: 3}\n", "uninstalling"),
		"CGL213": in(hr, "  upgrade:\n", "    remediation: {strategy: uninstall}\n", "uninstalling"),
		"CGL214": in(hr, "  upgrade:\n", "    remediation:\n      retries: 3\n", "rolled back"),
		"CGL215": in(hr, "  upgrade:\n", "    cleanupOnFail: true\n", "use already"),
		"CGL216": in(hr, "  upgrade:\n", "    force: true\n", "makes them anew"),
		"CGL217": in(hr, "  upgrade:\n", "    disableWait: true\n", "hides"),
		"CGL218": one(hr, "  timeout: 15m\n", "", "the default is 5m"),
		"CGL221": one(hr, "      helm.sh/resource-policy: keep", "      a: b", "would delete Cilium"),
		"CGL222": one(hr, "prune: disabled", "prune: enabled", "may be pruned"),
		"CGL223": one(hr, "    mode: enabled", "    mode: disabled", "neither corrected nor told"),
		"CGL224": one(hr, "(cilium-ca|hubble-.*|clustermesh-.*)", "cilium-ca", "hubble-server-certs"),
		"CGL225": in(hr, "  interval: 10m\n", "  uninstall:\n    deletionPropagation: orphan\n", "does not keep"),
		"CGL301": in(hr, "  interval: 10m\n", "  chartRef: {kind: OCIRepository, name: cilium-charts}\n", "both written"),
		"CGL302": one(hr, "kind: HelmRepository", "kind: OCIRepository", "belongs in chartRef"),
		"CGL303": one(hr, "${CILIUM_VERSION}", "1.18.x", "the newest that fits"),
		"CGL304": one(hr, "${CILIUM_VERSION}", "1.18.2", "in the settings"),
		"CGL305": {changes: []change{{src, "namespace: kube-system", "namespace: flux-system"}, {hr, "        name: cilium-charts\n", "        name: cilium-charts\n        namespace: flux-system\n"}}, file: hr, says: "the source is in flux-system"},
		"CGL306": {oci: true, changes: []change{{settings, "1.19.1", "1.20.2"}}, file: hr, says: "label with its digest"},
		"CGL311": ociOne("charts/cilium\n", "charts\n", "folder of charts"),
		"CGL312": one(src, "  url: https://helm.cilium.io/", "  type: oci\n  url: oci://quay.io/cilium/charts/cilium", "is appended"),
		"CGL313": ociOne("quay.io/cilium/charts", "ghcr.io/cilium/charts", "not where Cilium publishes"),
		"CGL314": ociOne("    operation: copy\n", "", "is not selected"),
		"CGL315": ociOne("    tag: ${CILIUM_VERSION}", "    semver: ${CILIUM_VERSION}", "is one version"),
		"CGL316": ociOne("  verify:\n    provider: cosign\n    matchOIDCIdentity:\n      - issuer: ^https://token.actions.githubusercontent.com$\n        subject: ^https://github.com/cilium/cilium/.*$\n", "", "signature"),
		"CGL317": ociOne("    tag: ${CILIUM_VERSION}", "    digest: 0c347cf81b87", "is no digest"),
		"CGL318": one(src, "interval: 1h", "interval: 12h", "only every 12h"),
		"CGL401": {changes: []change{{coreKust, "  - helmrepository.yaml\n", ""}}, file: hr, says: "is applied by no Kustomization"},
		"CGL402": {changes: plus("", change{"more/x.yaml", "", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cluster-settings, namespace: flux-system}\n"}), says: "both apply it"},
		"CGL403": {changes: []change{{ks, "  wait: false\n", "  wait: false\n  dependsOn:\n    - name: gone\n"}}, file: ks, says: "which this cluster does not have"},
		"CGL404": {changes: append(plus(", dependsOn: [{name: cilium-core}]", change{"more/x.yaml", "", ""}), change{ks, "  wait: false\n", "  wait: false\n  dependsOn:\n    - name: second\n"}), file: ks, says: "come back"},
		"CGL405": {changes: []change{{base + "left/ocirepository.yaml", "", "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: cilium, namespace: kube-system}\nspec: {interval: 1h, url: oci://quay.io/cilium/charts/cilium}\n"}}, says: "applied by no cluster"},
		"CGL406": {changes: plus("", change{"more/x.yaml", "", "apiVersion: cilium.io/v2\nkind: CiliumLoadBalancerIPPool\nmetadata: {name: pool}\nspec: {blocks: []}\n"}), file: infra, says: "does not depend on flux-system/cilium-core"},
		"CGL407": one(ks, "# cilium-gitops:ignore CGL407 the definitions are of the bootstrap's phase 0\n", "", "the Gateway API"),
		"CGL408": {changes: []change{{ks, "cilium/core", "cilium"}, {ksKust, "ks.yaml", "ks.yaml\n  - core"}}, file: ks, says: "which it applies"},
		"CGL411": one(ks, "wait: false", "wait: true", "are not evaluated"),
		"CGL412": one(ks, "kind: DaemonSet", "kind: Deployment", "DaemonSet cilium"),
		"CGL413": one(ks, "timeout: 20m", "timeout: 10m", "gives up after 10m, the HelmRelease after 15m"),
		"CGL414": one(ks, "  deletionPolicy: Orphan\n", "", "uninstalls Cilium"),
		"CGL415": one(ks, "  wait: false\n", "  wait: false\n  force: true\n", "force: true"),
		"CGL416": one(ks, "  retryInterval: 2m\n", "", "only after 10m"),
		"CGL501": {changes: []change{{settings, "  CLUSTER_ID: \"1\"\n", ""}}, file: hr, says: "${CLUSTER_ID} has no value"},
		"CGL502": {changes: []change{{settings, "namespace: flux-system", "namespace: kube-system"}}, file: ks, says: "there is one in namespace kube-system"},
		"CGL503": in(settings, "\ndata:\n", "  LATER: x\n", "nothing that Flux applies asks for it"),
		"CGL504": one(hr, "    cluster:\n      name: ${CLUSTER}\n      id: ${CLUSTER_ID}\n", "    cluster: {name: ${CLUSTER}, id: ${CLUSTER_ID}}\n", "flow brackets"),
		"CGL505": {changes: []change{{hr, "prune: disabled", "prune: disabled\n    kustomize.toolkit.fluxcd.io/substitute: disabled"}}, file: hr, says: "reaches the cluster as the text"},
		"CGL506": in(settings, "\ndata:\n", "  cluster-id: x\n", "no name for a variable"),
		"CGL507": one(ks, "    substituteFrom:\n", "    substitute:\n      CLUSTER: other\n    substituteFrom:\n", "with another value"),
		"CGL508": one(hr, "${CLUSTER}\n", "${CLUSTER:?needed}\n", "is not what Flux takes it for"),
		"CGL509": {changes: []change{{"bootstrap/values.yaml.gotmpl", "", "{{ (fromYaml (readFile \"../" + hr + "\")).spec.values | toYaml }}\n"}}, says: "literally"},
		"CGL511": one(settings, `CLUSTER_ID: "1"`, "CLUSTER_ID: 1", "takes text alone"),
		"CGL512": one(hr, "name: ${CLUSTER}\n", "name: ${CLUSTER_ID}\n", "the integer 1; the chart takes a string"),
		"CGL513": in(hr, "  values:\n", "    podAnnotations:\n      id: \"${CLUSTER_ID}\"\n", "the quotes are gone"),
		"CGL514": one(settings, "  POD_CIDR_STRING: 10.244.0.0/16\n", "  POD_CIDR_STRING: |\n    10.244.0.0/16\n    x\n", "several lines"),
		"CGL601": one(hr, `kubeProxyReplacement: "true"`, "kubeProxyReplacement: strict", "true or false"),
		"CGL602": one(hr, "    k8sServiceHost: localhost\n", "", "k8sServiceHost is not written"),
		"CGL603": {changes: []change{{settings, "CLUSTER: infra", "CLUSTER: Infra_1"}}, file: hr, says: `cluster.name is "Infra_1"`},
		"CGL604": one(hr, "    routingMode: native\n", "", "routingMode is not native"),
		"CGL605": one(hr, "  values:\n", "  values:\n    l7Proxy: false\n", "l7Proxy is off"),
		"CGL606": one(hr, "      relay:\n        enabled: true\n", "", "hubble.relay is not"),
		"CGL607": one(hr, "  values:\n", "  values:\n    rollOutCiliumPods: true\n", "and the operator does not"),
		"CGL608": one(hr, "      type: wireguard\n", "", "the default is IPsec"),
		"CGL609": one(hr, "  values:\n", "  values:\n    tunnel: disabled\n", "routingMode"),
		"CGL610": one(hr, "  values:\n", "  values:\n    tls:\n      ca:\n        key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t\n", "looks like a secret"),
		"CGL611": {changes: []change{{settings, `CLUSTER_ID: "1"`, `CLUSTER_ID: "2"`}}, says: "cluster.id is 2 on"},
		"CGL612": {changes: []change{{settings, "10.244.0.0/16", "10.246.128.0/17"}}, says: "share addresses"},
	}
}

// grow copies the healthy tree and changes it.
func grow(t *testing.T, f fixture) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../repo/testdata/healthy")); err != nil {
		t.Fatal(err)
	}
	changes := f.changes
	if f.oci {
		changes = append(oci(), changes...)
	}
	for _, c := range changes {
		at := filepath.Join(dir, filepath.FromSlash(c.file))
		text, err := os.ReadFile(at)
		switch target, link := strings.CutPrefix(c.is, "-> "); {
		case link:
			if err := os.Symlink(target, at); err != nil {
				t.Skip("no symbolic links here:", err)
			}
			continue
		case err != nil:
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			text = []byte(c.is)
		case c.was == "":
			text = append(text, c.is...)
		case !strings.Contains(string(text), c.was):
			t.Fatalf("%s does not hold %q", c.file, c.was)
		default:
			text = []byte(strings.Replace(string(text), c.was, c.is, 1))
		}
		if err := os.WriteFile(at, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEveryRuleFindsItsFault tries each rule but those of a row of the faults, which TestFault_R12 and TestFault_R23 try.
func TestEveryRuleFindsItsFault(t *testing.T) {
	all := fixtures()
	ofRow := map[string]bool{}
	for _, o := range slices.Concat(uninstalls, certificateLoop) {
		ofRow[o.id] = true
	}
	for _, r := range lint.Rules() {
		if _, ok := all[r.ID]; !ok {
			t.Errorf("%s has no fixture", r.ID)
			continue
		}
		if !ofRow[r.ID] {
			finds(t, r.ID, all[r.ID])
		}
		delete(all, r.ID)
	}
	for id := range all {
		t.Errorf("there is a fixture and no rule %s", id)
	}
}

// finds holds that a rule finds its fault, and says where.
func finds(t *testing.T, id string, f fixture) {
	t.Helper()
	t.Run(id, func(t *testing.T) {
		result := run(t, grow(t, f))
		found := slices.ContainsFunc(result.Findings, func(got lint.Finding) bool {
			return got.Rule == id && (f.file == "" || got.File == f.file) && strings.Contains(got.Message, f.says) && (got.Line > 0 || id == "CGL104" || id == "CGL102" || id == "CGL105")
		})
		if !found {
			t.Errorf("not found in %s with %q:\n%s", f.file, f.says, tell(result.Findings))
		}
	})
}

func TestHealthyTreesHaveNoFinding(t *testing.T) {
	for name, f := range map[string]fixture{"HelmRepository": {}, "OCIRepository": {oci: true}} {
		if found := run(t, grow(t, f)).Findings; len(found) > 0 {
			t.Errorf("%s:\n%s", name, tell(found))
		}
	}
}

func TestRulesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range lint.Rules() {
		if seen[r.ID] {
			t.Errorf("%s is there twice", r.ID)
		}
		seen[r.ID] = true
		for what, text := range map[string]string{"title": r.Title, "reason": r.Reason, "fix": r.Fix, "reference": r.See} {
			if text == "" {
				t.Errorf("%s has no %s", r.ID, what)
			}
		}
		if strings.HasSuffix(r.Title, ".") || !strings.HasPrefix(r.See, "https://") {
			t.Errorf("%s: a title has no full stop, and a reference is a URL", r.ID)
		}
	}
	if all := fixtures(); len(seen) != len(all) || len(seen) == 0 {
		t.Errorf("%d rules, and fixtures of %d", len(seen), len(all))
	}
	t.Logf("%d rules", len(seen))
}
