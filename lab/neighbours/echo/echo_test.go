package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// A stream that ends is counted as lost and begun anew.
func TestLostStreamsAreCounted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "node-a\n")
			_, _ = io.CopyN(conn, conn, 3*16) // three messages, and gone
			conn.Close()
		}
	}()
	b := &book{peers: map[string]*peer{}}
	p := &peer{Address: listener.Addr().String()}
	go b.stream(ctx, p)
	until(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return p.Lost == 2 && p.Received >= 6
	})
}

// A stream that goes on is not lost, whoever else connects meanwhile.
func TestStreamsGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	go func() { _ = serve(ctx, address, "node-a") }()
	b := &book{peers: map[string]*peer{}}
	p := &peer{Address: address}
	go b.stream(ctx, p)
	until(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return p.Received > 5
	})
	if err := ping(ctx, address); err != nil {
		t.Errorf("short connection: %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.Lost != 0 || p.Node != "node-a" || !p.Connected {
		t.Errorf("%+v", *p)
	}
}

// What answers something else than it was sent is found out.
func TestWrongAnswersAreAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("liar\nsomething else\n"))
			conn.Close()
		}
	}()
	b := &book{peers: map[string]*peer{}}
	p := &peer{Address: listener.Addr().String()}
	if err := b.once(t.Context(), p); err == nil {
		t.Error("no error")
	}
	if err := ping(t.Context(), p.Address); err == nil {
		t.Error("no error of a short connection")
	}
}

func until(t *testing.T, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		if ready() {
			return
		}
		<-tick.C
	}
	t.Fatal("not within 20 seconds")
}
