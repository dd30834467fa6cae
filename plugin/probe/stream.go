package probe

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// beat is how often a stream sends.
	beat = 20 * time.Millisecond
	// dials is how often a new connection is tried, to each target in its turn.
	dials = 100 * time.Millisecond
	// silence is how long a stream may hear nothing before it counts as lost, as a program's own time-out would have it.
	silence = 10 * time.Second
	// lines is how often a line is told.
	lines = time.Second
)

// Stream is what came of one long-lived connection. Where it was lost another took its place, and the gap goes on until
// that one was answered.
type Stream struct {
	Target

	Answers int           `json:"answers"`          // 0: it was never open, and nothing can be said of it
	Gap     time.Duration `json:"gap"`              // the longest time without an answer, after the first one
	GapAt   time.Time     `json:"gapAt,omitzero"`   // when that began
	Lost    int           `json:"lost"`             // how often the connection broke
	Why     string        `json:"why,omitempty"`    // how it broke last, or why it could not be opened last
	Silent  bool          `json:"silent,omitempty"` // it was not answered when this was told
}

// Beat is one line of streams: all that was seen since they began.
type Beat struct {
	Began   time.Time `json:"began"`
	At      time.Time `json:"at"`
	Streams []Stream  `json:"streams"`
	// Tried counts the new connections that were tried and came to an end, Failed those of them that failed.
	Tried  int    `json:"tried"`
	Failed int    `json:"failed"`
	Why    string `json:"why,omitempty"` // how one failed last
	// Final marks the last line: nothing more was seen.
	Final bool `json:"final,omitempty"`
}

// Streams keeps a connection to every target until ctx ends, opens new ones besides, and tells of them each second and
// at the end. Every telling holds all that was seen, so that the last line of a pod that was killed is its summary.
func (a *Asker) Streams(ctx context.Context, targets []Target, tell func(Beat)) {
	s := &streams{asker: a, began: time.Now().UTC()}
	var running sync.WaitGroup
	for _, t := range targets {
		one := &stream{seen: Stream{Target: t}}
		s.all = append(s.all, one)
		running.Go(func() { s.keep(ctx, one) })
	}
	running.Go(func() { s.dial(ctx, targets) })
	ticker := time.NewTicker(lines)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
			tell(s.beat(false))
		case <-ctx.Done():
		}
	}
	last := s.beat(true)
	running.Wait()
	tell(last)
}

type streams struct {
	asker *Asker
	began time.Time
	all   []*stream

	mu            sync.Mutex
	tried, failed int
	why           string
}

// stream is one of them; last is when it was last answered.
type stream struct {
	mu   sync.Mutex
	seen Stream
	last time.Time
}

// keep holds one stream open, with another connection whenever it is lost.
func (s *streams) keep(ctx context.Context, one *stream) {
	for ctx.Err() == nil {
		conn, err := s.open(ctx, one.seen.Address)
		if err == nil {
			err = one.pump(ctx, conn)
			if ctx.Err() == nil {
				one.lost(err)
			}
		} else if ctx.Err() == nil {
			one.refused(err)
		}
		if wait(ctx, dials) != nil {
			return
		}
	}
}

func (s *streams) open(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.asker.dial(ctx, "tcp", address)
}

// pump sends and hears until the connection breaks or ctx ends.
func (one *stream) pump(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for number := 1; ; number++ {
		if err := echo(conn, number, silence); err != nil {
			return err
		}
		one.heard(time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (one *stream) heard(now time.Time) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.gap(now)
	one.seen.Answers++
	one.last = now
}

// gap notes how long there has been no answer; one.mu is held.
func (one *stream) gap(now time.Time) {
	if one.seen.Answers == 0 {
		return
	}
	if gap := now.Sub(one.last); gap > one.seen.Gap {
		one.seen.Gap, one.seen.GapAt = gap, one.last.UTC()
	}
}

func (one *stream) lost(err error) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.seen.Answers > 0 {
		one.seen.Lost++
	}
	one.seen.Why = word(err)
}

func (one *stream) refused(err error) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.seen.Why = word(err)
}

// dial opens new connections, each target in its turn, and closes them when they have echoed once.
func (s *streams) dial(ctx context.Context, targets []Target) {
	if len(targets) == 0 {
		return
	}
	ticker := time.NewTicker(dials)
	defer ticker.Stop()
	var trying sync.WaitGroup
	defer trying.Wait()
	for i := 0; ; i++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		t := targets[i%len(targets)]
		trying.Go(func() { s.connect(ctx, t) })
	}
}

func (s *streams) connect(ctx context.Context, t Target) {
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.asker.reach(try, t)
	if ctx.Err() != nil {
		return // it was we who broke it off
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried++
	if err != nil {
		s.failed++
		s.why = string(t.Kind) + " " + t.To + ": " + word(err)
	}
}

// silentAfter is when a stream that has not been answered counts as silent: a hundred beats.
const silentAfter = 100 * beat

// beat is all that was seen so far.
func (s *streams) beat(final bool) Beat {
	now := time.Now()
	b := Beat{Began: s.began, At: now.UTC(), Final: final}
	for _, one := range s.all {
		one.mu.Lock()
		one.gap(now)
		one.seen.Silent = one.seen.Answers == 0 || now.Sub(one.last) > silentAfter
		b.Streams = append(b.Streams, one.seen)
		one.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Tried, b.Failed, b.Why = s.tried, s.failed, s.why
	return b
}
