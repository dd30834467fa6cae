package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Options say whom to look at and how.
type Options struct {
	Cluster string // the fleet's name
	Context string
	Expect  facts.Expect
	Parts   []facts.Part // what to look at
	// Workloads are those that are known to be the release's before anything is looked at.
	Workloads facts.Workloads
	NoExec    bool // leave the agents alone
	Probe     bool // ask what is asked only with a probe
	Timeout   time.Duration
	Now       func() time.Time
	// Begin is called once the cluster has answered, before it is looked at. It may wait, which is at nobody's cost; may be nil.
	Begin func()
	// Tell hears how many of how many parts have been looked at; may be nil.
	Tell func(done, total int)
}

// gatherer fills in one cluster's facts.
type gatherer struct {
	*client
	options  Options
	mu       sync.Mutex // guards what follows but total
	facts    facts.Facts
	done     int
	total    int
	unserved []schema.GroupVersionResource // what was asked for and is not there
	secrets  map[string]*core.Secret       // Helm's records that were read, by namespace and name
	// relayPorts are those that the relays' pods listen on, by podKey: no fact, but the way to one.
	relayPorts map[string]int32
	// supplied are the release's values with their secrets, composers the HelmReleases that take values from Secrets: no
	// facts, but what is masked by.
	supplied  values.Tree
	composers []*helmv2.HelmRelease
}

// Gather looks at a cluster. It always returns facts: what could not be seen is Blind, and says why.
func Gather(ctx context.Context, config *rest.Config, options Options) facts.Facts {
	g := &gatherer{options: options, relayPorts: map[string]int32{}, facts: facts.Facts{
		Cluster: options.Cluster, Context: options.Context, Server: config.Host,
		Taken: options.Now().UTC().Truncate(time.Second), Expect: options.Expect,
		Blind: map[facts.Part]string{}, Declined: map[facts.Part]string{},
	}}
	g.look(ctx, config)
	slices.Sort(g.facts.Seen)
	facts.Clean(&g.facts)
	return g.facts
}

// Unseen are the facts of a cluster that cannot even be asked: everything is blind for that reason.
func Unseen(options Options, why string) facts.Facts {
	f := facts.Facts{
		Cluster: options.Cluster, Context: options.Context, Expect: options.Expect,
		Taken: options.Now().UTC().Truncate(time.Second), Blind: map[facts.Part]string{},
	}
	for _, part := range options.Parts {
		f.Blind[part] = why
	}
	facts.Clean(&f)
	return f
}

func (g *gatherer) look(ctx context.Context, config *rest.Config) {
	var parts []facts.Part
	for _, part := range withNeeded(g.options.Parts) {
		switch {
		case looks[part].exec && g.options.NoExec:
			g.facts.Declined[part] = "--no-exec"
		case looks[part].probe && !g.options.Probe:
			g.facts.Declined[part] = facts.NoProbe
		default:
			parts = append(parts, part)
		}
	}
	g.total = len(parts)
	c, err := newClient(config)
	if err != nil {
		g.blindAll(parts, err)
		return
	}
	g.client = c
	left, err := g.knock(ctx)
	if err != nil && unreachable(err) {
		g.blindAll(parts, err)
		return
	}
	if g.options.Begin != nil {
		g.options.Begin()
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	g.all(ctx, parts)
	g.rest(ctx)
	g.outdated()
	g.secretive(ctx)
}

// knock sends one request ahead: the others share its connection, and where it finds nobody nobody else need try. It
// gives what is left of the time that the cluster has.
func (g *gatherer) knock(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeout)
	defer cancel()
	err := g.one(ctx, facts.Version)
	until, _ := ctx.Deadline()
	return time.Until(until), err
}

// withNeeded adds what parts build on: the version, which opens the connection, and the parts that they come after.
func withNeeded(parts []facts.Part) []facts.Part {
	all := map[facts.Part]bool{facts.Version: true}
	for _, part := range parts {
		if _, ours := looks[part]; !ours {
			continue // Git's, not the cluster's
		}
		all[part] = true
		for _, first := range looks[part].after {
			all[first] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// all looks at parts at once, at each as soon as those it comes after have been looked at: whoever does not answer
// keeps nobody waiting who does not need the answer.
func (g *gatherer) all(ctx context.Context, parts []facts.Part) {
	seen := map[facts.Part]chan struct{}{}
	for _, part := range parts {
		seen[part] = make(chan struct{})
	}
	var wg sync.WaitGroup
	for _, part := range parts {
		if part == facts.Version { // looked at already
			close(seen[part])
			continue
		}
		wg.Go(func() {
			defer close(seen[part])
			for _, first := range looks[part].after {
				if done := seen[first]; done != nil { // one that was declined is nobody's to wait for
					<-done
				}
			}
			_ = g.one(ctx, part)
		})
	}
	wg.Wait()
}

// one looks at one part and notes why, when it cannot.
func (g *gatherer) one(ctx context.Context, part facts.Part) error {
	look := looks[part]
	g.mu.Lock()
	why, blind := g.firstBlind(look.after)
	g.mu.Unlock()
	var err error
	if blind {
		g.note(func(f *facts.Facts) { f.Blind[part] = why })
	} else if err = look.see(ctx, g); err != nil {
		err = g.timeout(ctx, err)
		g.note(func(f *facts.Facts) { f.Blind[part] = reason(err) })
	} else {
		g.note(func(f *facts.Facts) { f.Seen = append(f.Seen, part) })
	}
	g.mu.Lock()
	g.done++
	done, total := g.done, g.total
	g.mu.Unlock()
	if g.options.Tell != nil {
		g.options.Tell(done, total)
	}
	return err
}

// firstBlind is why the first of parts that could not be seen could not; the lock is held.
func (g *gatherer) firstBlind(parts []facts.Part) (string, bool) {
	for _, part := range parts {
		if why, blind := g.facts.Blind[part]; blind {
			return why, true
		}
	}
	return "", false
}

func (g *gatherer) blindAll(parts []facts.Part, err error) {
	for _, part := range parts {
		g.note(func(f *facts.Facts) { f.Blind[part] = reason(err) })
	}
}

// note changes the facts under the lock.
func (g *gatherer) note(change func(*facts.Facts)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.facts)
}
