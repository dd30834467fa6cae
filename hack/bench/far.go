package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/cilium-gitops/cilium-gitops/hack/fakeapi"
)

// farAway is the lab at that distance: a kubeconfig whose servers are reached through a listener that delays each packet.
// TLS is the API server's own, and its handshake is as far away as the rest.
func farAway(lab *world, roundTrip time.Duration) (*world, func(), error) {
	config, err := clientcmd.LoadFromFile(lab.variable("KUBECONFIG"))
	if err != nil {
		return nil, nil, err
	}
	var open []io.Closer
	end := func() {
		for _, c := range open {
			_ = c.Close()
		}
	}
	for name, cluster := range config.Clusters {
		server, err := url.Parse(cluster.Server)
		if err != nil {
			return nil, end, fmt.Errorf("read the server of %s: %w", name, err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, end, err
		}
		open = append(open, l)
		go relay(fakeapi.Delayed(l, roundTrip), server.Host)
		server.Host = l.Addr().String()
		cluster.Server = server.String()
	}
	file := filepath.Join(lab.temp, fmt.Sprintf("kubeconfig-%s", roundTrip))
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return nil, end, err
	}
	_ = os.Chmod(file, 0o600)
	return lab.with("KUBECONFIG", file), end, nil
}

// relay joins each connection to one with address.
func relay(l net.Listener, address string) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer near.Close()
			far, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer far.Close()
			go func() {
				_, _ = io.Copy(far, near)
				_ = far.(*net.TCPConn).CloseWrite() // an answer may still be under way
			}()
			_, _ = io.Copy(near, far)
		}()
	}
}
