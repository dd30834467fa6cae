package handover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const drillMark = "cilium-gitops.dev/drill"

var (
	agentRef    = handover.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium"}
	operatorRef = handover.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "kube-system", Name: "cilium-operator"}
	gitRef      = handover.Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system"}
)

// body is an object as the ground has it, and who owns what was written to it.
type body struct {
	value  map[string]any
	owners map[string]string // path of a leaf -> manager
}

// ground is a cluster under Flux in memory, whose controllers act between requests as often as they may.
type ground struct {
	*model

	bodies  map[handover.Ref]*body
	pods    map[string]string // agent's UID -> the mark that its template had
	pending time.Time         // the Kustomization has waited for health since
	ready   facts.Condition   // of the Kustomization
	handled map[handover.Ref]string
	file    any // the label in the checkout, as pushed
	commits int
	wait    bool
	checks  []string
	former  map[string]bool // the marks of the DaemonSet's templates
	notice  bool            // a health check that calls 0 of 0 unhealthy
	idle    bool            // helm-controller detects no drift
}

const grounded = `{
 "HelmRelease": {"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"cilium","namespace":"kube-system","uid":"h","labels":{"a":"b"}},
  "spec":{"driftDetection":{"mode":"enabled","ignore":[{"paths":["/data"],"target":{"kind":"Secret"}}]}}},
 "Kustomization": {"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"cilium-core","namespace":"flux-system","uid":"k"},"spec":{}},
 "GitRepository": {"metadata":{"name":"flux-system","namespace":"flux-system","uid":"g"},"spec":{}},
 "DaemonSet": {"metadata":{"name":"cilium","namespace":"kube-system","uid":"d"},
  "spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":2,"maxSurge":0}},"template":{"metadata":{"annotations":{"x":"y"}}}}},
 "Deployment": {"metadata":{"name":"cilium-operator","namespace":"kube-system","uid":"o","labels":{"app.kubernetes.io/name":"cilium-operator","app.kubernetes.io/part-of":"cilium"}},
  "spec":{"replicas":2}}}`

func newGround(t testing.TB) *ground {
	t.Helper()
	f := healthyFacts(t)
	g := &ground{
		model: &model{now: f.Taken, objects: map[handover.Ref]*thing{}, base: f, live: f.Live, upgrades: 1}, bodies: map[handover.Ref]*body{}, pods: map[string]string{}, handled: map[handover.Ref]string{}, former: map[string]bool{},
		ready: facts.Condition{Type: "Ready", Status: "True"}, checks: []string{"DaemonSet/kube-system/cilium", "Deployment/kube-system/cilium-operator"},
	}
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(grounded), &all); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []handover.Ref{releaseRef, wiringRef, gitRef, agentRef, operatorRef} {
		g.bodies[ref] = &body{value: all[ref.Kind], owners: map[string]string{}}
		for path := range leaves("", all[ref.Kind]) {
			g.bodies[ref].owners[path] = "helm-controller"
		}
	}
	for _, p := range g.live.Pods {
		if p.Owner == "DaemonSet/cilium" {
			g.pods[p.UID] = ""
		}
	}
	g.live.UID = "0f1e"
	return g
}

// readHealthy reads them once: they are parsed slowly, and nothing of them is written to.
var readHealthy = sync.OnceValues(func() ([]facts.Facts, error) {
	file, err := os.Open("../check/testdata/healthy.yaml")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return facts.Read(file)
})

