package report

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// CleanupOutcome is what became of something that is left over.
type CleanupOutcome string

// The outcomes of a leftover.
const (
	LeftFound   CleanupOutcome = "found"   // it would be removed
	LeftRemoved CleanupOutcome = "removed" // it was
	LeftKept    CleanupOutcome = "kept"    // something has to be done first
	LeftFailed  CleanupOutcome = "failed"
)

// Cleanup is what bootstrap, handovers and drills have left over, and what became of it.
type Cleanup struct {
	Head     `json:",inline"`
	Clusters []CleanupCluster `json:"clusters"`
	Next     []string         `json:"next,omitempty"`
}

// CleanupCluster is what is left over in one cluster, and on this machine of its runs.
type CleanupCluster struct {
	Cluster   string        `json:"cluster"`
	Context   string        `json:"context,omitempty"`
	Server    string        `json:"server,omitempty"`
	UID       string        `json:"uid,omitempty"`
	Leftovers []CleanupItem `json:"leftovers"`
	Unseen    []string      `json:"unseen,omitempty"` // what could not be looked at, and why
}

// CleanupItem is one leftover.
type CleanupItem struct {
	handover.Leftover `json:",inline"`

	Outcome CleanupOutcome `json:"outcome"`
	Error   string         `json:"error,omitempty"`
	// Backup is the file of this machine that holds what was removed: kubectl apply --server-side -f puts it back.
	Backup string `json:"backup,omitempty"`
}

// Where is the object, or the folder.
func (i CleanupItem) Where() string {
	if i.Folder != "" {
		return i.Folder
	}
	return i.Ref.String()
}

// NewCleanup joins clusters; next is the command that removes what was found.
func NewCleanup(clusters []CleanupCluster, next []string) Cleanup {
	for i := range clusters {
		clusters[i].Leftovers = filled(clusters[i].Leftovers)
	}
	return Cleanup{Head: head("Cleanup"), Clusters: filled(clusters), Next: next}
}

// Count is how many leftovers have an outcome.
func (d Cleanup) Count(o CleanupOutcome) int {
	n := 0
	for _, c := range d.Clusters {
		for _, item := range c.Leftovers {
			if item.Outcome == o {
				n++
			}
		}
	}
	return n
}

// Names implements Doc.
func (d Cleanup) Names() []string {
	var all []string
	for _, c := range d.Clusters {
		for _, item := range c.Leftovers {
			all = append(all, c.Cluster+"/"+item.Where())
		}
	}
	return all
}

// Table implements Doc.
func (d Cleanup) Table(p *Page, _ bool) {
	for _, c := range d.Clusters {
		p.Line("%s", identity(c.Cluster, c.Context, c.Server, c.UID))
		for _, why := range c.Unseen {
			p.Line("%s  %s", p.Paint(check.Unknown, "UNKNOWN"), p.cut(fold(why)))
		}
		c.table(p)
		p.Line("")
	}
	p.Line("%s", d.sentence())
	for _, command := range d.Next {
		p.Line("  %s", command)
	}
}

func (c CleanupCluster) table(p *Page) {
	var rows [][]string
	for _, item := range c.Leftovers {
		rows = append(rows, []string{"  " + p.outcome(item.Outcome), item.Where(), item.What})
	}
	if len(rows) > 0 {
		p.Rows([]string{"  ", "OBJECT", "WHAT"}, rows)
	}
	for _, item := range c.Leftovers {
		if why := item.Keep + item.Error; why != "" {
			p.Prose(0, item.Where()+": "+p.cut(fold(why)))
		}
		if item.Backup != "" {
			p.Line("%s  backup  %s", c.Cluster, fold(item.Backup))
		}
	}
}

func (p *Page) outcome(o CleanupOutcome) string {
	worst := map[CleanupOutcome]check.Outcome{LeftFound: check.Warn, LeftRemoved: check.Pass, LeftKept: check.Warn, LeftFailed: check.Fail}
	return p.Paint(worst[o], string(o))
}

// sentence is the answer in words.
func (d Cleanup) sentence() string {
	unseen := 0
	for _, c := range d.Clusters {
		unseen += len(c.Unseen)
	}
	found, removed, kept, failed := d.Count(LeftFound), d.Count(LeftRemoved), d.Count(LeftKept), d.Count(LeftFailed)
	switch {
	case found+removed+kept+failed == 0 && unseen > 0:
		return "Not everything could be looked at."
	case found+removed+kept+failed == 0:
		return "Nothing is left over."
	case removed+failed > 0:
		return fmt.Sprintf("%d removed, %d failed, %d kept.", removed, failed, kept)
	case found == 0:
		return fmt.Sprintf("%d kept: each says what has to be done first.", kept)
	}
	return fmt.Sprintf("%d left over, %d kept. Nothing was changed. Remove them:", found, kept)
}
