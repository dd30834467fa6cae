package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Action is what becomes of one file.
type Action string

// The actions.
const (
	Created   Action = "created"   // it is not there yet
	Changed   Action = "changed"   // it is there, and gains what it lacks; or it is overwritten by force
	Unchanged Action = "unchanged" // it is there and says what it should
	Conflict  Action = "conflict"  // it is there and says something else: nothing is written
)

// Laid is one file as it is and as it is to be.
type Laid struct {
	Path   string
	Action Action
	Why    string // of a conflict, or of a file that is left alone
	Old    string // empty where there is none
	New    string
}

// Lay lays files over what is in a tree. Shared files keep all that they hold and gain what they lack; files of our
// own that say something else are conflicts, unless force says to overwrite them. Nothing is written.
func Lay(files []File, there fs.FS, force bool) ([]Laid, error) {
	var all []Laid
	for _, f := range files {
		old, err := fs.ReadFile(there, f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			laid, err := fresh(f, there)
			if err != nil {
				return nil, err
			}
			all = append(all, laid)
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", f.Path, err)
		default:
			all = append(all, over(f, string(old), force))
		}
	}
	return all, nil
}

// fresh is a file that is not there. Where a directory has other manifests and no kustomization.yaml, Flux takes all
// of them: a new one that names only ours would make it drop, and prune, the others.
func fresh(f File, there fs.FS) (Laid, error) {
	if f.How == Resources {
		for _, other := range []string{"kustomization.yml", "Kustomization"} {
			if _, err := fs.Stat(there, path.Join(path.Dir(f.Path), other)); err == nil {
				return Laid{Path: path.Join(path.Dir(f.Path), other), Action: Conflict,
					Why: "name it kustomization.yaml, so that resources can be added to it"}, nil
			}
		}
		entries, err := fs.ReadDir(there, path.Dir(f.Path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Laid{}, fmt.Errorf("read %s: %w", path.Dir(f.Path), err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasSuffix(e.Name(), ".yaml") && !slices.Contains(f.Adds.Beside, e.Name()) {
				return Laid{Path: f.Path, Action: Unchanged,
					Why: "not needed: without one Flux takes every file of the directory"}, nil
			}
		}
	}
	return Laid{Path: f.Path, Action: Created, New: f.Text}, nil
}

func over(f File, old string, force bool) Laid {
	laid := Laid{Path: f.Path, Action: Unchanged, Old: old, New: old}
	if old == f.Text {
		return laid
	}
	text, why := merged(f, old, force)
	switch {
	case why != "" && force && (f.How == Whole || f.How == Generated): // what is shared with others is never overwritten
		laid.New, laid.Action = f.Text, Changed
	case why != "":
		laid.Action, laid.Why, laid.New = Conflict, why, f.Text
	case text != old:
		laid.New, laid.Action = text, Changed
	}
	if f.How == Keep {
		laid.New, laid.Action, laid.Why = old, Unchanged, keepWhy(old)
	}
	return laid
}

func keepWhy(old string) string {
	if strings.Contains(old, "templates/values.yaml.gotmpl") {
		return ""
	}
	return "left alone: it does not take its values from templates/values.yaml.gotmpl, which gives those that Flux gives"
}

// merged is old with what f has to have in it, or why it cannot be.
func merged(f File, old string, force bool) (text, why string) {
	switch f.How {
	case Keep:
		return old, ""
	case Resources:
		return addResources(old, f.Adds.Resources)
	case Settings:
		return addSettings(old, f.Adds.Settings, force)
	case Documents:
		return putDocument(old, f.Text, force)
	case Clusters:
		return addClusters(old, f.Adds.Clusters)
	case Generated:
		first, _, _ := strings.Cut(f.Text, "\n")
		if strings.HasPrefix(old, first) {
			return f.Text, ""
		}
	case Whole:
	}
	if strings.HasSuffix(f.Path, ".yaml") && sameYAML(old, f.Text) {
		return old, ""
	}
	return "", "it is there and says something else"
}

// sameYAML tells whether two texts say the same in YAML, whatever their comments, order and style.
func sameYAML(a, b string) bool {
	x, errX := documents(a)
	y, errY := documents(b)
	return errX == nil && errY == nil && slices.EqualFunc(x, y, func(p, q document) bool { return values.Equal(p.content, q.content) })
}

// addClusters adds the clusters that a fleet file lacks.
func addClusters(old string, clusters []fleet.Cluster) (text, why string) {
	f, err := fleet.Parse([]byte(old))
	if err != nil {
		return "", "cannot be read: " + err.Error()
	}
	var lines string
	for _, c := range clusters {
		at := slices.IndexFunc(f.Clusters, func(have fleet.Cluster) bool { return have.Name == c.Name })
		switch {
		case at < 0:
			lines += fleetLines(c)
		case f.Clusters[at] != c:
			return "", fmt.Sprintf("cluster %s has context %s and path %s there", c.Name, f.Clusters[at].Context, f.Clusters[at].Path)
		}
	}
	if lines == "" {
		return old, ""
	}
	text, ok := insertInto(old, "clusters", lines)
	if g, err := fleet.Parse([]byte(text)); !ok || err != nil || len(g.Clusters) < len(clusters) {
		return "", "has no list of clusters, one below the other, to add to"
	}
	return text, ""
}
