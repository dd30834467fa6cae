package live

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestFault_R03_Forbidden forbids one path at a time: just the parts that are read there are blind, the verb is named,
// and whatever needs them is unknown.
func TestFault_R03_Forbidden(t *testing.T) {
	var result faultproxy.Result
	for path, c := range map[string]struct {
		verb, resource string
		blind          []facts.Part
	}{
		versionPath:          {"get", "/version", []facts.Part{facts.Version}},
		nodesPath:            {"list", "nodes", []facts.Part{facts.Nodes}},
		daemonSetsPath:       {"list", "daemonsets", []facts.Part{facts.DaemonSets}},
		deploymentsPath:      {"list", "deployments", []facts.Part{facts.Deployments}},
		podsPath:             {"list", "pods", []facts.Part{facts.Pods}},
		configPath:           {"get", "configmaps", []facts.Part{facts.Config}},
		settingsPath:         {"get", "configmaps", []facts.Part{facts.Settings}},
		secretsPath + "?tls": {"list", "secrets", []facts.Part{facts.Certificates}},
		secretsPath:          {"list", "secrets", []facts.Part{facts.Release, facts.Releases}},
		fluxSecretsPath:      {"list", "secrets", []facts.Part{facts.Release, facts.Releases}},
		recordPath:           {"get", "secrets", []facts.Part{facts.Release}},
		crdsPath:             {"list", "customresourcedefinitions", []facts.Part{facts.CRDs}},
		classesPath:          {"list", "gatewayclasses", []facts.Part{facts.GatewayClasses}},
		monitorsPath:         {"list", "servicemonitors", []facts.Part{facts.ServiceMonitors}},
	} {
		s := newServer(t)
		s.answers[path] = forbid(c.verb, c.resource)
		f := gather(t, s, options(everything()...))
		want := map[facts.Part]string{}
		for _, part := range c.blind {
			want[part] = fmt.Sprintf("forbidden: User \"viewer\" cannot %s resource %q in API group \"\" in the namespace \"kube-system\"", c.verb, c.resource)
		}
		if !reflect.DeepEqual(f.Blind, want) {
			t.Errorf("%s: got  %v\nwant %v", path, f.Blind, want)
		}
		unknown(t, f, "cannot "+c.verb+" resource")
		result.Add("403 to "+c.verb, "unknown, names the verb")
	}
	result.Add("403 to pods/exec", noExecAllowed(t))
	result.Keep(t, "plugin/live", "R3")
}

// TestForbiddenByReason: forbidden is what the API server's reason says it is, whatever words a webhook gives.
func TestForbiddenByReason(t *testing.T) {
	err := apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "", errors.New("denied the request"))
	err.ErrStatus.Message = "admission webhook denied the request"
	if got := reason(err); got != "forbidden: admission webhook denied the request" {
		t.Errorf("%q", got)
	}
	if got := reason(apierrors.NewNotFound(schema.GroupResource{Resource: "nodes"}, "x")); strings.HasPrefix(got, "forbidden") {
		t.Errorf("not found is %q", got)
	}
}

// noExecAllowed forbids to exec into the agents.
func noExecAllowed(t *testing.T) string {
	t.Helper()
	s := newServer(t)
	agent := core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "cilium-1", Labels: map[string]string{"k8s-app": "cilium"}}}
	agent.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "cilium", Controller: new(true)}}
	agent.Status.Phase = core.PodRunning
	agent.Status.ContainerStatuses = []core.ContainerStatus{{Name: "cilium-agent", State: core.ContainerState{Running: &core.ContainerStateRunning{}}}}
	s.answers[podsPath] = object(list("PodList", "v1", agent))
	s.answers[podsPath+"/cilium-1/exec"] = forbid("create", "pods/exec")
	o := options(facts.Pods, facts.Agents)
	o.NoExec = false
	f := gather(t, s, o)
	if why := f.Blind[facts.Agents]; !strings.Contains(why, `cannot create resource "pods/exec"`) {
		t.Errorf("%q; asked %q", why, s.asked())
	}
	unknown(t, f, `cannot create resource "pods/exec"`)
	return "unknown, names the verb"
}

// unknown holds that every judgement that needs what is blind is unknown, for that reason, and that there is one. What
// was not asked for at all is skipped.
func unknown(t *testing.T, f facts.Facts, why string) {
	t.Helper()
	needs := func(c check.Check, unseen map[facts.Part]string) bool {
		return slices.ContainsFunc(c.Needs, func(p facts.Part) bool { return unseen[p] != "" })
	}
	needed := 0
	for _, c := range check.All() {
		if !needs(c, f.Blind) || needs(c, f.Declined) {
			continue
		}
		needed++
		if v := check.Run(f, []check.Check{c})[0]; v.Outcome != check.Unknown || !strings.Contains(fmt.Sprint(v), why) {
			t.Errorf("%s is %s, not for %q: %+v", c.ID, v.Outcome, why, v)
		}
	}
	if needed == 0 {
		t.Errorf("blind for %v, and no check needs that", f.Blind)
	}
}