func healthyFacts(t testing.TB) facts.Facts {
	t.Helper()
	all, err := readHealthy()
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// leaves are the values of v that are no maps, by their paths.
func leaves(at string, v any) map[string]any {
	inner, ok := v.(map[string]any)
	if !ok {
		return map[string]any{at: v}
	}
	all := map[string]any{}
	for key, value := range inner {
		maps.Copy(all, leaves(at+"/"+key, value))
	}
	return all
}

// merge is a JSON merge patch.
func merge(to, patch map[string]any) map[string]any {
	to = maps.Clone(to)
	if to == nil {
		to = map[string]any{}
	}
	for key, value := range patch {
		inner, ok := value.(map[string]any)
		switch {
		case value == nil:
			delete(to, key)
		case ok:
			was, _ := to[key].(map[string]any)
			to[key] = merge(was, inner)
		default:
			to[key] = value
		}
	}
	return to
}

func (g *ground) patch(ref handover.Ref, raw json.RawMessage, as string) {
	var change map[string]any
	if err := json.Unmarshal(raw, &change); err != nil {
		panic(err)
	}
	o := g.bodies[ref]
	was := leaves("", o.value)
	o.value = merge(o.value, change)
	is := leaves("", o.value)
	for path, value := range is {
		if fmt.Sprint(was[path]) != fmt.Sprint(value) {
			o.owners[path] = as
		}
	}
	for path := range o.owners {
		if _, there := is[path]; !there {
			delete(o.owners, path)
		}
	}
}

func (g *ground) get(ref handover.Ref, path string) any { return leaves("", g.bodies[ref].value)[path] }

func (g *ground) mark() string {
	text, _ := g.get(agentRef, "/spec/template/metadata/annotations/"+drillMark).(string)
	return text
}

func (g *ground) rolling() bool {
	return g.get(agentRef, "/spec/updateStrategy/type") == "RollingUpdate"
}

func (g *ground) suspended() bool { return g.get(releaseRef, "/spec/suspend") == true }

// inspect notes every moment in which agents would be replaced, or might be.
func (g *ground) inspectGround(after string) {
	if g.mark() != "" {
		g.former[g.mark()] = true
	}
	switch {
	case g.mark() != "" && g.rolling():
		g.naked = append(g.naked, "rolling update together with the mark after "+after)
	case g.mark() != "" && !g.suspended():
		g.naked = append(g.naked, "marked, and Flux is free after "+after)
	}
	for uid, mark := range g.pods {
		if mark != g.mark() && g.rolling() {
			g.naked = append(g.naked, "agent "+uid+" is replaced after "+after)
		}
	}
}

// act is what the controllers do, each as soon as it may.
func (g *ground) act() {
	requested := func(ref handover.Ref) string {
		text, _ := g.get(ref, "/metadata/annotations/reconcile.fluxcd.io/requestedAt").(string)
		return text
	}
	if !g.suspended() {
		g.handled[releaseRef] = requested(releaseRef)
		if !g.idle {
			g.patch(operatorRef, json.RawMessage(`{"metadata":{"labels":{"app.kubernetes.io/name":"cilium-operator"}},"spec":{"replicas":2,"paused":null}}`), "helm-controller")
			g.patch(agentRef, json.RawMessage(`{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":2,"maxSurge":0}}}}`), "helm-controller")
		}
		g.inspectGround("helm-controller")
	}
	if g.rolling() {
		for uid := range g.pods {
			g.pods[uid] = g.mark()
		}
	}
	if g.get(releaseRef, "/metadata/labels/"+drillMark) != g.file {
		raw, _ := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{drillMark: g.file}}})
		if strings.HasPrefix(g.bodies[releaseRef].owners["/metadata/labels/"+drillMark], "kubectl") && g.handled[wiringRef] == requested(wiringRef) {
			return // it is reverted when the Kustomization is asked
		}
		g.patch(releaseRef, raw, "kustomize-controller")
	}
	if g.handled[wiringRef] == requested(wiringRef) {
		return
	}
	broken := g.broken()
	switch {
	case broken == "" || g.wait:
		g.ready, g.pending, g.handled[wiringRef] = facts.Condition{Type: "Ready", Status: "True"}, time.Time{}, requested(wiringRef)
	case g.pending.IsZero():
		g.ready, g.pending = facts.Condition{Type: "Ready", Status: "Unknown", Reason: "Progressing"}, g.now
	case g.now.Sub(g.pending) >= 2*time.Minute:
		g.ready = facts.Condition{Type: "Ready", Status: "False", Reason: "HealthCheckFailed", Message: "timeout waiting for: [" + broken + " status: 'InProgress']"}
		g.pending, g.handled[wiringRef] = time.Time{}, requested(wiringRef)
	}
}

// broken is what kstatus would call not current.
func (g *ground) broken() string {
	switch {
	case g.updated() < len(g.pods):
		return agentRef.String()
	case g.get(operatorRef, "/spec/paused") == true, g.notice && fmt.Sprint(g.get(operatorRef, "/spec/replicas")) == "0":
		return operatorRef.String()
	}
	return ""
}

func (g *ground) updated() int {
	n := 0
	for _, mark := range g.pods {
		if mark == g.mark() {
			n++
		}
	}
	return n
}

func (g *ground) Observe(ctx context.Context, parts []facts.Part) (facts.Facts, error) {
	var f facts.Facts
	err := g.request(ctx, "observe", func() error {
		g.act()
		f = g.facts()
		f.Seen = parts
		return nil
	})
	return f, err
}

// facts is the ground as the API would show it.
func (g *ground) facts() facts.Facts {
	f := g.base
	f.Git, f.Live = nil, g.live
	hr := g.base.Live.HelmReleases[0]
	hr.Suspend, hr.HandledReconcileAt = g.suspended(), g.handled[releaseRef]
	hr.Labels = maps.Clone(hr.Labels)
	if text, ok := g.get(releaseRef, "/metadata/labels/"+drillMark).(string); ok {
		hr.Labels[drillMark] = text
	}
	text, _ := g.get(releaseRef, "/metadata/annotations/"+facts.DrillsAnnotation).(string)
	hr.Drills = facts.ParseDrills(text)
	ks := g.base.Live.Kustomizations[0]
	ks.Timeout = "2m0s"
	ks.Conditions, ks.Wait, ks.HealthChecks, ks.HandledReconcileAt = []facts.Condition{g.ready}, g.wait, g.checks, g.handled[wiringRef]
	f.Live.HelmReleases, f.Live.Kustomizations = []facts.HelmRelease{hr}, []facts.FluxKustomization{ks}
	f.Live.DaemonSets, f.Live.Deployments = slices.Clone(f.Live.DaemonSets), slices.Clone(f.Live.Deployments)
	for i := range f.Live.DaemonSets {
		if w := &f.Live.DaemonSets[i]; w.Name == "cilium" {
			w.UpdateStrategy, _ = g.get(agentRef, "/spec/updateStrategy/type").(string)
			w.Updated = int32(g.updated())
		}
	}
	for i := range f.Live.Deployments {
		if w := &f.Live.Deployments[i]; w.Name == "cilium-operator" {
			n := int32(2)
			if fmt.Sprint(g.get(operatorRef, "/spec/replicas")) == "0" {
				n = 0
			}
			w.Desired, w.Ready, w.Updated, w.Available, w.Total = n, n, n, n, n
			w.Labels = maps.Clone(w.Labels)
			w.Labels["app.kubernetes.io/name"], _ = g.get(operatorRef, "/metadata/labels/app.kubernetes.io/name").(string)
		}
	}
	f.Taken = g.now
	return f
}

