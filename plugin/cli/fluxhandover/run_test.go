package fluxhandover

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// pretend is a cluster that may be changed, as far as its lock and its journal go.
type pretend struct {
	kept   memory
	drills memory
	denied []handover.Right
	held   *act.Held
	given  bool
	world  handover.World

	streams pretendStreams
}

func (p *pretend) Allowed(context.Context, []handover.Right) ([]handover.Right, error) {
	return p.denied, nil
}
func (p *pretend) Own(context.Context) ([]handover.Own, error) { return nil, nil }
func (p *pretend) Kept() handover.Keeper                       { return &p.kept }
func (p *pretend) KeptDrill() handover.Keeper                  { return &p.drills }
func (p *pretend) Follow(chan<- struct{}) func() error         { return func() error { return nil } }
func (p *pretend) World(string, []handover.Ref) handover.World { return p.world }
func (p *pretend) Stream(_ context.Context, o act.Probing) (connections, error) {
	p.streams.asked = o
	return &p.streams, p.streams.fails
}
func (p *pretend) Lost() <-chan struct{}         { return nil }
func (p *pretend) Release(context.Context) error { p.given = true; return nil }
func (p *pretend) Take(context.Context, string) (lease, error) {
	if p.held != nil {
		return nil, p.held
	}
	return p, nil
}

// terminal is somebody to ask.
type terminal struct{ *bytes.Buffer }

type run struct {
	*runOptions

	answer, errOut bytes.Buffer
	clusters       map[string]*pretend
	inputs         map[string]handover.Input
}

func target(name string) cli.Target {
	f := fleet.Default()
	t := cli.Target{Cluster: fleet.Cluster{Name: name, Context: name, Path: "kubernetes/clusters/" + name}, Config: &rest.Config{Host: "https://" + name}}
	t.Expect = f.Expect(t.Cluster)
	return t
}

func aRun(t *testing.T, in io.Reader, width int) *run {
	t.Helper()
	r := &run{clusters: map[string]*pretend{"infra": {}, "apps": {}}, inputs: map[string]handover.Input{}}
	e := env(map[string]string{"XDG_STATE_HOME": t.TempDir()})
	e.IOStreams = genericiooptions.IOStreams{In: in, Out: &r.answer, ErrOut: &r.errOut}
	e.Width = func(io.Writer) int { return width }
	r.runOptions = &runOptions{aims: newAims(e), state: aState(t), holder: "ann@bastion"}
	r.addFlags(&cobra.Command{})
	r.out.Color = "never"
	r.reach = func(_ context.Context, _ *aims, t cli.Target) (changer, error) { return r.clusters[t.Name], nil }
	r.look = func(_ context.Context, targets []cli.Target) ([]handover.Input, error) {
		var all []handover.Input
		for _, t := range targets {
			all = append(all, r.inputs[t.Name])
		}
		return all, nil
	}
	return r
}

// done is a cluster that was handed over.
func done(t cli.Target) handover.Input {
	return handover.Input{
		HelmRelease: &handover.Object{Ref: handover.Ref{Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}},
		Facts: facts.Facts{
			Cluster: t.Name, Context: t.Context, Expect: t.Expect, Git: &facts.Git{Releases: []facts.GitRelease{{Namespace: "kube-system", Name: "cilium"}}},
			Live: facts.Live{
				UID:     "uid-" + t.Name,
				Records: []facts.Record{{Namespace: "kube-system", Release: "cilium", Revision: 2, Status: "deployed"}},
				HelmReleases: []facts.HelmRelease{{
					Namespace: "kube-system", Name: "cilium", Conditions: []facts.Condition{{Type: "Ready", Status: "True"}},
					History: []facts.Snapshot{{Name: "cilium", Namespace: "kube-system", Version: 2}},
				}},
			},
		},
	}
}

func code(t *testing.T, err error) int {
	t.Helper()
	var exit *cli.Exit
	if errors.As(err, &exit) {
		return exit.Code
	}
	if err != nil {
		t.Errorf("an error without an exit code: %v", err)
	}
	return 0
}

