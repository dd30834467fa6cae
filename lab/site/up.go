package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/cilium-gitops/cilium-gitops/lab/control"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Up builds what is missing and brings the lab up; what is up already is left as it is.
func (l *Lab) Up(ctx context.Context, o Options) error {
	unlock, err := l.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	s, err := l.settle(o)
	if err != nil {
		return err
	}
	if err := l.prepare(ctx, s); err != nil {
		return err
	}
	if err := l.startShared(ctx, s); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range fleet.Names() {
		group.Go(func() error {
			if err := l.raise(ctx, s, name); err != nil {
				return fmt.Errorf("cluster %s: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.Up = true
	if err := l.Dir.Write(s); err != nil {
		return err
	}
	l.Say("up: %s", l.Dir)
	return nil
}

// prepare builds programs and files, and writes everything that is there before anything runs.
func (l *Lab) prepare(ctx context.Context, s state.Settings) error {
	helm := fmt.Sprintf("helm%d", s.Helm)
	for _, name := range []string{
		"etcd", "registry", "kwok", helm, "agent", "kubernetes", "source-controller", "kustomize-controller", "helm-controller",
	} {
		if err := l.install(ctx, name); err != nil {
			return err
		}
	}
	if s.Real() {
		if err := l.prepareReal(ctx, s); err != nil {
			return err
		}
	}
	if err := l.shims(helm); err != nil {
		return err
	}
	if err := control.WriteKeys(l.Dir, s); err != nil {
		return err
	}
	for _, c := range fleet.All() {
		values, err := Values(s, c)
		if err != nil {
			return err
		}
		if err := state.WriteFile(l.ValuesPath(c.Name), values, 0o644); err != nil {
			return err
		}
	}
	if err := l.Repository().Ensure(ctx, s.CiliumVersion, s.NoEncryption); err != nil {
		return err
	}
	return l.packChart(ctx, s.CiliumVersion)
}

// install builds a component and links its programs into the state folder.
func (l *Lab) install(ctx context.Context, name string) error {
	dir, err := l.Builder.Ensure(ctx, name)
	if err != nil {
		return err
	}
	if name == "agent" {
		return link(dir, l.Dir.Join("agent-bin"))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	for _, e := range entries {
		if err := link(filepath.Join(dir, e.Name()), l.Dir.Join("programs", e.Name())); err != nil {
			return err
		}
	}
	return nil
}
