package main

import (
	"context"
	"fmt"
	"io"
	"net"
)

// serve introduces itself to whoever connects, and then sends back what it is sent.
func serve(ctx context.Context, address, name string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if _, err := fmt.Fprintln(conn, name); err == nil {
				_, _ = io.Copy(conn, conn)
			}
		}()
	}
}