func TestASecondRunFindsNothingToDo(t *testing.T) {
	r := aRun(t, &bytes.Buffer{}, 0)
	targets := []cli.Target{target("infra"), target("apps")}
	for _, one := range targets {
		r.inputs[one.Name] = done(one)
	}
	jobs, err := r.prepare(context.Background(), targets, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.confirm(jobs, "Go on?"), r.all(context.Background(), jobs)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(r.answer.String(), "nothing to do"); n != 2 || r.errOut.Len() > 0 {
		t.Errorf("stdout:\n%s\nstderr:\n%s", &r.answer, &r.errOut)
	}
}

// TestWhatCannotBeSeenBeginsNothing: one cluster that is not ready keeps all from beginning.
func TestWhatCannotBeSeenBeginsNothing(t *testing.T) {
	r := aRun(t, &bytes.Buffer{}, 0)
	targets := []cli.Target{target("infra"), target("apps")}
	r.inputs["infra"] = done(targets[0])
	dark := facts.Facts{Cluster: "apps", Expect: targets[1].Expect, Blind: map[facts.Part]string{}}
	for _, part := range handover.Parts(targets[1].Expect.Features) {
		dark.Blind[part] = "unreachable: connection refused"
	}
	r.inputs["apps"] = handover.Input{Facts: dark, Unrendered: "the cluster could not be seen"}
	_, err := r.prepare(context.Background(), targets, nil)
	if got := code(t, err); got != cli.ExitRefused && got != cli.ExitCannotTell {
		t.Errorf("exit %d", got)
	}
	if !strings.Contains(r.answer.String(), "unreachable: connection refused") {
		t.Errorf("nobody is told why:\n%s", &r.answer)
	}
}

func TestAnotherHandoverHoldsTheLock(t *testing.T) {
	r := aRun(t, &bytes.Buffer{}, 0)
	r.clusters["infra"].held = &act.Held{Holder: "bob@laptop", Since: morning}
	var jobs []*job
	for _, name := range []string{"infra", "apps"} {
		jobs = append(jobs, &job{target: target(name), cluster: r.clusters[name], plan: &handover.Plan{Cluster: name, Context: name, Ready: true}})
	}
	if got := code(t, r.all(context.Background(), jobs)); got != cli.ExitLocked {
		t.Errorf("exit %d", got)
	}
	if out := r.answer.String(); !strings.Contains(out, "bob@laptop") || !strings.Contains(out, "not begun") || !strings.Contains(out, "flux handover status --context infra") {
		t.Errorf("nobody is told who and what next:\n%s", out)
	}
	if r.clusters["apps"].given {
		t.Error("the next cluster's lock was taken")
	}
}

func TestChanged(t *testing.T) {
	was := handover.Plan{UID: "a", Strategy: handover.Adopt, Digest: "d", World: handover.State{Revision: 1, Status: "deployed", ChartVersion: "1.18.2", Values: "v", Nodes: 3, Version: "v1.34", Tree: "t", Pods: "p"}}
	if got := changed(&was, &was); got != nil {
		t.Errorf("nothing changed; got %v", got)
	}
	for want, change := range map[string]func(*handover.Plan){
		"UID":            func(p *handover.Plan) { p.UID = "b" },
		"strategy":       func(p *handover.Plan) { p.Strategy = handover.TakeOver },
		"revision":       func(p *handover.Plan) { p.World.Revision = 2 },
		"status":         func(p *handover.Plan) { p.World.Status = "failed" },
		"chart":          func(p *handover.Plan) { p.World.ChartVersion = "1.18.2+0c" },
		"values":         func(p *handover.Plan) { p.World.Values = "" },
		"API server":     func(p *handover.Plan) { p.World.Version = "v1.35" },
		"commit":         func(p *handover.Plan) { p.World.Tree = "u" },
		"pods":           func(p *handover.Plan) { p.World.Pods = "q" },
		"steps would do": func(p *handover.Plan) { p.Digest = "e" },
	} {
		now := was
		change(&now)
		if got := changed(&was, &now); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: got %v", want, got)
		}
	}
}

func TestUnfinished(t *testing.T) {
	half := aJournal("uid-infra", morning)
	half.Cluster, half.Phase, half.Stop, half.Holder, half.Steps[0].Begun = "infra", handover.Frozen, "step hold: CG401", "bob@laptop", 1
	before := aJournal("uid-infra", morning) // nothing of it was begun
	before.Stop = "step preflight: interrupted"
	finished := aJournal("uid-infra", morning)
	finished.Phase = handover.Finished
	other := aJournal("uid-other", morning)
	for name, c := range map[string]struct {
		there  *handover.Journal
		resume bool
		want   *handover.Journal
		err    string
	}{
		"none":                      {nil, false, nil, ""},
		"none, resumed":             {nil, true, nil, ""},
		"half-way":                  {half, false, nil, "run 20261122T091200Z-4f1c of bob@laptop did not come to its end: step hold: CG401; go on with it: flux handover run --context infra --resume"},
		"half-way, resumed":         {half, true, half, ""},
		"stopped before any change": {before, false, nil, ""},
		"finished":                  {finished, true, nil, ""},
		"of another cluster":        {other, true, nil, ""},
	} {
		r := aRun(t, &bytes.Buffer{}, 0)
		r.resume = c.resume
		r.clusters["infra"].kept.journal = c.there
		got, err := r.unfinished(context.Background(), &job{target: target("infra"), cluster: r.clusters["infra"]}, "uid-infra")
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if err != nil && code(t, err) != cli.ExitRefused {
			t.Errorf("%s: exit %d", name, code(t, err))
		}
	}
}

