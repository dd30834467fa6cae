package handover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

var (
	releaseRef = handover.Ref{APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}
	sourceRef  = handover.Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "HelmRepository", Namespace: "kube-system", Name: "cilium-charts"}
	wiringRef  = handover.Ref{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "flux-system", Name: "cilium-core"}
	configRef  = handover.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config"}
)

// planned is what is rendered.
func planned() facts.Intent {
	return facts.Intent{
		HelmRelease: "kube-system/cilium", Values: "sha256:9d1c", Spec: map[string]string{"chart": "c1", "upgrade": "u1"},
		Artifact: facts.Artifact{Of: "HelmRepository/kube-system/cilium-charts", Version: "1.18.2", Archive: "sha256:0c34"},
		Leaves:   map[values.Path]string{"cluster.id": "1", "operator.replicas": "2"},
	}
}

// errKilled is what everything answers once the process is dead: nothing has an effect any more.
var errKilled = errors.New("killed")

// errLost is the API server being away.
var errLost = errors.New("connection refused")

// thing is one object of the model: whether it is suspended, and who owns what.
type thing struct {
	Spec    string            // digest of the spec that was last applied
	Suspend bool              // spec.suspend
	By      string            // whose spec.suspend is; empty where nobody has set it
	Owners  map[string]string // field manager -> digest of what it owns
	Labels  map[string]string
	Deleted bool
	// Asked is when its controller was last asked to reconcile it, Handled what of that it has answered.
	Asked, Handled string `json:"-"`
}

// model is a cluster in memory, with controllers that act between requests.
type model struct {
	now     time.Time
	objects map[handover.Ref]*thing
	live    facts.Live
	base    facts.Facts
	shared  bool // helm and helm-controller co-own fields
	// labelled: the release's objects bear Flux's labels.
	labelled bool
	// wired: Flux's source has the commit.
	wired bool
	to    string // how far a rollback goes
	// intent is what Flux would release of what the cluster has; tests make it differ from planned, which is what is
	// rendered. unseen: why it could not be seen. building: kustomize-controller has not applied the commit yet.
	intent   facts.Intent
	unseen   string
	building bool
	chart    facts.Source // what the chart's source has fetched
	source   handover.Ref
	made     *facts.Source // the HelmChart that helm-controller makes when it adopts; nil: it is not seen
	// parent: a Kustomization applies that of Cilium's from Git.
	parent bool

	// allow and spoil are what the user accepts by name, and what makes the plan's input need it.
	allow []string
	spoil func(*handover.Input)
	// rolls is the workload whose pods the adoption replaces, "DaemonSet/cilium"; stuck: one of them is not ready for ever.
	rolls string
	stuck bool
	lose  func(*model) // what becomes of what rolls when all its pods are new

	// slow: helm-controller needs some looks until it has seen that it was let go; lag is how many are left.
	slow bool
	lag  int

	down  bool                  // Flux's controllers are away: nobody answers, and what is deleted stays
	blind map[facts.Part]string // what cannot be seen, and why

	dated *facts.ConfigMap // what cilium-config was last dated by

	upgrades, installs, backups int
	naked                       []string // moments in which something was wrong
	writes                      []string

	journal []byte // as the keeper has it

	requests int
	fault    func(n int, what string) fault
	killed   bool
	events   func(m *model) // what happens by itself, now and then
}

// fault is what becomes of one request.
type fault int

const (
	none       fault = iota
	lost             // no effect, an error
	answerLost       // an effect, and an error
	killBefore       // no effect, and the process is dead
	killAfter        // an effect, and the process is dead
	conflict         // no effect: somebody else has written to the object
)

