package probe

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// Health is the path that answers 200 while the server serves.
	Health = "/healthz"
	// idle is how long a connection may say nothing.
	idle = 2 * time.Minute
	// most bounds how many connections are answered at a time.
	most = 4096
)

// Serve answers on l until ctx ends: HTTP requests for Health, and to anything else an echo of what was sent.
func Serve(ctx context.Context, l net.Listener) error {
	http1 := &http.Server{Handler: http.HandlerFunc(health), ReadHeaderTimeout: idle, IdleTimeout: idle}
	requests := &handed{Listener: l, conns: make(chan net.Conn), over: make(chan struct{})}
	var serving, echoing sync.WaitGroup
	serving.Go(func() { _ = http1.Serve(requests) })
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	slots := make(chan struct{}, most)
	var err error
	for {
		var conn net.Conn
		if conn, err = l.Accept(); err != nil {
			break
		}
		slots <- struct{}{}
		echoing.Go(func() {
			defer func() { <-slots }()
			answer(ctx, conn, requests)
		})
	}
	_ = http1.Close()
	requests.end()
	echoing.Wait()
	serving.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func health(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Health {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// answer looks at how a connection begins: an HTTP request is handed on, all else is sent back.
func answer(ctx context.Context, conn net.Conn, requests *handed) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	buffered := bufio.NewReader(conn)
	_ = conn.SetReadDeadline(time.Now().Add(idle))
	begin, err := buffered.Peek(1)
	if err != nil {
		_ = conn.Close()
		return
	}
	if begin[0] >= 'A' && begin[0] <= 'Z' { // a method; echoes begin with a digit
		_ = conn.SetReadDeadline(time.Time{})
		requests.hand(&begun{Conn: conn, read: buffered})
		return
	}
	defer conn.Close()
	line := make([]byte, 512)
	for {
		_ = conn.SetDeadline(time.Now().Add(idle))
		n, err := buffered.Read(line)
		if n > 0 {
			if _, err := conn.Write(line[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// begun is a connection of which something has been read.
type begun struct {
	net.Conn

	read io.Reader
}

// Read implements net.Conn.
func (b *begun) Read(p []byte) (int, error) { return b.read.Read(p) }

// handed is a listener of connections that are handed to it.
type handed struct {
	net.Listener

	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (h *handed) hand(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.over:
		_ = conn.Close()
	}
}

func (h *handed) end() { h.once.Do(func() { close(h.over) }) }

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.over:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.end()
	return nil
}