func TestConfirm(t *testing.T) {
	jobs := []*job{{target: target("infra"), plan: &handover.Plan{Name: handover.HandoverName, Cluster: "infra", Context: "admin@infra", Server: "https://infra", UID: "uid-infra", Strategy: handover.Adopt}}}
	for answer, want := range map[string]int{"yes\n": 0, "yes": 0, " yes \n": 0, "y\n": cli.ExitInterrupted, "no\n": cli.ExitInterrupted, "": cli.ExitInterrupted} {
		r := aRun(t, terminal{bytes.NewBufferString(answer)}, 80)
		if got := code(t, r.confirm(jobs, "Go on?")); got != want || !r.asks() {
			t.Errorf("%q: exit %d, want %d", answer, got, want)
		}
		for _, which := range []string{"infra", "admin@infra", "https://infra", "uid-infra", "adopt"} {
			if !strings.Contains(r.errOut.String(), which) {
				t.Errorf("who is asked does not see %q:\n%s", which, &r.errOut)
			}
		}
	}
	r := aRun(t, strings.NewReader(""), 80)
	if r.asks() {
		t.Error("a pipe is nobody to ask")
	}
	r.yes = true
	if err := r.confirm(jobs, "Go on?"); err != nil || r.errOut.Len() > 0 {
		t.Errorf("--yes asks nothing; got %v and:\n%s", err, &r.errOut)
	}
}

// TestInterruptedBeforeAnyChange is exit 130, after any it is 4 and names the command to go on with.
func TestInterrupted(t *testing.T) {
	r := aRun(t, &bytes.Buffer{}, 0)
	j := &job{target: target("infra"), plan: &handover.Plan{Cluster: "infra"}}
	journal := aJournal("uid-infra", morning)
	stop := &handover.Stop{Kind: handover.StopInterrupted, Step: "hold", Reason: "interrupted"}
	if _, err := r.outcome(context.Background(), j, journal, ended{dir: t.TempDir(), again: r.again(j.target)}, stop); code(t, err) != cli.ExitInterrupted {
		t.Errorf("nothing was changed: exit %d", code(t, err))
	}
	journal.Steps[0].Begun = 1
	c, err := r.outcome(context.Background(), j, journal, ended{dir: t.TempDir(), again: r.again(j.target)}, stop)
	if code(t, err) != cli.ExitRefused || !strings.Contains(err.Error(), "go on: flux handover run --context infra --resume") {
		t.Errorf("exit %d: %v", code(t, err), err)
	}
	if next := r.choices(c, j); !slices.Contains(next, "flux handover run --context infra --resume") {
		t.Errorf("next: %v", next)
	}
}

func TestPlansAreReadAsTheyAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.json")
	r := aRun(t, &bytes.Buffer{}, 0)
	p := handover.Make(done(target("infra")))
	p.World.Pods = "digest"
	if err := savePlan(path, reportPlan(p)); err != nil {
		t.Fatal(err)
	}
	doc, err := readPlan(path)
	if err != nil || len(doc.Plans) != 1 || doc.Soak != time.Minute {
		t.Fatalf("got %+v, %v", doc, err)
	}
	if diff := changed(p, doc.Plans[0]); diff != nil {
		t.Errorf("kept and read it differs: %v", diff)
	}
	r.plan = path
	if _, err := r.saved([]cli.Target{target("apps")}); code(t, err) != cli.ExitUsage || !strings.Contains(err.Error(), "nothing for cluster apps") {
		t.Errorf("got %v", err)
	}
	if _, err := r.saved([]cli.Target{target("infra")}); err != nil || r.soak != time.Minute {
		t.Errorf("the plan's soak holds: %s, %v", r.soak, err)
	}
}

func reportPlan(p *handover.Plan) report.Plan {
	return report.NewPlan([]*handover.Plan{p}, time.Minute, nil, "")
}

// TestInterruptedBetweenClusters: once a cluster was changed, nobody is told that nothing was.
func TestInterruptedBetweenClusters(t *testing.T) {
	r := aRun(t, &bytes.Buffer{}, 0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var jobs []*job
	for _, name := range []string{"infra", "apps"} {
		jobs = append(jobs, &job{target: target(name), plan: &handover.Plan{Cluster: name, Name: handover.HandoverName, Ready: true}})
	}
	carry := func(ctx context.Context, j *job, _ func(handover.Event)) (report.RunCluster, error) {
		if j == jobs[0] {
			cancel()
			return r.about(j, report.RunFinished), nil
		}
		return r.about(j, report.RunNot), ctx.Err()
	}
	if err := r.each(ctx, jobs, carry, r.choices); code(t, err) != cli.ExitRefused || !strings.Contains(err.Error(), "type the same again") {
		t.Errorf("got %v", err)
	}
	cancelled := &cli.Exit{Code: cli.ExitInterrupted}
	if got := interrupted(ctx, []report.RunCluster{{Outcome: report.RunNot}}, cancelled); !errors.Is(got, cancelled) {
		t.Errorf("nothing was changed; got %v", got)
	}
}
