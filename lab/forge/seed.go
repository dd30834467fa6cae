package forge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
)

// Repository is the bare repository fleet.git below a folder.
type Repository struct{ Root string }

// Path is the folder of the bare repository.
func (r Repository) Path() string { return filepath.Join(r.Root, "fleet.git") }

// Ensure creates and seeds the repository unless it is there. Where WireGuard is left off, the tree says so: in the
// values, and in fleet.yaml, which does not call for it.
func (r Repository) Ensure(ctx context.Context, cilium string, noEncryption bool) error {
	if _, err := os.Stat(filepath.Join(r.Path(), "refs", "heads", "main")); err == nil {
		return nil
	}
	if err := os.RemoveAll(r.Path()); err != nil {
		return fmt.Errorf("seed repository: %w", err)
	}
	if err := os.MkdirAll(r.Root, 0o755); err != nil {
		return fmt.Errorf("seed repository: %w", err)
	}
	if err := git(ctx, r.Root, "init", "--quiet", "--bare", "--initial-branch=main", "fleet.git"); err != nil {
		return err
	}
	if err := git(ctx, r.Path(), "config", "http.receivepack", "true"); err != nil {
		return err
	}
	return r.Commit(ctx, "Bootstrap infra and apps", func(tree string) error {
		for _, c := range fleet.All() {
			if err := seedCluster(tree, c, cilium); err != nil {
				return err
			}
		}
		return seedBootstrap(tree, cilium, noEncryption)
	})
}

// Restore puts one cluster's folder back to what it was seeded with, and takes away what was added for Cilium.
func (r Repository) Restore(ctx context.Context, c fleet.Cluster, cilium string) error {
	return r.Commit(ctx, "Reset "+c.Name, func(tree string) error { return seedCluster(tree, c, cilium) })
}

// Commit clones main, lets edit change the tree, and pushes the result, if it changed anything, as one commit.
func (r Repository) Commit(ctx context.Context, message string, edit func(tree string) error) (err error) {
	tree, err := os.MkdirTemp("", "lab-tree-")
	if err != nil {
		return fmt.Errorf("commit to fleet.git: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
	if err := git(ctx, tree, "clone", "--quiet", r.Path(), "."); err != nil {
		return err
	}
	if err := git(ctx, tree, "checkout", "--quiet", "-B", "main"); err != nil {
		return err
	}
	if err := edit(tree); err != nil {
		return fmt.Errorf("commit to fleet.git: %w", err)
	}
	if err := git(ctx, tree, "add", "--all"); err != nil {
		return err
	}
	if git(ctx, tree, "diff", "--cached", "--quiet") == nil {
		return nil
	}
	if err := git(ctx, tree, "commit", "--quiet", "-m", message); err != nil {
		return err
	}
	return git(ctx, tree, "push", "--quiet", "origin", "main")
}

func git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=lab", "GIT_AUTHOR_EMAIL=lab@localhost", "GIT_COMMITTER_NAME=lab", "GIT_COMMITTER_EMAIL=lab@localhost",
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
