package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Cluster is one cluster of a lab as running programs.
type Cluster struct {
	fleet.Cluster
	Index     int
	Dir       state.Dir
	Settings  state.Settings
	Processes process.Table
	Program   func(name string) string // where a built program is
	Self      string                   // the lab's own executable
}

// Client is the lab's own access to the cluster, patient enough for all but watching.
func (c Cluster) Client() (*api.Client, error) { return c.client(30 * time.Second) }

// Watcher is the same for requests that have no end.
func (c Cluster) Watcher() (*api.Client, error) { return c.client(0) }

func (c Cluster) client(timeout time.Duration) (*api.Client, error) {
	return api.New(Kubeconfig(c.Dir, c.Name, machineUser), c.Name, timeout)
}

// Path is a path below the cluster's folder.
func (c Cluster) Path(elem ...string) string { return c.Dir.Cluster(c.Name, elem...) }

func (c Cluster) port(p state.Port) int { return c.Settings.Of(c.Index, p) }

// WriteKeys writes every cluster's keys and then the kubeconfigs that need them.
func WriteKeys(dir state.Dir, s state.Settings) error {
	for _, c := range fleet.All() {
		pki := dir.Cluster(c.Name, "pki")
		if err := ensureKeys(pki, c.Name, net.ParseIP(c.APIService())); err != nil {
			return err
		}
		if err := errors.Join(
			state.WriteFile(filepath.Join(pki, "tokens.csv"), tokenFile(s.AdminToken), 0o600),
			state.WriteFile(filepath.Join(pki, "audit-policy.yaml"), auditPolicy(), 0o644),
		); err != nil {
			return err
		}
	}
	return writeKubeconfigs(dir, s)
}

// StartControlPlane runs etcd, the API server, the controller manager and the scheduler, and returns when the API
// server is ready.
func (c Cluster) StartControlPlane(ctx context.Context) error {
	for _, spec := range []process.Spec{c.etcd(), c.apiserver()} {
		if err := c.Processes.Start(spec); err != nil {
			return err
		}
		if err := c.Processes.Signal(spec.Name, syscall.SIGCONT); err != nil { // a break may have stopped it
			return err
		}
	}
	if err := c.WaitAPI(ctx, time.Minute); err != nil {
		return err
	}
	return c.start(c.controllerManager(), c.scheduler())
}

// WaitAPI waits until the API server says that it is ready.
func (c Cluster) WaitAPI(ctx context.Context, within time.Duration) error {
	client, err := c.client(2 * time.Second)
	if err != nil {
		return err
	}
	name := c.Name + "/kube-apiserver"
	return c.Processes.WaitFor(name, within, func() bool {
		err := client.Discovery.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		return err == nil || ctx.Err() != nil
	})
}

// StartNodes runs the simulated kubelet, the lab's player of agents and operator, and the controller that fetches
// sources; the definitions of their resources must be there.
func (c Cluster) StartNodes() error {
	return c.start(c.kwok(), c.player(), c.flux()[0])
}

// StartAppliers runs the controllers that apply what was fetched. They come after the fetching one: an address of its
// store that is no longer true would be tried for minutes.
func (c Cluster) StartAppliers() error { return c.start(c.flux()[1:]...) }

// SourceAddress is where the fetching controller serves its store.
func (c Cluster) SourceAddress() string { return c.local(state.SourceHTTP) }

func (c Cluster) start(specs ...process.Spec) error {
	for _, spec := range specs {
		if err := c.Processes.Start(spec); err != nil {
			return err
		}
	}
	return nil
}

// Check names the programs that ought to run and do not.
func (c Cluster) Check() error {
	var dead []error
	for _, name := range c.Processes.Names(c.Name + "/") {
		if _, ok := c.Processes.Find(name); !ok {
			dead = append(dead, fmt.Errorf("%s ended; see %s", name, c.Processes.Log(name)))
		}
	}
	return errors.Join(dead...)
}

// StartAPI starts the API server alone, where it was stopped on its own.
func (c Cluster) StartAPI(ctx context.Context) error {
	if err := c.Processes.Start(c.apiserver()); err != nil {
		return err
	}
	return c.WaitAPI(ctx, time.Minute)
}

// Stop ends the cluster's processes, etcd last so that nobody waits for it.
func (c Cluster) Stop() {
	var rest []string
	for _, name := range c.Processes.Names(c.Name + "/") {
		if name != c.Name+"/etcd" {
			rest = append(rest, name)
		}
	}
	c.Processes.Stop(3*time.Second, rest...)
	c.Processes.Stop(3*time.Second, c.Name+"/etcd")
}

// Wipe forgets all that the cluster held; its keys stay, so that kubeconfigs go on working.
func (c Cluster) Wipe() error {
	for _, sub := range []string{"etcd", "agents", "flux", "breaks", "audit.log"} {
		if err := os.RemoveAll(c.Path(sub)); err != nil {
			return fmt.Errorf("wipe %s: %w", c.Name, err)
		}
	}
	return nil
}