func newModel(t testing.TB) *model {
	t.Helper()
	file, err := os.Open("../check/testdata/healthy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := facts.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	f := all[0]
	m := &model{now: f.Taken, objects: map[handover.Ref]*thing{}, base: f, shared: true, intent: planned()}
	m.source = sourceRef
	m.chart = facts.Source{
		Kind: "HelmRepository", Namespace: "kube-system", Name: "cilium-charts", Revision: "sha256:1",
		Conditions: []facts.Condition{{Type: "Ready", Status: "True"}},
	}
	m.live = f.Live
	m.live.UID = "0f1e"
	m.live.HelmReleases, m.live.Kustomizations = nil, nil
	m.live.Sources = []facts.Source{{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", Revision: "main@sha1:older"}}
	return m
}

// request counts a request and says what becomes of it.
func (m *model) request(ctx context.Context, what string, effect func() error) error {
	if m.killed {
		return errKilled
	}
	if err := ctx.Err(); err != nil {
		return err // nothing is sent any more
	}
	n := m.requests
	m.requests++
	f := none
	if m.fault != nil {
		f = m.fault(n, what)
	}
	switch f {
	case lost:
		return errLost
	case conflict:
		return fmt.Errorf("%s: %w", what, handover.ErrConflict)
	case killBefore:
		m.killed = true
		return errKilled
	}
	err := effect()
	m.inspect(what)
	switch f {
	case answerLost:
		return errLost
	case killAfter:
		m.killed = true
		return errKilled
	}
	return err
}

// inspect notes every moment in which Cilium has no owner, or two.
func (m *model) inspect(after string) {
	deployed := 0
	for _, r := range m.live.Records {
		if r.Status == "deployed" {
			deployed++
		}
	}
	if deployed != 1 {
		m.naked = append(m.naked, fmt.Sprintf("after %s: %d deployed records", after, deployed))
	}
	if m.installs > 0 || m.upgrades > 1 {
		m.naked = append(m.naked, fmt.Sprintf("after %s: %d installs, %d upgrades", after, m.installs, m.upgrades))
	}
}

// controllers is what Flux does between two requests.
func (m *model) controllers() {
	m.lag = max(m.lag-1, 0)
	m.roll()
	if m.down {
		return
	}
	for ref, o := range m.objects {
		if o.Handled = o.Asked; o.Deleted {
			delete(m.objects, ref)
		}
	}
	if ks := m.objects[wiringRef]; ks != nil && !ks.Suspend && m.wired {
		hr := m.objects[releaseRef]
		if hr == nil {
			hr = &thing{Owners: map[string]string{}, Labels: map[string]string{}}
			m.objects[releaseRef] = hr
		}
		hr.Owners[handover.KustomizeController] = "tree"
		hr.Spec = "tree"
		hr.Labels["kustomize.toolkit.fluxcd.io/name"] = "cilium-core"
		hr.Labels["kustomize.toolkit.fluxcd.io/namespace"] = "flux-system"
	}
	hr := m.objects[releaseRef]
	i := len(m.live.Records) - 1
	if h := m.history(); hr == nil || hr.Suspend || len(h) > 0 && h[0].Version == int64(m.live.Records[i].Revision) {
		return
	}
	m.live.Records = slices.Clone(m.live.Records)
	m.live.Records[i].Status = "superseded"
	next := m.live.Records[i]
	next.Revision, next.Status = next.Revision+1, "deployed"
	next.Secret = fmt.Sprintf("sh.helm.release.v1.cilium.v%d", next.Revision)
	m.live.Records = append(m.live.Records, next)
	m.upgrades++
	m.labelled = true
	m.live.HelmReleases = []facts.HelmRelease{m.helmRelease()}
	m.live.HelmReleases[0].History = []facts.Snapshot{{Name: "cilium", Namespace: "kube-system", Version: int64(next.Revision), Status: "deployed", ChartVersion: "1.18.2", ConfigDigest: m.intent.Values}}
}

func (m *model) history() []facts.Snapshot {
	if len(m.live.HelmReleases) == 0 {
		return nil
	}
	return m.live.HelmReleases[0].History
}

// helmRelease is it as the API would show it.
func (m *model) helmRelease() facts.HelmRelease {
	hr := m.objects[releaseRef]
	out := facts.HelmRelease{
		Namespace: "kube-system", Name: "cilium", Generation: 1, Suspend: hr.Suspend, Labels: maps.Clone(hr.Labels), History: m.history(),
	}
	if hr.By != "" {
		out.SuspendedBy = []string{hr.By}
	}
	out.Deleting, out.Annotations, out.HandledReconcileAt = hr.Deleted, map[string]string{facts.RequestedAt: hr.Asked}, hr.Handled
	if len(out.History) > 0 {
		out.LastAction, out.ConfigDigest = "upgrade", out.History[0].ConfigDigest
		if m.lag == 0 {
			out.ObservedGeneration = 1
		}
		out.Conditions = []facts.Condition{{Type: "Ready", Status: "True", Reason: "UpgradeSucceeded"}}
	}
	return out
}

func (m *model) Observe(ctx context.Context, parts []facts.Part) (facts.Facts, error) {
	var f facts.Facts
	err := m.request(ctx, "observe", func() error {
		m.controllers()
		f = m.facts()
		f.Seen, f.Blind = nil, map[facts.Part]string{}
		for _, part := range parts {
			if why, dark := m.blind[part]; dark {
				f.Blind[part] = why
				continue
			}
			f.Seen = append(f.Seen, part)
		}
		if m.blind[facts.Pods] != "" {
			f.Live.Pods = nil
		}
		if m.blind[facts.Config] != "" {
			f.Live.Config = nil
		}
		switch {
		case !slices.Contains(parts, facts.Intended):
		case m.unseen != "":
			f.Seen = slices.DeleteFunc(f.Seen, func(p facts.Part) bool { return p == facts.Intended })
			f.Blind[facts.Intended] = m.unseen
		case m.objects[releaseRef] != nil:
			now := m.intent
			f.Live.Intent = &now
		}
		return nil
	})
	return f, err
}

// kustomization is it as the API would show it: while it builds, it bears the commit that it has attempted, and says of
// an older one that it was applied.
func (m *model) kustomization(ks *thing) facts.FluxKustomization {
	out := facts.FluxKustomization{
		Namespace: "flux-system", Name: "cilium-core", Suspend: ks.Suspend, Generation: 2, ObservedGeneration: 2, RequestedAt: ks.Asked,
		AttemptedRevision: "main@sha1:4f1c2d", AppliedRevision: "main@sha1:4f1c2d", HandledReconcileAt: ks.Handled, Deleting: ks.Deleted,
		Conditions: []facts.Condition{{Type: "Ready", Status: "True", Reason: "ReconciliationSucceeded", ObservedGeneration: 2}},
	}
	if m.building {
		out.AppliedRevision, out.HandledReconcileAt = "main@sha1:older", ""
		out.Conditions = []facts.Condition{
			{Type: "Ready", Status: "Unknown", Reason: "Progressing", ObservedGeneration: 2},
			{Type: "Reconciling", Status: "True", Reason: "Progressing", ObservedGeneration: 2, Message: "Building manifests for revision main@sha1:4f1c2d with a timeout of 5m0s"},
		}
	}
	return out
}

// facts is everything there is to see.
func (m *model) facts() facts.Facts {
	f := m.base
	f.Live = m.live
	f.Live.HelmReleases = nil
	if m.objects[releaseRef] != nil {
		f.Live.HelmReleases = []facts.HelmRelease{m.helmRelease()}
	}
	if ks := m.objects[wiringRef]; ks != nil {
		f.Live.Kustomizations = []facts.FluxKustomization{m.kustomization(ks)}
	}
	if m.parent {
		f.Live.Kustomizations[0].By = "flux-system/cluster"
		f.Live.Kustomizations = append(f.Live.Kustomizations, facts.FluxKustomization{Namespace: "flux-system", Name: "cluster"})
	}
	if o := m.objects[m.source]; o != nil {
		s := m.chart
		s.RequestedAt, s.HandledReconcileAt = o.Asked, o.Asked
		f.Live.Sources = append(slices.Clone(f.Live.Sources), s)
		if m.made != nil && m.upgrades > 0 {
			f.Live.Sources = append(f.Live.Sources, *m.made)
		}
	}
	if m.wired {
		f.Live.Sources = slices.Clone(f.Live.Sources)
		f.Live.Sources[0].Revision = "main@sha1:4f1c2d"
	}
	shared := 0
	if m.shared {
		shared = 2
	}
	f.Live.Fields = []facts.FieldOwners{{Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config", Shared: shared}}
	f.Taken = m.now
	return f
}

func (m *model) Image(ctx context.Context, ref handover.Ref) (json.RawMessage, error) {
	var out json.RawMessage
	err := m.request(ctx, "image", func() error {
		if o := m.objects[ref]; o != nil {
			out = fmt.Appendf(nil, `{"metadata":{"uid":"u"},"spec":{"suspend":%t}}`, o.Suspend)
		}
		return nil
	})
	return out, err
}

func (m *model) Do(ctx context.Context, a handover.Action) error {
	return m.request(ctx, string(a.Verb)+" "+a.Ref.Kind, func() error { return m.do(a) })
}

func (m *model) do(a handover.Action) error {
	o := m.objects[a.Ref]
	m.writes = append(m.writes, fmt.Sprintf("%s %s as %s", a.Verb, a.Ref, a.Manager))
	switch a.Verb {
	case handover.Apply:
		if o == nil {
			o = &thing{Owners: map[string]string{}, Labels: map[string]string{}}
			m.objects[a.Ref] = o
		} else if a.Absent {
			return nil
		}
		var body struct {
			Spec map[string]any `json:"spec"`
		}
		if err := json.Unmarshal(a.Body, &body); err != nil {
			return err
		}
		o.Owners[a.Manager] = "tree"
		switch suspend, given := body.Spec["suspend"].(bool); {
		case given && len(body.Spec) == 1:
			o.Owners[a.Manager], o.Suspend, o.By = "suspend", suspend, a.Manager
		case given:
			o.Suspend, o.By = suspend, a.Manager
		}
		o.Spec = "tree"
	case handover.Suspend, handover.Resume:
		if o == nil {
			return errors.New("not found")
		}
		o.Suspend, o.By = a.Verb == handover.Suspend, map[handover.Verb]string{handover.Suspend: a.Manager}[a.Verb]
		if m.slow && a.Verb == handover.Resume {
			m.lag = 3
		}
		if a.Verb == handover.Resume && o.Owners[a.Manager] == "suspend" {
			delete(o.Owners, a.Manager)
		}
	case handover.HandFields:
		m.shared = false
	case handover.Disown:
		if m.live.Records[len(m.live.Records)-1].Secret != "back" {
			m.naked = append(m.naked, "Flux gives up what nobody else applies yet")
		}
		m.labelled = false
	case handover.Release:
		switch {
		case o == nil:
		case !o.Suspend:
			m.naked = append(m.naked, "deleted while active: "+a.Ref.String())
		case m.down:
			o.Deleted = true
		default:
			delete(m.objects, a.Ref)
		}
	case handover.HelmRollback:
		if m.live.Records[len(m.live.Records)-1].Secret == "back" {
			return nil
		}
		m.live.Records = slices.Clone(m.live.Records)
		m.live.Records[len(m.live.Records)-1].Status = "superseded"
		m.live.Records = append(m.live.Records, facts.Record{
			Namespace: "kube-system", Release: "cilium", Secret: "back", Status: "deployed", Revision: len(m.live.Records) + 1,
			Modified: m.live.Records[0].Modified,
		})
		m.shared = true
	case handover.Date:
		if m.live.Records[len(m.live.Records)-1].Secret != "back" {
			m.naked = append(m.naked, "cilium-config is dated before Helm has gone back")
		}
		m.dated = a.Since
	case handover.Reconcile:
		if o != nil {
			o.Asked = m.now.String()
		}
	default:
		return fmt.Errorf("the model knows no %s", a.Verb)
	}
	return nil
}

func (m *model) Changed(ctx context.Context, atMost time.Duration) error {
	m.now = m.now.Add(atMost)
	if m.killed {
		return errKilled
	}
	if m.events != nil {
		m.events(m)
	}
	m.controllers()
	return ctx.Err()
}

func (m *model) Settle(ctx context.Context, _ []handover.Ref, _ time.Duration) error {
	return m.request(ctx, "settle", func() error { return nil })
}

func (m *model) Backup(ctx context.Context) (string, error) {
	j, err := m.Load(ctx)
	if err != nil {
		return "", err
	}
	return "/state/infra-" + j.Run + "/backup", m.request(ctx, "backup", func() error { m.backups++; return nil })
}

func (m *model) Load(context.Context) (*handover.Journal, error) {
	if m.journal == nil {
		return nil, nil
	}
	var j handover.Journal
	return &j, json.Unmarshal(m.journal, &j)
}

func (m *model) Save(ctx context.Context, j *handover.Journal) error {
	return m.request(ctx, "save", func() error {
		raw, err := json.Marshal(j)
		m.journal = raw
		return err
	})
}

func (m *model) Now() time.Time { return m.now }

// input is what a plan is made from, as the model is.
func (m *model) input() handover.Input {
	m.controllers()
	f := m.facts()
	git := *f.Git
	f.Git = &git
	git.Kustomizations = slices.Clone(git.Kustomizations)
	git.Kustomizations[1].Source = "GitRepository/flux-system/flux-system"
	for _, part := range []facts.Part{facts.Identity, facts.Sources, facts.Fields} {
		f.Seen = append(slices.Clone(f.Seen), part)
	}
	config := facts.Object{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config", Body: values.Tree{"data": map[string]any{"a": "b"}}}
	intent := planned()
	f.Rendered = &facts.Rendered{
		Intent: &intent,
		Chart:  "cilium", ChartVersion: "1.18.2", Method: facts.ServerSide, LiveSeen: true, Revision: 1,
		Before: []facts.Object{config}, After: []facts.Object{config}, Live: []facts.Object{config},
	}
	body := func(ref handover.Ref) *handover.Object {
		return &handover.Object{Ref: ref, By: "flux-system/cilium-core", Body: map[string]any{
			"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace},
			"spec": map[string]any{"interval": "10m", "of": ref.String()},
		}}
	}
	in := handover.Input{
		Facts: f, Source: body(sourceRef), HelmRelease: body(releaseRef), Kustomization: body(wiringRef), Soak: 30 * time.Second, Allow: m.allow,
	}
	if m.spoil != nil {
		m.spoil(&in)
	}
	return in
}

// run runs, or goes on with, what the journal says, as a new process.
func (m *model) run(t testing.TB) error {
	t.Helper()
	r := &handover.Runner{World: m, Journal: m, Clock: m, Holder: "me"}
	j, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := m.input()
	var p *handover.Plan
	if j.Unfinished() {
		if p, err = handover.Again(in, j); err != nil {
			t.Fatal(err)
		}
		if !p.Ready {
			return &notReady{p}
		}
	} else {
		p = handover.Make(in)
		if !p.Ready {
			t.Fatalf("not ready: %+v", p.Refusals)
		}
		if p.Done {
			return nil
		}
		j = r.Begin(p, "run")
	}
	return r.Run(t.Context(), p, j)
}

// notReady is a run that is not gone on with.
type notReady struct{ plan *handover.Plan }

func (r *notReady) Error() string { return fmt.Sprintf("not ready: %+v", r.plan.Refusals) }

// back goes back, or on with going back, as a new process.
func (m *model) back(t testing.TB, of *handover.Journal) error {
	t.Helper()
	r := &handover.Runner{World: m, Journal: m, Clock: m}
	j, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if j != nil && j.Name == handover.RollbackName && j.Unfinished() {
		p, err := handover.UndoAgain(m.undoing(nil), j)
		if err != nil || !p.Ready {
			t.Fatalf("not ready: %v %+v", err, p)
		}
		return r.Run(t.Context(), p, r.GoOnUndo(p, j))
	}
	in := m.undoing(of)
	p := handover.UndoHandover(in)
	if !p.Ready {
		t.Fatalf("not ready: %+v", p.Refusals)
	}
	if p.Done {
		return nil
	}
	return r.Run(t.Context(), p, r.BeginUndo(p, "back", of))
}

// undoing is what a rollback is planned from, as the model is.
func (m *model) undoing(of *handover.Journal) handover.RollbackInput {
	in := m.input()
	in.Facts.Git = nil
	rendered := *in.Facts.Rendered
	in.Facts.Rendered = nil
	rendered.Revision, rendered.To = len(m.live.Records), 0
	if newest := m.live.Records[len(m.live.Records)-1]; newest.Revision > 1 && newest.Secret != "back" {
		rendered.To = 1
	}
	return handover.RollbackInput{Facts: in.Facts, Journal: of, To: m.to, Rendered: &rendered}
}

// end is the state that a run has to reach, in words.
func (m *model) end() string {
	raw, err := json.MarshalIndent(map[string]any{
		"source": m.objects[sourceRef], "release": m.objects[releaseRef], "wiring": m.objects[wiringRef],
		"records": m.live.Records, "history": m.history(), "shared": m.shared, "upgrades": m.upgrades, "installs": m.installs,
	}, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