func (g *ground) Image(ctx context.Context, ref handover.Ref) (json.RawMessage, error) {
	var out json.RawMessage
	err := g.request(ctx, "image", func() (err error) {
		out, err = g.image(ref)
		return err
	})
	return out, err
}

// image has who owns what as its managed fields.
func (g *ground) image(ref handover.Ref) (json.RawMessage, error) {
	o := g.bodies[ref]
	value := merge(o.value, nil)
	meta := merge(value["metadata"].(map[string]any), nil)
	meta["managedFields"], value["metadata"] = o.owners, meta
	return json.Marshal(value)
}

func (g *ground) Do(ctx context.Context, a handover.Action) error {
	return g.request(ctx, string(a.Verb)+" "+a.Ref.Kind, func() error {
		err := g.take(a)
		g.inspectGround(fmt.Sprintf("%s of %s", a.Verb, a.Ref))
		return err
	})
}

func (g *ground) take(a handover.Action) error {
	g.writes = append(g.writes, fmt.Sprintf("%s %s as %s", a.Verb, a.Ref, a.Manager))
	switch a.Verb {
	case handover.Suspend:
		g.patch(a.Ref, json.RawMessage(`{"spec":{"suspend":true}}`), a.Manager)
	case handover.Resume:
		g.patch(a.Ref, json.RawMessage(`{"spec":{"suspend":null}}`), a.Manager)
	case handover.Reconcile:
		g.patch(a.Ref, fmt.Appendf(nil, `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":%q}}}`, g.now.Format(time.RFC3339Nano)), a.Manager)
	case handover.Patch:
		var must map[string]any
		if a.If != nil {
			if err := json.Unmarshal(a.If, &must); err != nil {
				return err
			}
		}
		is := g.bodies[a.Ref].value
		if fmt.Sprint(leaves("", merge(is, must))) != fmt.Sprint(leaves("", is)) {
			return handover.ErrConflict
		}
		g.patch(a.Ref, a.Change, a.Manager)
	case handover.GiveBack:
		raw, err := g.image(a.Ref)
		if err != nil {
			return err
		}
		if a.Was == nil || a.Was.Content == "" {
			return nil
		}
		if handover.ContentDigest(raw) != a.Was.Content {
			g.naked = append(g.naked, "owners are given back, and "+a.Ref.String()+" is not what it was")
		}
		g.bodies[a.Ref].owners = map[string]string{}
		return json.Unmarshal(a.Was.Owners, &g.bodies[a.Ref].owners)
	case handover.Forget:
		if g.mark() != "" {
			g.naked = append(g.naked, "a template is forgotten that is marked now")
		}
		delete(g.former, "run-1")
	case handover.Commit:
		var change struct {
			Metadata struct{ Labels map[string]any }
		}
		if err := json.Unmarshal(a.Change, &change); err != nil {
			return err
		}
		if g.file != change.Metadata.Labels[drillMark] {
			g.commits++
		}
		g.file = change.Metadata.Labels[drillMark]
	default:
		return fmt.Errorf("the ground knows no %s", a.Verb)
	}
	return nil
}

func (g *ground) Changed(ctx context.Context, atMost time.Duration) error {
	g.now = g.now.Add(atMost)
	if g.killed {
		return errKilled
	}
	g.act()
	return ctx.Err()
}

// end is the ground without what changes by itself: what each object is, and who owns what.
func (g *ground) end(t testing.TB) string {
	t.Helper()
	var all []string
	for ref, o := range g.bodies {
		raw, err := g.image(ref)
		if err != nil {
			t.Fatal(err)
		}
		for path, owner := range o.owners {
			if !strings.Contains(path, "requestedAt") && !strings.Contains(path, facts.DrillsAnnotation) {
				all = append(all, ref.String()+path+" "+owner)
			}
		}
		all = append(all, ref.String()+" "+handover.ContentDigest(raw))
	}
	slices.Sort(all)
	return strings.Join(append(all, fmt.Sprint(g.file), fmt.Sprint(g.pods), fmt.Sprint(g.former)), "\n")
}
