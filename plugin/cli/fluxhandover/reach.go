package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// changer is what a run asks of a cluster beyond looking at it.
type changer interface {
	// Allowed gives those rights that whoever we are lacks.
	Allowed(ctx context.Context, rights []handover.Right) ([]handover.Right, error)
	// Take takes the cluster's lock; a *act.Held says who has it.
	Take(ctx context.Context, identity string) (lease, error)
	// Kept is the journal in the cluster.
	Kept() handover.Keeper
	// Follow puts a token into fresh whenever a journal of the cluster's may have changed; broken tells why it does not.
	Follow(fresh chan<- struct{}) (broken func() error)
	// Own are this tool's objects in the cluster.
	Own(ctx context.Context) ([]handover.Own, error)
	// KeptDrill is the journal of the cluster's last drill, in the cluster.
	KeptDrill() handover.Keeper
	// Stream opens connections between pods of its own; they are to be closed whatever it returns.
	Stream(ctx context.Context, o act.Probing) (connections, error)
	// World is the cluster as a Runner reaches it; backups go into that folder, and fields is what HandFields works on.
	World(backup string, fields []handover.Ref) handover.World
}

// lease is a lock while it is ours.
type lease interface {
	Lost() <-chan struct{}
	Release(ctx context.Context) error
}

// reach opens a cluster that may be changed; what it opens lives until ctx ends.
type reach func(ctx context.Context, a *aims, t cli.Target) (changer, error)

// cluster is package act's, with what package live looks at.
type cluster struct {
	*act.Cluster

	aims   *aims
	target cli.Target
}

func reachCluster(ctx context.Context, a *aims, t cli.Target) (changer, error) {
	if t.Broken != nil {
		return nil, errors.New("no way to the cluster: " + facts.RedactText(t.Broken.Error()))
	}
	opened, err := act.Open(ctx, t.Config, act.Options{Expect: t.Expect, Context: t.Context, UserAgent: t.Config.UserAgent})
	if err != nil {
		return nil, err
	}
	return &cluster{Cluster: opened, aims: a, target: t}, nil
}

func (c *cluster) Take(ctx context.Context, identity string) (lease, error) {
	l, err := c.Lock(ctx, identity)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (c *cluster) Stream(ctx context.Context, o act.Probing) (connections, error) {
	return c.Cluster.Stream(ctx, o)
}

func (c *cluster) Kept() handover.Keeper { return c.Journal() }

func (c *cluster) KeptDrill() handover.Keeper { return c.JournalNamed(handover.DrillJournalName) }

func (c *cluster) World(backup string, fields []handover.Ref) handover.World {
	return &world{cluster: c, backup: backup, fields: fields}
}

// holder is who runs this: "ann@bastion".
func holder(env *cli.Env) string {
	user := env.Getenv("USER")
	if user == "" {
		user = env.Getenv("USERNAME")
	}
	if user == "" {
		user = "somebody"
	}
	host, err := os.Hostname()
	if err != nil {
		host = "somewhere"
	}
	return fmt.Sprintf("%s@%s", user, filepath.Base(host))
}
