package forge

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
)

func TestSeedCommitRestoreAndServe(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := Repository{Root: t.TempDir()}
	for range 2 { // the second finds it there
		if err := r.Ensure(ctx, "1.18.2", false); err != nil {
			t.Fatal(err)
		}
	}
	settings := filepath.Join("kubernetes", "clusters", "infra", "cluster-settings.yaml")
	edit := func(tree string) error { return os.WriteFile(filepath.Join(tree, settings), []byte("a: b\n"), 0o644) }
	for range 2 { // the second changes nothing and commits nothing
		if err := r.Commit(ctx, "Edit", edit); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Restore(ctx, fleet.All()[0], "1.18.2"); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	go func() { _ = Serve(ctx, address, r.Root) }()
	clone := t.TempDir()
	listening(t, address)
	if err := git(ctx, clone, "clone", "--quiet", "http://"+address+"/fleet.git", "."); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(clone, settings))
	if err != nil || !strings.Contains(string(raw), "CLUSTER_ID: \"1\"") {
		t.Errorf("settings %s, %v", raw, err)
	}
	log, err := exec.Command("git", "-C", clone, "log", "--format=%s").Output()
	if err != nil || string(log) != "Reset infra\nEdit\nBootstrap infra and apps\n" {
		t.Errorf("history %q, %v", log, err)
	}
	if err := git(ctx, clone, "push", "--quiet", "origin", "HEAD:refs/heads/other"); err != nil {
		t.Errorf("push over HTTP: %v", err)
	}
}

// listening waits until somebody accepts connections at address.
func listening(t *testing.T, address string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		<-tick.C
	}
	t.Fatalf("nobody listens at %s", address)
}
