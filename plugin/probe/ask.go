package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// atOnce bounds how many targets are asked at a time.
	atOnce = 16
	// again is how long a refused asker waits before it asks again.
	again = 250 * time.Millisecond
	// patience is how long one try may take: a lost SYN is sent again after a second, and a lost query after two.
	patience = 3 * time.Second
	// mirrorPatience is how long one try of a mirror may take, which is several requests.
	mirrorPatience = 9 * time.Second
)

// Asker asks targets.
type Asker struct {
	// Within is how long a target is tried: a data path learns of new pods and Services a moment after they are there.
	Within time.Duration
	// Dial opens connections; nil: the real ones.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (a *Asker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if a.Dial != nil {
		return a.Dial(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// Ask asks every target at once, within bounds, and tells of each as it answers. It returns how many it told of: what
// it was asked when ctx ended is not among them.
func (a *Asker) Ask(ctx context.Context, targets []Target, tell func(Result)) int {
	var mu sync.Mutex
	told := 0
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r := a.one(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() == nil {
				told++
				tell(r)
			}
		})
	}
	wg.Wait()
	return told
}

// one asks a target until it answers, or its time is up.
func (a *Asker) one(ctx context.Context, t Target) Result {
	r := Result{Target: t}
	over := time.Now().Add(a.Within)
	for {
		began := time.Now()
		r.Tries++
		try, cancel := context.WithTimeout(ctx, patient(t.Kind))
		image, err := a.try(try, t)
		cancel()
		if err == nil {
			r.OK, r.Error, r.Unseen, r.Took, r.Image = true, "", false, time.Since(began), image
			return r
		}
		var unseen *unseenError
		r.Error, r.Unseen = word(err), errors.As(err, &unseen)
		if !time.Now().Add(again).Before(over) || wait(ctx, again) != nil {
			return r
		}
	}
}

func patient(k Kind) time.Duration {
	if k == Mirror {
		return mirrorPatience
	}
	return patience
}

// try asks once; of a mirror it returns the image that came.
func (a *Asker) try(ctx context.Context, t Target) (image string, err error) {
	if t.Kind == Mirror {
		return a.mirror(ctx, t)
	}
	return "", a.reach(ctx, t)
}

func (a *Asker) reach(ctx context.Context, t Target) error {
	switch t.Kind {
	case DNS:
		return a.lookUp(ctx, t)
	case API:
		return a.handshake(ctx, t)
	case Egress:
		conn, err := a.dial(ctx, "tcp", t.Address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	conn, err := a.dial(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	return echo(conn, 1, patience)
}

// handshake speaks TLS to the API server and sends nothing. Whose certificate it is does not matter: what is asked is
// whether the way there is open, and the pod has no credentials that anybody could take.
func (a *Asker) handshake(ctx context.Context, t Target) error {
	conn, err := a.dial(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	host, _, _ := net.SplitHostPort(t.Address)
	secure := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true}) //nolint:gosec // nothing is sent
	return secure.HandshakeContext(ctx)
}

// message is one message of an echo: a number of fixed width.
const message = 12

// echo sends a number and waits until it comes back.
func echo(conn net.Conn, number int, within time.Duration) error {
	_ = conn.SetDeadline(time.Now().Add(within))
	sent := fmt.Sprintf("%011d\n", number)
	if _, err := io.WriteString(conn, sent); err != nil {
		return err
	}
	var back [message]byte
	if _, err := io.ReadFull(conn, back[:]); err != nil {
		return err
	}
	if string(back[:]) != sent {
		return errors.New("what came back is not what was sent: somebody else answers there")
	}
	return nil
}

// wait lets that much time pass, or returns ctx's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// word says of a failed connection what a person tells apart: nobody answered, somebody refused, there is no way.
func word(err error) string {
	var dns *net.DNSError
	var network net.Error
	var unseen *unseenError
	switch {
	case errors.As(err, &unseen):
		return unseen.what + ": " + word(unseen.err)
	case errors.As(err, &dns):
		return wordDNS(dns)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return oneLine(err.Error())
}

// oneLine keeps a foreign sentence to a line of bounded length.
func oneLine(text string) string {
	words := strings.Fields(text)
	text = strings.Join(slices.Compact(words), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return text
}
