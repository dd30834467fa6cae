package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Gate lets the nodes reach the API server, which listens on this machine's loopback interface alone: on each node it
// listens where Talos does, and at the node's address for pods. Nothing else of the machine can be reached.
func (g Ground) Gate(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range g.Cluster.Nodes() {
		for _, address := range []string{
			fmt.Sprintf("127.0.0.1:%d", KubePrism), net.JoinHostPort(n.IP, strconv.Itoa(SecurePort)),
		} {
			listener, err := g.Listen(ctx, n.Name, address)
			if err != nil {
				return fmt.Errorf("listen on %s at %s: %w", n.Name, address, err)
			}
			context.AfterFunc(ctx, func() { listener.Close() })
			group.Go(func() error {
				return Forward(listener, func() (net.Conn, error) {
					return net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", g.API), 5*time.Second)
				})
			})
		}
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// gateOpen tells whether every node reaches the API server.
func (g Ground) gateOpen(ctx context.Context) bool {
	for _, n := range g.Cluster.Nodes() {
		conn, err := g.Dial(ctx, n.Name, net.JoinHostPort(n.IP, strconv.Itoa(SecurePort)))
		if err != nil {
			return false
		}
		conn.Close()
	}
	return true
}

// Forward accepts connections and joins each to one that dial makes, until the listener is closed.
func Forward(listener net.Listener, dial func() (net.Conn, error)) error {
	for {
		in, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			out, err := dial()
			if err != nil {
				in.Close()
				return
			}
			join(in, out)
		}()
	}
}

func join(a, b net.Conn) {
	done := make(chan struct{}, 2)
	copyHalf := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go copyHalf(a, b)
	go copyHalf(b, a)
	<-done
	<-done
	a.Close()
	b.Close()
}

// Listen listens on an address of a node.
func (g Ground) Listen(ctx context.Context, node, address string) (listener net.Listener, err error) {
	path, err := g.namespace(node)
	if err != nil {
		return nil, err
	}
	err = inside(path, func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		return err
	})
	return listener, err
}

// Dial connects to an address as the node itself would.
func (g Ground) Dial(ctx context.Context, node, address string) (conn net.Conn, err error) {
	path, err := g.namespace(node)
	if err != nil {
		return nil, err
	}
	return DialIn(ctx, path, address)
}

// DialIn connects to an address from within a network namespace, named by a path to it.
func DialIn(ctx context.Context, namespace, address string) (conn net.Conn, err error) {
	err = inside(namespace, func() (err error) {
		conn, err = (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp4", address)
		return err
	})
	return conn, err
}

func (g Ground) namespace(node string) (string, error) {
	pid, err := g.holder(node)
	return fmt.Sprintf("/proc/%d/ns/net", pid), err
}

// inside makes a socket in another network namespace. A socket belongs to the namespace of the thread that made it, so
// a thread enters it, and is given up afterwards: a goroutine that ends on a locked thread takes the thread with it.
func inside(path string, open func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- fmt.Errorf("open network namespace %s: %w", path, err)
			return
		}
		defer unix.Close(fd)
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", path, err)
			return
		}
		done <- open()
	}()
	return <-done
}
