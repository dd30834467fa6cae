package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// far is the other side of streams, in a test's own time.
type far struct {
	mu      sync.Mutex
	began   time.Time
	refuse  func(since time.Duration) error         // of connections
	respond func(since time.Duration) time.Duration // how long an answer takes; negative: the connection is closed
	ended   chan struct{}
}

func (f *far) dial(_ context.Context, _, _ string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		if err := f.refuse(time.Since(f.began)); err != nil {
			return nil, err
		}
	}
	near, conn := net.Pipe()
	go f.serve(conn)
	return near, nil
}

func (f *far) serve(conn net.Conn) {
	defer conn.Close()
	var line [message]byte
	for {
		if _, err := io.ReadFull(conn, line[:]); err != nil {
			return
		}
		if f.respond != nil {
			late := f.respond(time.Since(f.began))
			if late < 0 {
				return
			}
			select {
			case <-time.After(late):
			case <-f.ended:
				return
			}
		}
		if _, err := conn.Write(line[:]); err != nil {
			return
		}
	}
}

// odd keeps a test's end apart from everything that happens each second.
const odd = 10 * time.Millisecond

// during streams to one pod for that long, and returns the last line.
func during(t *testing.T, f *far, d time.Duration) Beat {
	t.Helper()
	var last Beat
	synctest.Test(t, func(t *testing.T) {
		f.began, f.ended = time.Now(), make(chan struct{})
		defer close(f.ended)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		n := 0
		(&Asker{Dial: f.dial}).Streams(ctx, []Target{{Kind: Pod, To: "infra-2", Address: "10.0.0.1:7246"}}, func(b Beat) {
			n++
			if b.Final == (time.Since(f.began) < d) {
				t.Errorf("line %d after %s: final is %t", n, time.Since(f.began), b.Final)
			}
			last = b
		})
		if want := int(d/lines) + 1; n != want {
			t.Errorf("%d lines in %s, want %d", n, d, want)
		}
	})
	if len(last.Streams) != 1 {
		t.Fatalf("%+v", last)
	}
	return last
}

func TestAStreamThatNothingHappensTo(t *testing.T) {
	b := during(t, &far{}, 5*time.Second+odd)
	s := b.Streams[0]
	if s.Answers != 251 || s.Gap != beat || s.Lost != 0 || s.Silent || s.Why != "" || s.To != "infra-2" {
		t.Errorf("%+v", s)
	}
	if b.Tried != 50 || b.Failed != 0 {
		t.Errorf("%d of %d new connections failed", b.Failed, b.Tried)
	}
}

// TestAGap answers one message late: the connection lives, and the gap has its length and its place.
func TestAGap(t *testing.T) {
	f := &far{}
	f.respond = func(since time.Duration) time.Duration {
		if since == 2*time.Second {
			return 700 * time.Millisecond
		}
		return 0
	}
	b := during(t, f, 5*time.Second+odd)
	s := b.Streams[0]
	if s.Gap != beat+700*time.Millisecond || s.Lost != 0 || s.GapAt.Sub(b.Began) != 2*time.Second-beat || b.Failed != 0 {
		t.Errorf("%+v, %d failed", s, b.Failed)
	}
}

// TestALostStream closes connections and refuses new ones for a second: the gap goes on until another is answered.
func TestALostStream(t *testing.T) {
	f := &far{}
	cut := func(since time.Duration) bool { return since >= 2*time.Second && since < 3*time.Second }
	f.refuse = func(since time.Duration) error {
		if cut(since) {
			return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		return nil
	}
	f.respond = func(since time.Duration) time.Duration {
		if cut(since) {
			return -1
		}
		return 0
	}
	b := during(t, f, 5*time.Second+odd)
	s := b.Streams[0]
	if s.Lost != 1 || s.Gap < time.Second || s.Gap > time.Second+dials+beat || s.Why != "connection refused" || s.Silent {
		t.Errorf("%+v", s)
	}
	if b.Failed != 10 || b.Tried < 45 || b.Why != "pod infra-2: connection refused" {
		t.Errorf("%d of %d failed: %s", b.Failed, b.Tried, b.Why)
	}
}

// TestSilence swallows what is sent from the third second on: nobody closes anything, and the stream is lost all the
// same.
func TestSilence(t *testing.T) {
	f := &far{respond: func(since time.Duration) time.Duration {
		if since >= 3*time.Second {
			return time.Hour
		}
		return 0
	}}
	s := during(t, f, 12*time.Second+odd).Streams[0]
	if s.Lost != 0 || s.Gap != 9*time.Second+beat+odd || !s.Silent {
		t.Errorf("after twelve seconds %+v", s)
	}
	s = during(t, f, 20*time.Second+odd).Streams[0]
	if s.Lost != 1 || s.Gap != 17*time.Second+beat+odd || !s.Silent || s.Why != "no answer" {
		t.Errorf("after twenty seconds %+v", s)
	}
}

func TestAStreamThatNeverWasOpen(t *testing.T) {
	b := during(t, &far{refuse: func(time.Duration) error { return errors.New("odd\nthing") }}, 2*time.Second+odd)
	s := b.Streams[0]
	if s.Answers != 0 || s.Lost != 0 || s.Gap != 0 || !s.Silent || s.Why != "odd thing" {
		t.Errorf("%+v", s)
	}
	if b.Failed != b.Tried || b.Tried == 0 {
		t.Errorf("%d of %d failed", b.Failed, b.Tried)
	}
}

// TestWhoeverEndsItLosesNothing ends streams in the middle of a message and of a connection.
func TestWhoeverEndsItLosesNothing(t *testing.T) {
	f := &far{respond: func(since time.Duration) time.Duration { return 50 * time.Millisecond }}
	b := during(t, f, time.Second+30*time.Millisecond)
	if s := b.Streams[0]; s.Lost != 0 || s.Why != "" || b.Failed != 0 {
		t.Errorf("%+v, %d failed", s, b.Failed)
	}
}

func TestAnAskerTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{began: time.Now(), refuse: func(since time.Duration) error {
			if since < time.Second {
				return syscall.EHOSTUNREACH
			}
			return nil
		}}
		targets := []Target{{Kind: Pod, To: "infra-2", Address: "10.0.0.1:7246"}}
		var got []Result
		tell := func(r Result) { got = append(got, r) }
		told := (&Asker{Dial: f.dial, Within: 2 * time.Second}).Ask(t.Context(), targets, tell)
		if told != 1 || len(got) != 1 || !got[0].OK || got[0].Tries != 5 || got[0].Took != 0 || got[0].Error != "" {
			t.Errorf("%d: %+v", told, got)
		}
		f.began, got = time.Now(), nil
		(&Asker{Dial: f.dial, Within: 500 * time.Millisecond}).Ask(t.Context(), targets, tell)
		if len(got) != 1 || got[0].OK || got[0].Tries != 2 || got[0].Error != "no route" {
			t.Errorf("%+v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		f.began, got = time.Now(), nil
		if told := (&Asker{Dial: f.dial, Within: time.Minute}).Ask(ctx, targets, tell); told != 0 || len(got) != 0 {
			t.Errorf("interrupted, and told %+v", got)
		}
	})
}
