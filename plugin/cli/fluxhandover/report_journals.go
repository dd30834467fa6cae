package fluxhandover

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// firstProgram is how the program that asks is called.
const firstProgram = "kubectl cilium-gitops"

// kept is a journal, and the file that it is in; empty where it is from a cluster.
type kept struct {
	journal *handover.Journal
	path    string
}

// evidence is the file that a run's evidence is in, beside its journal; empty where there is none.
func (k kept) evidence() string {
	if k.path == "" {
		return ""
	}
	path := filepath.Join(filepath.Dir(k.path), evidenceFile)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// here are the journals of this machine. Those that cannot be read are named and left out.
func (o *reportOptions) here() ([]kept, error) {
	dir, err := stateDir(o.env)
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", journalFile))
	if err != nil {
		return nil, err
	}
	var all []kept
	for _, path := range found {
		j, err := cleanJournal(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			o.env.Say("the journal %s is of no use: %v", path, err)
			continue
		}
		all = append(all, kept{journal: j, path: path})
	}
	return all, nil
}

// cleanJournal reads a journal of which every text is neutralised: a file is whoever's file.
func cleanJournal(path string) (*handover.Journal, error) {
	j, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(cleaned(tree)); err != nil {
		return nil, err
	}
	var clean handover.Journal
	if err := json.Unmarshal(raw, &clean); err != nil {
		return nil, fmt.Errorf("is not of a journal's schema: %w", err)
	}
	return &clean, nil
}

// cleaned is a tree of JSON with every text neutralised, keys too.
func cleaned(tree any) any {
	switch t := tree.(type) {
	case string:
		return facts.Text(t)
	case []any:
		for i := range t {
			t[i] = cleaned(t[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(t))
		for key, value := range t {
			clean[facts.Text(key)] = cleaned(value)
		}
		return clean
	}
	return tree
}

// join adds the cluster's journal to those of this machine: of the same run that which got further is told.
func join(own []kept, there *handover.Journal) []kept {
	i := slices.IndexFunc(own, func(k kept) bool { return k.journal.Run == there.Run })
	if i < 0 {
		return append(own, kept{journal: there})
	}
	if further(there, own[i].journal) {
		own[i].journal = there
	}
	return own
}

// sinceHandover are the newest handover and what came after it; where there was none, the newest run. Journals that are
// counted come after those that are not. The cluster's own run is the last that there was.
func sinceHandover(all []kept, last *handover.Journal) []kept {
	slices.SortStableFunc(all, func(a, b kept) int {
		return cmp.Or(cmp.Compare(a.journal.Count, b.journal.Count), a.journal.Began.Compare(b.journal.Began))
	})
	if last != nil {
		if i := slices.IndexFunc(all, func(k kept) bool { return k.journal.Run == last.Run }); i >= 0 {
			all = all[:i+1]
		}
	}
	from := len(all) - 1
	for i, k := range all {
		if k.journal.Name == handover.HandoverName || k.journal.Name == "" {
			from = i
		}
	}
	return all[from:]
}

// again are the commands that check a run once more.
func (o *reportOptions) again(t report.Told) []string {
	context := t.Journal.Context
	var all []string
	if t.Evidence != "" {
		all = append(all, cli.Shell(firstProgram, "verify", "--phase", "handover", "--from", t.Evidence, "-o", "wide"))
	}
	if context != "" {
		all = append(all, cli.Shell(firstProgram, "verify", "--phase", "gitops,handover", "--context", context),
			cli.Shell(o.env.Name, "status", "--context", context, "-o", "wide"),
			cli.Shell("helm", "--kube-context", context, "-n", t.Expect.Cilium.Namespace, "history", t.Expect.Cilium.Release))
	}
	return all
}

// next are the commands to go on with, by the newest run of each cluster.
func (o *reportOptions) next(told []report.Told) []string {
	var contexts []string
	last := map[string]*handover.Journal{}
	for _, t := range told {
		context := t.Journal.Context
		if !slices.Contains(contexts, context) {
			contexts = append(contexts, context)
		}
		last[context] = t.Journal
	}
	var all, done []string
	for _, context := range contexts {
		one := func(verb string, more ...string) {
			all = append(all, cli.Shell(o.env.Name, append([]string{verb, "--context", context}, more...)...))
		}
		switch j := last[context]; {
		case j.Unfinished() && j.Name == handover.RollbackName:
			one("rollback")
		case j.Unfinished() && j.Name != handover.HandoverName && j.Name != "":
			one("drill", "--undo")
		case j.Unfinished():
			one("run", "--resume")
			one("rollback", "--dry-run")
		case j.Phase == handover.Finished:
			done = append(done, "--context", context)
		default:
			one("plan")
		}
	}
	if len(done) > 0 {
		all = append(all, cli.Shell(firstProgram, append([]string{"verify"}, done...)...), cli.Shell(o.env.Name, append([]string{"cleanup"}, done...)...))
	}
	return all
}

// completeJournal offers the journals of this machine; any other file is the shell's matter.
func (o *reportOptions) completeJournal(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	dir, err := stateDir(o.env)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", journalFile))
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return found, cobra.ShellCompDirectiveDefault
}
