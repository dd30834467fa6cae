package fluxhandover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// journalFile is a journal's name in its run's folder.
const journalFile = "journal.json"

// maxJournal bounds what is read of a journal, in bytes.
const maxJournal = 64 << 20

// files keeps journals on this machine. It implements handover.Keeper for one cluster, which its UID names.
type files struct {
	state *state
	uid   string
}

// Load is the newest journal of the cluster on this machine; nil where there is none.
func (k *files) Load(context.Context) (*handover.Journal, error) {
	found, err := filepath.Glob(filepath.Join(k.state.dir, "*", journalFile))
	if err != nil {
		return nil, err
	}
	var newest *handover.Journal
	for _, path := range found {
		j, err := readJournal(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the journal %s: %w; where it is of no use, move its folder away", path, err)
		}
		if j.UID == k.uid && (newest == nil || j.Began.After(newest.Began)) {
			newest = j
		}
	}
	return newest, nil
}

// Save keeps j; when it returns, the journal is on the disk.
func (k *files) Save(_ context.Context, j *handover.Journal) error {
	dir := k.state.run(j.Cluster, j.Run)
	raw, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep the journal: %w", err)
	}
	if err := replace(filepath.Join(dir, journalFile), raw); err != nil {
		return fmt.Errorf("keep the journal: %w", err)
	}
	return nil
}

func readJournal(path string) (*handover.Journal, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxJournal {
		return nil, fmt.Errorf("is larger than %d MiB", maxJournal>>20)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var j handover.Journal
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, err
	}
	if j.Kind != handover.JournalKind {
		return nil, fmt.Errorf("is a %q, not a journal", j.Kind)
	}
	return &j, nil
}

// both keeps a journal on this machine first, then in the cluster, so that a run can be gone on with here when the
// cluster was lost, and elsewhere when this machine was.
type both struct{ here, there handover.Keeper }

// Load is the one that knows more: the later run's, else that which got further.
func (k both) Load(ctx context.Context) (*handover.Journal, error) {
	here, err := k.here.Load(ctx)
	if err != nil {
		return nil, err
	}
	there, err := k.there.Load(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case here == nil:
		return there, nil
	case there == nil:
		return here, nil
	case here.Run != there.Run && here.Began.After(there.Began), here.Run == there.Run && progress(here) > progress(there):
		return here, nil
	}
	return there, nil
}

// Save keeps j in both.
func (k both) Save(ctx context.Context, j *handover.Journal) error {
	if err := k.here.Save(ctx, j); err != nil {
		return err
	}
	return k.there.Save(ctx, j)
}

// progress grows with each entry of a journal.
func progress(j *handover.Journal) int {
	n := len(j.Before) + len(j.Seen)
	for _, s := range j.Steps {
		n += s.Begun + s.Taken
		for _, t := range []bool{!s.Began.IsZero(), !s.Ended.IsZero()} {
			if t {
				n++
			}
		}
	}
	if j.Backup != "" {
		n++
	}
	if j.Phase == handover.Finished || j.Phase == handover.RolledBack {
		n += 1000 // nothing comes after the end
	}
	return n
}
