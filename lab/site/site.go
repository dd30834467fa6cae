// Package site is one lab as a whole: it joins the built programs, the state folder, the Git server, the registry and
// the clusters, and brings them up and down.
package site

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/control"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/forge"
	"github.com/cilium-gitops/cilium-gitops/lab/machine"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Lab is a lab at a place.
type Lab struct {
	Dir     state.Dir
	Builder component.Builder
	Self    string    // the lab's own executable
	Err     io.Writer // the story: what is being done
	Begun   time.Time // when the command began
	tell    sync.Mutex
}

// Options are what `lab up` can be told; zero values mean what the lab was before, or the defaults.
type Options struct {
	CiliumVersion string
	Helm          int
	NoCilium      bool
	Agents        string // state.Simulated or state.Real
}

// DefaultCilium is the version of Cilium that the story bootstraps.
const DefaultCilium = "1.18.2"

// Say tells a step of the story, with the time since the command began.
func (l *Lab) Say(format string, args ...any) {
	l.tell.Lock()
	defer l.tell.Unlock()
	fmt.Fprintf(l.Err, "%6.1fs  %s\n", time.Since(l.Begun).Seconds(), fmt.Sprintf(format, args...))
}

// Processes are the lab's running programs.
func (l *Lab) Processes() process.Table { return process.Table{Dir: l.Dir} }

// Lock keeps other commands of the same lab waiting.
func (l *Lab) Lock() (func(), error) {
	return state.Lock(l.Dir.Join("lock"), func() { l.Say("waiting for another command on this lab") })
}

// Cluster is one of the lab's clusters.
func (l *Lab) Cluster(s state.Settings, name string) (control.Cluster, error) {
	c, index, err := fleet.Index(name)
	if err != nil {
		return control.Cluster{}, err
	}
	return control.Cluster{
		Cluster: c, Index: index, Dir: l.Dir, Settings: s, Processes: l.Processes(), Self: l.Self,
		Program: func(program string) string { return l.Dir.Join("programs", program) },
	}, nil
}

// Running returns the settings of a lab that is up, or an error that says what to do.
func (l *Lab) Running() (state.Settings, error) {
	s, ok, err := l.Dir.Read()
	if err != nil {
		return s, err
	}
	if !ok || !s.Up {
		return s, fmt.Errorf("no lab is up in %s; start it with `lab up`", l.Dir)
	}
	return s, nil
}

// GitURL is where Flux and people reach the repository.
func (l *Lab) GitURL(s state.Settings) string {
	return fmt.Sprintf("http://127.0.0.1:%d/fleet.git", s.Port(state.Git))
}

// RegistryAddress is host and port of the OCI registry, which speaks plain HTTP.
func (l *Lab) RegistryAddress(s state.Settings) string {
	return fmt.Sprintf("127.0.0.1:%d", s.Port(state.Registry))
}

// ChartPath is the packed chart of a version.
func (l *Lab) ChartPath(version string) string {
	return l.Dir.Join("charts", "cilium-"+version+".tgz")
}

// ValuesPath is the values file that a cluster is bootstrapped with.
func (l *Lab) ValuesPath(cluster string) string { return l.Dir.Cluster(cluster, "values.yaml") }

// Repository is the lab's Git repository.
func (l *Lab) Repository() forge.Repository { return forge.Repository{Root: l.Dir.Join("git")} }

// Values are what Cilium is bootstrapped with on a cluster of this lab.
func Values(s state.Settings, c fleet.Cluster) ([]byte, error) {
	values, err := c.Values()
	if err == nil && s.NoEncryption {
		values = []byte(fleet.WithoutEncryption(string(values)))
	}
	return values, err
}

// settle makes the settings of this `up` from what the lab was and what it is told to be.
func (l *Lab) settle(o Options) (state.Settings, error) {
	s, known, err := l.Dir.Read()
	if err != nil {
		return s, err
	}
	if known && o.CiliumVersion != "" && o.CiliumVersion != s.CiliumVersion {
		return s, fmt.Errorf("the lab in %s has Cilium %s; remove it with `lab down --wipe`, or use another --state", l.Dir, s.CiliumVersion)
	}
	if known && o.Helm != 0 && o.Helm != s.Helm {
		return s, fmt.Errorf("the lab in %s was bootstrapped by Helm %d; remove it with `lab down --wipe`, or use another --state", l.Dir, s.Helm)
	}
	if known && o.Agents != "" && (o.Agents == state.Real) != s.Real() {
		return s, fmt.Errorf("the lab in %s has other agents than %s ones; remove it with `lab down --wipe`, or use another --state", l.Dir, o.Agents)
	}
	if known && s.Real() {
		if err := machine.Able(); err != nil {
			return s, err
		}
	}
	if !known {
		token := make([]byte, 16)
		if _, err := rand.Read(token); err != nil {
			return s, fmt.Errorf("make a token: %w", err)
		}
		s = state.Settings{CiliumVersion: DefaultCilium, Helm: 4, AdminToken: hex.EncodeToString(token)}
		if o.CiliumVersion != "" {
			s.CiliumVersion = o.CiliumVersion
		}
		if o.Helm != 0 {
			s.Helm = o.Helm
		}
		s.NoCilium = o.NoCilium
		if err := chooseAgents(&s, o.Agents); err != nil {
			return s, err
		}
	}
	if s.PortBase == 0 || (!l.Processes().Any() && !state.BlockFree(s.PortBase)) {
		if s.PortBase, err = state.FindPorts(l.Dir); err != nil {
			return s, err
		}
	}
	return s, l.Dir.Write(s)
}

// link puts a name for a built program where the lab's parts look for it.
func link(target, name string) error {
	if old, err := os.Readlink(name); err == nil && old == target {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	tmp := name + ".new"
	os.Remove(tmp)
	if err := os.Symlink(target, tmp); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if err := os.Rename(tmp, name); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}