// TestFault_R06_NotServed takes away what a cluster may lack: it is absent, which is no blindness, and whatever is judged
// otherwise then does not pass for want of it, and says why.
func TestFault_R06_NotServed(t *testing.T) {
	const helmReleases, kustomizations = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases", "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"
	var result faultproxy.Result
	for name, c := range map[string]struct {
		gone   []string
		absent func(facts.Live) bool
		told   bool // whether any judgement changes: the cluster of the test has Flux's kinds and nothing of them
	}{
		"no Flux CRDs":        {[]string{helmReleases, kustomizations}, func(l facts.Live) bool { return l.HelmReleases == nil && l.Kustomizations == nil }, false},
		"no Gateway API":      {[]string{classesPath, crdsPath}, func(l facts.Live) bool { return l.GatewayClasses == nil }, true},
		"no ServiceMonitors":  {[]string{monitorsPath}, func(l facts.Live) bool { return l.ServiceMonitors == nil }, true},
		"no cilium-config":    {[]string{configPath}, func(l facts.Live) bool { return l.Config == nil }, true},
		"no cluster-settings": {[]string{settingsPath}, func(l facts.Live) bool { return l.Settings == nil }, true},
		"no record of Helm":   {[]string{recordPath, secretsPath}, func(l facts.Live) bool { return l.Records == nil && l.Release == nil }, true},
		"everything of it at once": {[]string{helmReleases, kustomizations, classesPath, monitorsPath, configPath, settingsPath, secretsPath}, func(l facts.Live) bool {
			return l.Config == nil && l.Settings == nil && l.GatewayClasses == nil && l.ServiceMonitors == nil && l.Records == nil && l.Release == nil
		}, true},
	} {
		cluster := newServer
		if slices.Contains(c.gone, classesPath) {
			cluster = withGateways
		}
		was := judged(gather(t, cluster(t), options(everything()...)))
		s := cluster(t)
		for _, path := range c.gone {
			delete(s.answers, path)
			if path == secretsPath || path == crdsPath {
				s.answers[path] = object(partials()) // the kind itself is always served
			}
		}
		f := gather(t, s, options(everything()...))
		if len(f.Blind) > 0 || !c.absent(f.Live) {
			t.Errorf("%s: blind %v, seen %+v", name, f.Blind, f.Live)
		}
		is := judged(f)
		if slices.Contains(c.gone, helmReleases) && is["CG201"].Outcome != check.Fail {
			t.Errorf("%s: %+v", name, is["CG201"])
		}
		changed := 0
		for id, v := range is {
			if cmp.Equal(was[id], v) {
				continue
			}
			changed++
			if v.Outcome == check.Pass && was[id].Outcome != check.Pass || v.Reason == "" {
				t.Errorf("%s: %s is %s: %s", name, id, v.Outcome, v.Reason)
			}
		}
		if (changed > 0) != c.told {
			t.Errorf("%s: %d judgements change", name, changed)
		}
		result.Add(name, "absent, not blind; nothing passes for want of it")
	}
	result.Add("older versions are served alone", oldVersions(t))
	result.Keep(t, "plugin/live", "R6")
}

// withGateways is a cluster whose Cilium serves Gateways.
func withGateways(t testing.TB) *apiServer {
	t.Helper()
	s := newServer(t)
	s.answers[configPath] = object(core.ConfigMap{
		TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "cilium-config"},
		Data: map[string]string{"cluster-name": "infra", "enable-gateway-api": "true"},
	})
	return s
}

func judged(f facts.Facts) map[check.ID]check.Verdict {
	all := map[check.ID]check.Verdict{}
	for _, v := range check.Run(f, check.All()) {
		all[v.Check] = v
	}
	return all
}

// oldVersions: a source that only v1beta2 serves is seen, and what definitions of the Gateway API without a bundle's
// version serve is read from them.
func oldVersions(t *testing.T) string {
	t.Helper()
	const gateways = "gateways.gateway.networking.k8s.io"
	s := newServer(t)
	s.answers[crdsPath] = object(partials(partial(gateways, "", nil, nil), partial("tlsroutes.gateway.networking.k8s.io", "", nil, nil)))
	s.answers[crdsPath+"/"+gateways] = object(map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": gateways},
		"spec": map[string]any{"versions": []any{map[string]any{"name": "v1alpha2", "served": false}, map[string]any{"name": "v1", "served": true}, "odd"}},
	})
	s.answers[sourcesPath+"v1beta2/ocirepositories"] = object(list("OCIRepositoryList", "source.toolkit.fluxcd.io/v1beta2",
		fluxSource("source.toolkit.fluxcd.io/v1beta2", "OCIRepository", "cilium-charts", nil, nil)))
	f := gather(t, s, options(facts.CRDs, facts.Sources))
	if len(f.Live.CRDs) != 2 || !slices.Equal(f.Live.CRDs[0].Served, []string{"v1"}) || f.Live.CRDs[1].Served != nil || len(f.Blind) > 0 {
		t.Errorf("%+v, blind %v", f.Live.CRDs, f.Blind)
	}
	if len(f.Live.Sources) != 1 || f.Live.Sources[0].APIVersion != "source.toolkit.fluxcd.io/v1beta2" {
		t.Errorf("%+v", f.Live.Sources)
	}
	delete(s.answers, "/apis/helm.toolkit.fluxcd.io/v2/helmreleases")
	s.answers[crdsPath] = object(partials(partial("helmreleases.helm.toolkit.fluxcd.io", "", nil, nil)))
	f = gather(t, s, options(facts.CRDs, facts.HelmReleases))
	if why := f.Blind[facts.HelmReleases]; !strings.HasPrefix(why, "not served: ") || slices.Contains(f.Seen, facts.HelmReleases) {
		t.Errorf("a HelmRelease that an older Flux acts on: blind %v, seen %v", f.Blind, f.Seen)
	}
	return "seen in the version that is served, or unknown"
}
