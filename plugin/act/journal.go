package act

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// journalKey is where a journal's ConfigMap has the document: JSON, compressed by zstd.
const journalKey = "journal.json.zst"

// Journal keeps a cluster's journal in the cluster itself, in ConfigMap Name of Flux's namespace, for whoever goes on
// or goes back from elsewhere. It is a handover.Keeper. Load comes first: what Save writes replaces what Load saw, and
// nothing else.
type Journal struct {
	c    *Cluster
	name string // of the ConfigMap

	mu      sync.Mutex
	version string // resourceVersion of the ConfigMap as last seen; empty: there was none
	pending []byte // the document whose answer was lost: it may be what is stored

	base, proof *frozen        // what was packed last
	stands      map[string]int // digests of what is stored apart, by the number of its first part
}

var _ handover.Keeper = (*Journal)(nil)

// Journal is the keeper of the cluster's journal.
func (c *Cluster) Journal() *Journal { return c.JournalNamed(Name) }

// JournalNamed is the keeper of a journal of its own, in a ConfigMap of that name: a drill's does not replace a
// handover's.
func (c *Cluster) JournalNamed(name string) *Journal { return &Journal{c: c, name: name} }

func (k *Journal) ref() handover.Ref {
	return handover.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: k.c.options.Expect.Flux.Namespace, Name: k.name}
}

// Load is the journal of the cluster's last run; nil where there was none.
func (k *Journal) Load(ctx context.Context) (*handover.Journal, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	stored, err := k.stored(ctx)
	if apierrors.IsNotFound(err) {
		k.version = ""
		return nil, nil
	}
	if err != nil {
		return nil, k.c.failed("read the journal in", k.ref(), "get", err)
	}
	d, err := unpack(stored.BinaryData[journalKey])
	if err == nil {
		err = k.fetch(ctx, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal in %s: %w; look at it: %s", k.ref(), err, k.c.look(k.ref()))
	}
	k.version, k.pending = stored.ResourceVersion, nil
	return &d.Journal, nil
}

func (k *Journal) stored(ctx context.Context) (cm *core.ConfigMap, err error) {
	err = k.c.read(ctx, func() error {
		cm, err = k.c.core.ConfigMaps(k.ref().Namespace).Get(ctx, k.name, metav1.GetOptions{})
		return err
	})
	return cm, err
}

// Save keeps j in the cluster. An error that wraps handover.ErrLost says that somebody else has written or removed it;
// after any other the next Save finds out whether this one was taken.
func (k *Journal) Save(ctx context.Context, j *handover.Journal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, err := k.packed(j)
	if err != nil {
		return fmt.Errorf("keep the journal in %s: %w", k.ref(), err)
	}
	if p.fence != nil {
		// What is written over is not the journal's any more, and the journal is seen to be ours.
		if err := k.save(ctx, j, p.fence); err != nil {
			return err
		}
		if err := k.keepParts(ctx, j, p); err != nil {
			return err
		}
	}
	return k.save(ctx, j, p.main)
}

// save writes one document.
func (k *Journal) save(ctx context.Context, j *handover.Journal, document []byte) error {
	err := k.write(ctx, j, document)
	if isConflict(err) || apierrors.IsNotFound(err) && k.version != "" {
		err = k.settle(ctx, j, document)
	}
	if err != nil && !isConflict(err) {
		k.pending = document
	}
	return k.c.failed("keep the journal in", k.ref(), "update", err)
}

// write creates the ConfigMap, or replaces the one last seen.
func (k *Journal) write(ctx context.Context, j *handover.Journal, document []byte) error {
	cm := &core.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: k.name, Namespace: k.ref().Namespace, Labels: ownLabels(), ResourceVersion: k.version},
		Data: map[string]string{
			"run": j.Run, "phase": string(j.Phase), "step": current(j), "cluster": j.Cluster,
			"began": j.Began.UTC().Format(time.RFC3339), "updated": k.c.clock.Now().UTC().Format(time.RFC3339),
		},
		BinaryData: map[string][]byte{journalKey: document},
	}
	if !j.Until.IsZero() {
		cm.Data["until"] = j.Until.UTC().Format(time.RFC3339)
	}
	maps := k.c.core.ConfigMaps(cm.Namespace)
	var answer *core.ConfigMap
	var err error
	if k.version == "" {
		answer, err = maps.Create(ctx, cm, metav1.CreateOptions{FieldManager: manager})
	} else {
		answer, err = maps.Update(ctx, cm, metav1.UpdateOptions{FieldManager: manager})
	}
	if err != nil {
		return err
	}
	k.version, k.pending = answer.ResourceVersion, nil
	return nil
}

// settle finds out whose document stands in the way. Where it is ours, whose answer was lost, it is replaced; where it
// is this very one there is nothing left to do.
func (k *Journal) settle(ctx context.Context, j *handover.Journal, document []byte) error {
	stored, err := k.stored(ctx)
	if apierrors.IsNotFound(err) {
		return k.lost("somebody has removed it")
	}
	if err != nil {
		return err
	}
	kept := stored.BinaryData[journalKey]
	switch {
	case bytes.Equal(kept, document):
		k.version, k.pending = stored.ResourceVersion, nil
		return nil
	case k.pending != nil && bytes.Equal(kept, k.pending):
		k.version, k.pending = stored.ResourceVersion, nil
		if err := k.write(ctx, j, document); !isConflict(err) {
			return err
		}
	}
	return k.lost("somebody else writes it")
}

func (k *Journal) lost(why string) error {
	return &failure{
		text:   fmt.Sprintf("keep the journal in %s: %s; see who: flux handover status", k.ref(), why),
		causes: []error{handover.ErrLost},
	}
}

// current is the step that a run is in, or was in last.
func current(j *handover.Journal) string {
	last := ""
	for _, s := range j.Steps {
		if !s.Began.IsZero() {
			last = s.ID
		}
	}
	return last
}
