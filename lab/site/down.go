package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/node"
)

// Down ends every process of the lab; with wipe it also removes the state folder.
func (l *Lab) Down(wipe bool) error {
	if _, err := os.Stat(string(l.Dir)); err != nil {
		return nil //nolint:nilerr // no folder, no lab
	}
	unlock, err := l.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	s, known, err := l.Dir.Read()
	if err != nil && !wipe {
		return err
	}
	if known && s.Up {
		s.Up = false
		if err := l.Dir.Write(s); err != nil {
			return err
		}
	}
	var group sync.WaitGroup
	for _, name := range fleet.Names() {
		group.Go(func() {
			if c, err := l.Cluster(s, name); err == nil {
				c.Stop()
			}
		})
	}
	group.Wait()
	if err := l.stopReal(fleet.All()...); err != nil {
		return err
	}
	l.Processes().Stop(time.Second, l.Processes().Names("")...)
	if n := l.Processes().StopLeftovers(time.Second); n > 0 {
		l.Say("ended %d processes of an interrupted start", n)
	}
	if err := node.RemoveCgroups(l.Dir, fleet.All()...); err != nil {
		return err
	}
	l.Say("down: %s", l.Dir)
	if wipe {
		if err := os.RemoveAll(string(l.Dir)); err != nil {
			return fmt.Errorf("remove state folder: %w", err)
		}
	}
	return nil
}

// Reset takes one cluster back to what it was after `lab up`: empty, and bootstrapped anew.
func (l *Lab) Reset(ctx context.Context, name string) error {
	unlock, err := l.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	s, err := l.Running()
	if err != nil {
		return err
	}
	c, err := l.Cluster(s, name)
	if err != nil {
		return err
	}
	c.Stop()
	if err := errors.Join(l.stopReal(c.Cluster), node.RemoveCgroups(l.Dir, c.Cluster)); err != nil {
		return err
	}
	if err := c.Wipe(); err != nil {
		return err
	}
	if err := l.Repository().Restore(ctx, c.Cluster, s.CiliumVersion); err != nil {
		return err
	}
	return l.raise(ctx, s, name)
}
