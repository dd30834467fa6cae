package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	beat = 20 * time.Millisecond  // between two messages of a stream
	rap  = 200 * time.Millisecond // between two short connections
)

// stream keeps one connection to the peer going, and begins another when it ends.
func (b *book) stream(ctx context.Context, p *peer) {
	for ctx.Err() == nil {
		err := b.once(ctx, p)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		if p.Connected {
			p.Lost++
		}
		p.Connected, p.LastError = false, err.Error()
		b.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// once is one connection, until it ends; what TCP itself repeats in time is no end but a gap.
func (b *book) once(ctx context.Context, p *peer) error {
	conn, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", p.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	in := bufio.NewReader(conn)
	node, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	b.mu.Lock()
	p.Node, p.Connected, p.last = strings.TrimSpace(node), true, time.Now()
	b.mu.Unlock()
	failed := make(chan error, 2)
	go func() { failed <- b.send(ctx, p, conn) }()
	go func() { failed <- b.receive(p, in) }()
	return <-failed
}

func (b *book) send(ctx context.Context, p *peer, conn net.Conn) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for n := 0; ; n++ {
		if _, err := fmt.Fprintf(conn, "%015d\n", n); err != nil {
			return err
		}
		b.mu.Lock()
		p.Sent++
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (b *book) receive(p *peer, in *bufio.Reader) error {
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%015d\n", n); line != want {
			return fmt.Errorf("message %q came where %q was due", line, want)
		}
		now := time.Now()
		b.mu.Lock()
		p.Received++
		p.LongestGapMillis = max(p.LongestGapMillis, float64(now.Sub(p.last).Microseconds())/1000)
		p.last = now
		b.mu.Unlock()
	}
}

// knock makes a new connection to the peer again and again.
func (b *book) knock(ctx context.Context, p *peer) {
	tick := time.NewTicker(rap)
	defer tick.Stop()
	for {
		err := ping(ctx, p.Address)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		p.Connections.count(err)
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func ping(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	if _, err := in.ReadString('\n'); err != nil { // who it is
		return err
	}
	line, err := in.ReadString('\n')
	if err == nil && line != "hello\n" {
		err = errors.New("another answer than what was sent: " + line)
	}
	return err
}
