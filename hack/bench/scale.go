package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
	"github.com/cilium-gitops/cilium-gitops/hack/fakeapi"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const far = 50 * time.Millisecond

// one is a single cluster that is served.
func (b *bench) one(roundTrip time.Duration, options fakeapi.Options, shape func(facts.Facts) facts.Facts) (*served, error) {
	s, err := newServed()
	if err != nil {
		return nil, err
	}
	if err := s.add("c001", roundTrip, options, shape); err != nil {
		return s, err
	}
	return s, s.open(b)
}

// slope is how many round trips a verify waits for, one after the other.
func slope(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	line := results.Series{Plot: "latency", Name: "1 context"}
	for _, added := range []time.Duration{0, 25, 50, 100, 200} {
		s, err := b.one(added*time.Millisecond, fakeapi.Options{}, nil)
		if err != nil {
			return nil, err
		}
		all, err := turns(ctx, s.world, b.runs, verifying(s.names))
		s.close()
		if err != nil {
			return nil, err
		}
		line.Points = append(line.Points, point(float64(added), summed("", all[0])))
	}
	b.series = append(b.series, line)
	last := line.Points[len(line.Points)-1]
	r.Count = fmt.Sprintf("slope %.1f: %.0f ms near, %.0f ms at %.0f ms", line.Slope(), line.Points[0].Median, last.Median, last.X)
	return []results.Row{r}, nil
}

// contexts are 1 to 200 at a time, of one fleet.
func contexts(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	s, err := newServed()
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, name := range names(200) {
		if err := s.add(name, far, fakeapi.Options{}, nil); err != nil {
			return nil, err
		}
	}
	if err := s.open(b); err != nil {
		return nil, err
	}
	line := results.Series{Plot: "contexts", Name: "verify --no-exec"}
	var out []results.Row
	for _, n := range []int{1, 10, 50, 100, 200} {
		what := verifying(s.names[:n])
		all, err := turns(ctx, s.world, min(b.runs, 5), what)
		if err != nil {
			return nil, err
		}
		one := r
		one.Title = fmt.Sprintf("%d contexts at 50 ms", n)
		one.Ours = summed(what.what, all[0])
		line.Points = append(line.Points, point(float64(n), one.Ours))
		out = append(out, one)
	}
	b.series = append(b.series, line)
	return out, nil
}

// dead are 10 of 200 contexts: behind five nobody listens, behind five nobody ever answers.
func dead(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	s, err := newServed()
	if err != nil {
		return nil, err
	}
	defer s.close()
	for i, name := range names(200) {
		switch {
		case i%20 == 7 && i < 100:
			err = s.fleet.Refuse(name)
		case i%20 == 7:
			err = s.fleet.Silence(name)
		default:
			err = s.add(name, far, fakeapi.Options{}, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.open(b); err != nil {
		return nil, err
	}
	what := verifying(names(200), "--timeout", "10s", "-o", "json")
	what.codes = []int{3}
	all, err := turns(ctx, s.world, min(b.runs, 3), what)
	if err != nil {
		return nil, err
	}
	r.Ours = summed("`verify --no-exec` of 200", all[0])
	out, _ := s.command(ctx, what.command[0], what.command[1:]...).Output()
	var doc struct {
		Results []struct{ Cluster, Outcome string }
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	whole, blind := map[string]bool{}, map[string]bool{}
	for _, v := range doc.Results {
		if v.Outcome == "unknown" {
			blind[v.Cluster] = true
		} else if v.Outcome == "pass" {
			whole[v.Cluster] = true
		}
	}
	r.Count = fmt.Sprintf("%d clusters seen whole, %d unknown", len(whole), len(blind))
	return []results.Row{r}, nil
}

// large is one cluster of 5,000 nodes, each with its agent and its Envoy.
func large(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	s, err := b.one(0, fakeapi.Options{RecordSize: 1 << 20}, func(f facts.Facts) facts.Facts {
		return fakeapi.Superseded(fakeapi.Multiplied(f, 5000), 10)
	})
	if err != nil {
		return nil, err
	}
	defer s.close()
	what := verifying(s.names)
	all, err := turns(ctx, s.world, min(b.runs, 5), what)
	if err != nil {
		return nil, err
	}
	r.Ours = summed(what.what, all[0])
	return []results.Row{r}, nil
}

var taken = regexp.MustCompile(`(?m)^taken: .*$`)

// recording is kept twice, and compared but for the time at which it was taken.
func recording(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	const nodes = 100
	s, err := b.one(0, fakeapi.Options{Exec: agents("c001", nodes)}, func(f facts.Facts) facts.Facts { return fakeapi.Multiplied(f, nodes) })
	if err != nil {
		return nil, err
	}
	defer s.close()
	what := asking(verifying(s.names, "--record", "again.yaml"))
	all, err := turns(ctx, s.world, b.runs, what)
	if err != nil {
		return nil, err
	}
	r.Ours = summed("`verify --record`, each agent asked three times", all[0])
	if _, err := s.process(ctx, asking(verifying(s.names, "--record", "first.yaml"))); err != nil {
		return nil, err
	}
	first, err := os.ReadFile(filepath.Join(s.temp, "first.yaml"))
	if err != nil {
		return nil, err
	}
	again, err := os.ReadFile(filepath.Join(s.temp, "again.yaml"))
	if err != nil {
		return nil, err
	}
	same := "identical when repeated, but for the time taken"
	if !bytes.Equal(taken.ReplaceAll(first, nil), taken.ReplaceAll(again, nil)) {
		same = "NOT identical when repeated"
	}
	r.Count = fmt.Sprintf("%.2f MiB, %s", float64(len(first))/(1<<20), same)
	return []results.Row{r}, nil
}
