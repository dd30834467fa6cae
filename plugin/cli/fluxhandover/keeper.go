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
const maxJournal = 128 << 20

// indented is up to how many bytes a journal is written for people to read.
const indented = 4 << 20

// files keeps journals on this machine. It implements handover.Keeper for one cluster, which its UID names.
type files struct {
	state *state
	uid   string
}

// Load is the newest journal of the cluster on this machine; nil where there is none. The newest is the one that counts
// furthest; of journals that do not count, the one that began last.
func (k *files) Load(context.Context) (*handover.Journal, error) {
	return k.newest(func(*handover.Journal) bool { return true })
}

// Of is this machine's journal of that run; nil where there is none.
func (k *files) Of(_ context.Context, run string) (*handover.Journal, error) {
	return k.newest(func(j *handover.Journal) bool { return j.Run == run })
}

func (k *files) newest(wanted func(*handover.Journal) bool) (*handover.Journal, error) {
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
		if j.UID == k.uid && wanted(j) && (newest == nil || older(newest, j)) {
			newest = j
		}
	}
	return newest, nil
}

// Save keeps j; when it returns, the journal is on the disk.
func (k *files) Save(_ context.Context, j *handover.Journal) error {
	dir := k.state.run(j.Cluster, j.Run)
	raw, err := json.Marshal(j)
	if err == nil && len(raw) < indented {
		raw, err = json.MarshalIndent(j, "", " ")
	}
	if err != nil {
		return err
	}
	if len(raw) > maxJournal {
		return fmt.Errorf("keep the journal: its %d bytes are more than the %d MiB that are read again", len(raw), maxJournal>>20)
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

// Room tells whether the journal can be kept to the end of its run, when there is a proof as large as the baseline.
func (k *files) Room(j *handover.Journal) error {
	raw, err := json.Marshal(j.Base)
	if err != nil {
		return err
	}
	if size := len(raw)/4*9 + indented; size > maxJournal {
		return fmt.Errorf("the cluster is too large for a journal: a baseline of %d bytes and a proof beside it are more than %d MiB", len(raw), maxJournal>>20)
	}
	return nil
}
