package fakeapi

import (
	"io"
	"net"
	"sync"
	"time"
)

// Delayed makes whoever dials l as far away as that round trip: each packet arrives half of it later, in either direction, and
// what is sent first waits for the connection to be opened as well. Bandwidth stays what it is.
func Delayed(l net.Listener, roundTrip time.Duration) net.Listener {
	if roundTrip == 0 {
		return l
	}
	return &delayed{Listener: l, roundTrip: roundTrip}
}

type delayed struct {
	net.Listener

	roundTrip time.Duration
}

func (d *delayed) Accept() (net.Conn, error) {
	raw, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	opened := time.Now().Add(d.roundTrip)
	c := &farConn{Conn: raw, in: newWire(), out: newWire()}
	go c.in.fill(raw, d.roundTrip/2, opened)
	go c.out.drain(raw)
	c.half = d.roundTrip / 2
	return c, nil
}

// farConn is the server's end of a connection with somebody far away.
type farConn struct {
	net.Conn

	half    time.Duration
	in, out *wire
	rest    []byte // of a packet that was read in part
}

func (c *farConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		packet, err := c.in.next()
		if err != nil {
			return 0, err
		}
		c.rest = packet
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *farConn) Write(p []byte) (int, error) {
	return len(p), c.out.put(append([]byte(nil), p...), time.Now().Add(c.half))
}

// Close lets what was written before arrive.
func (c *farConn) Close() error {
	c.out.end(net.ErrClosed)
	c.in.end(net.ErrClosed)
	return nil
}

// Deadlines would have to be late by as much; servers set none that matter here.
func (c *farConn) SetDeadline(time.Time) error      { return nil }
func (c *farConn) SetReadDeadline(time.Time) error  { return nil }
func (c *farConn) SetWriteDeadline(time.Time) error { return nil }

type packet struct {
	body []byte
	due  time.Time
}

// wire holds packets until they are due.
type wire struct {
	mu      sync.Mutex
	changed *sync.Cond
	packets []packet
	err     error
}

func newWire() *wire {
	w := &wire{}
	w.changed = sync.NewCond(&w.mu)
	return w
}

func (w *wire) put(body []byte, due time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.packets = append(w.packets, packet{body, due})
	w.changed.Signal()
	return nil
}

func (w *wire) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.changed.Broadcast()
}

// next waits for the next packet to be due.
func (w *wire) next() ([]byte, error) {
	w.mu.Lock()
	for len(w.packets) == 0 && w.err == nil {
		w.changed.Wait()
	}
	if len(w.packets) == 0 {
		defer w.mu.Unlock()
		return nil, w.err
	}
	first := w.packets[0]
	w.packets = w.packets[1:]
	w.mu.Unlock()
	time.Sleep(time.Until(first.due))
	return first.body, nil
}

// fill takes packets off a connection, not before it is opened.
func (w *wire) fill(from io.Reader, half time.Duration, opened time.Time) {
	for {
		body := make([]byte, 32<<10)
		n, err := from.Read(body)
		if n > 0 {
			sent := time.Now()
			if sent.Before(opened) {
				sent = opened
			}
			if w.put(body[:n], sent.Add(half)) != nil {
				return
			}
		}
		if err != nil {
			w.end(err)
			return
		}
	}
}

// drain hands over what is due, and closes the connection after the last.
func (w *wire) drain(to io.WriteCloser) {
	defer to.Close()
	for {
		body, err := w.next()
		if err != nil {
			return
		}
		if _, err := to.Write(body); err != nil {
			w.end(err)
			return
		}
	}
}
