package breaks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Aim is what the user says about where to break.
type Aim struct{ Cluster, Node, User string }

// Find returns the break of that name.
func Find(name string) (Break, error) {
	all := Table()
	i := slices.IndexFunc(all, func(b Break) bool { return b.Name == name })
	if i < 0 {
		return Break{}, fmt.Errorf("break %q: there is none of that name; see `lab break --list`", name)
	}
	return all[i], nil
}

// Run breaks.
func Run(ctx context.Context, lab *site.Lab, name string, aim Aim) error {
	b, err := Find(name)
	if err != nil {
		return err
	}
	record, err := b.aim(aim)
	if err != nil {
		return err
	}
	t, err := target(lab, record)
	if err != nil {
		return err
	}
	if b, err = b.in(t.Cluster.Settings); err != nil {
		return err
	}
	if _, err := os.Stat(t.path()); err == nil {
		return fmt.Errorf("break %s on %s: it is broken already; `lab mend %s --cluster %s` first", name, record.Cluster, name, record.Cluster)
	}
	if err := t.keep(); err != nil {
		return err
	}
	if err := b.Do(ctx, t); err != nil {
		return fmt.Errorf("break %s on %s: %w; `lab mend %s --cluster %s` puts back what was changed", name, record.Cluster, err, name, record.Cluster)
	}
	lab.Say("broke %s: %s", record, b.About)
	return nil
}

// aim fills in what the user left open.
func (b Break) aim(a Aim) (*Record, error) {
	r := &Record{Break: b.Name, Cluster: a.Cluster, Since: time.Now().UTC(), Note: map[string]string{}}
	if r.Cluster == "" {
		r.Cluster = b.Cluster
	}
	if r.Cluster == "" {
		r.Cluster = fleet.Names()[0]
	}
	c, _, err := fleet.Index(r.Cluster)
	if err != nil {
		return nil, err
	}
	switch b.Scope {
	case OnNode:
		nodes := c.Nodes()
		r.Node = a.Node
		if r.Node == "" {
			r.Node = nodes[1].Name
		}
		if !slices.ContainsFunc(nodes, func(n fleet.Node) bool { return n.Name == r.Node }) {
			return nil, fmt.Errorf("break %s: %s has no node %q; its nodes are %s-1 to -%d", b.Name, c.Name, r.Node, c.Name, fleet.Nodes)
		}
	case OnUser:
		if r.User = a.User; r.User == "" {
			return nil, fmt.Errorf("break %s: say whom with --user NAME", b.Name)
		}
	}
	return r, nil
}

// Mend undoes a break, on one cluster or wherever it is in force.
func Mend(ctx context.Context, lab *site.Lab, name, cluster string) error {
	if _, err := Find(name); err != nil {
		return err
	}
	records, err := InForce(lab)
	if err != nil {
		return err
	}
	n := 0
	for _, r := range records {
		if r.Break != name || (cluster != "" && r.Cluster != cluster) {
			continue
		}
		n++
		if err := mend(ctx, lab, r); err != nil {
			return err
		}
	}
	if n == 0 {
		lab.Say("%s is not broken", name)
	}
	return nil
}

// MendAll undoes every break in force, the latest first.
func MendAll(ctx context.Context, lab *site.Lab, cluster string) error {
	records, err := InForce(lab)
	if err != nil {
		return err
	}
	for _, r := range records {
		if cluster != "" && r.Cluster != cluster {
			continue
		}
		if err := mend(ctx, lab, r); err != nil {
			return err
		}
	}
	return nil
}

func mend(ctx context.Context, lab *site.Lab, r *Record) error {
	b, err := Find(r.Break)
	if err != nil {
		return err
	}
	t, err := target(lab, r)
	if err != nil {
		return err
	}
	if b, err = b.in(t.Cluster.Settings); err != nil {
		return err
	}
	if err := t.restore(ctx); err != nil {
		return fmt.Errorf("mend %s: %w", r, err)
	}
	if b.Undo != nil {
		if err := b.Undo(ctx, t); err != nil {
			return fmt.Errorf("mend %s: %w", r, err)
		}
	}
	if err := os.Remove(t.path()); err != nil {
		return fmt.Errorf("mend %s: %w", r, err)
	}
	lab.Say("mended %s", r)
	return nil
}

// InForce lists the breaks in force in the order in which they are to be undone.
func InForce(lab *site.Lab) ([]*Record, error) {
	var records []*Record
	for _, cluster := range fleet.Names() {
		files, err := filepath.Glob(lab.Dir.Cluster(cluster, "breaks", "*.json"))
		if err != nil {
			return nil, fmt.Errorf("list breaks: %w", err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			r := &Record{}
			if err == nil {
				err = json.Unmarshal(raw, r)
			}
			if err != nil {
				return nil, fmt.Errorf("read break %s: %w", file, err)
			}
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int {
		if x, y := first(a), first(b); x != y {
			return x - y
		}
		return b.Since.Compare(a.Since)
	})
	return records, nil
}

func first(r *Record) int {
	if b, err := Find(r.Break); err == nil && b.First {
		return 0
	}
	return 1
}

func (r *Record) String() string {
	words := []string{r.Break, "on", r.Cluster}
	if r.Node != "" {
		words = append(words, "node", r.Node)
	}
	if r.User != "" {
		words = append(words, "user", r.User)
	}
	return strings.Join(words, " ")
}

func target(lab *site.Lab, r *Record) (*Target, error) {
	s, err := lab.Running()
	if err != nil {
		return nil, err
	}
	c, err := lab.Cluster(s, r.Cluster)
	if err != nil {
		return nil, err
	}
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(client.Config)
	if err != nil {
		return nil, fmt.Errorf("make client of %s: %w", c.Name, err)
	}
	return &Target{Record: r, Lab: lab, Cluster: c, Client: client, Kube: kube}, nil
}

func (t *Target) path() string { return t.Cluster.Path("breaks", t.Record.Break+".json") }

// keep writes the record down, as it is now.
func (t *Target) keep() error {
	raw, err := json.MarshalIndent(t.Record, "", "  ")
	if err != nil {
		return fmt.Errorf("keep record of %s: %w", t.Record.Break, err)
	}
	return state.WriteFile(t.path(), raw, 0o600)
}
