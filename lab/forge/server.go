// Package forge is the lab's Git server and the repository in it that Flux reads.
package forge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Serve answers Git's smart HTTP for the bare repositories below root until the context ends.
func Serve(ctx context.Context, address, root string) error {
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("find git: %w; install git", err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=lab"},
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("serve git: %w", err)
	}
	server := &http.Server{Handler: backend, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve git: %w", err)
	}
	return nil
}
