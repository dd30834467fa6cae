// Package checkout asks git which commit the user's checkout is at, and which files differ from it; and it changes one label
// of one object there, commits that file alone, and pushes. It does
// so by the user's own git, with the user's credentials, signatures and hooks, and knows nothing of clusters.
package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/files"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// subject is how the subject of each commit of ours begins.
const subject = "drill: "

// Checkout is a Git working tree, or a folder of one.
type Checkout struct {
	Dir string
}

// Label is a label of an object of the checkout.
type Label struct {
	File                  string // from Dir, with slashes
	Kind, Namespace, Name string
	Key                   string
	Value                 string // empty: it is not there
}

// Head is the commit that is checked out.
func (c Checkout) Head(ctx context.Context) (string, error) { return c.git(ctx, "rev-parse", "HEAD") }

// Trouble says why nothing can be pushed from here as it is; empty where it can. It fetches.
func (c Checkout) Trouble(ctx context.Context) string {
	if _, err := c.git(ctx, "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}"); err != nil {
		return "the branch that is checked out follows no remote branch: " + err.Error()
	}
	if changes, err := c.git(ctx, "status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
		return firstOf(err, "it has changes that are not committed")
	}
	if _, err := c.git(ctx, "fetch", "--quiet"); err != nil {
		return err.Error()
	}
	if n, err := c.git(ctx, "rev-list", "--count", "HEAD..@{upstream}"); err != nil || n != "0" {
		return firstOf(err, "it is behind its remote branch")
	}
	if n, err := c.git(ctx, "rev-list", "--count", "@{upstream}..HEAD"); err != nil || n != "0" {
		return firstOf(err, "it has commits that are not pushed")
	}
	return ""
}

func firstOf(err error, instead string) string {
	if err != nil {
		return err.Error()
	}
	return instead
}

// Push makes the label what it is to be, in a commit of its own, and pushes. Done again it commits nothing more. Whatever
// else the user has done meanwhile stays: other files are not committed, and commits that are not ours are not pushed.
func (c Checkout) Push(ctx context.Context, l Label) error {
	if err := c.current(ctx); err != nil {
		return err
	}
	edited, err := c.edit(ctx, l)
	if err != nil {
		return err
	}
	if edited {
		message := subject + "label " + l.Kind + " " + l.Namespace + "/" + l.Name
		if l.Value == "" {
			message = subject + "no label on " + l.Kind + " " + l.Namespace + "/" + l.Name
		}
		if _, err := c.git(ctx, "commit", "--quiet", "--message", message, "--", l.File); err != nil {
			return err
		}
	}
	return c.push(ctx)
}

// current brings in what was pushed from elsewhere, where that is a matter of winding forward.
func (c Checkout) current(ctx context.Context) error {
	if _, err := c.git(ctx, "fetch", "--quiet"); err != nil {
		return err
	}
	n, err := c.git(ctx, "rev-list", "--count", "HEAD..@{upstream}")
	if err != nil || n == "0" {
		return err
	}
	if _, err := c.git(ctx, "rebase", "--quiet", "@{upstream}"); err != nil {
		_, aborted := c.git(ctx, "rebase", "--abort")
		return fmt.Errorf("%w; bring the checkout up to date yourself: git pull --rebase", errors.Join(err, aborted))
	}
	return nil
}

// edit changes the file, where it is not as it is to be.
func (c Checkout) edit(ctx context.Context, l Label) (bool, error) {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	name := filepath.FromSlash(l.File)
	text, err := root.ReadFile(name)
	if err != nil {
		return false, fmt.Errorf("read the checkout: %w", err)
	}
	changed, err := labelled(text, l)
	if err != nil || bytes.Equal(changed, text) {
		return c.dirty(ctx, l) && err == nil, err
	}
	if c.dirty(ctx, l) {
		return false, fmt.Errorf("change %s: it has changes that are not committed; commit them first: git commit", l.File)
	}
	return true, files.Write(c.Dir, []files.File{{Path: l.File, Text: string(changed)}})
}

// dirty tells whether the file is another than the one that is committed. One that has the label already, and is, was
// edited by a process that ended before it could commit.
func (c Checkout) dirty(ctx context.Context, l Label) bool {
	_, err := c.git(ctx, "diff", "--quiet", "HEAD", "--", l.File)
	return err != nil
}

// labelled is a file with the label as it is to be, and nothing else changed.
func labelled(text []byte, l Label) ([]byte, error) {
	file, err := manifest.Parse(l.File, text)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Docs {
		if d.Kind() != l.Kind || d.Name() != l.Name || d.Namespace() != "" && d.Namespace() != l.Namespace {
			continue
		}
		path := []string{"metadata", "labels", l.Key}
		_, _, there := d.Find(path...)
		var edits []manifest.Edit
		ok := true
		if there {
			if manifest.Text(d.Value, path...) == l.Value && l.Value != "" {
				return text, nil
			}
			var e manifest.Edit
			e, ok = d.Delete(path...)
			edits = append(edits, e)
		}
		if l.Value != "" && !there {
			var e manifest.Edit
			e, ok = d.Insert(`"`+l.Value+`"`, path...)
			edits = append(edits, e)
		}
		if !ok {
			return nil, fmt.Errorf("change %s: %s %s cannot be labelled as it is written: use block style", l.File, l.Kind, l.Name)
		}
		out, _ := manifest.Apply(text, edits)
		return out, nil
	}
	return nil, fmt.Errorf("change %s: it has no %s %s/%s", l.File, l.Kind, l.Namespace, l.Name)
}

// push pushes our own commits, where there are any that the remote has not.
func (c Checkout) push(ctx context.Context) error {
	subjects, err := c.git(ctx, "log", "--format=%s", "@{upstream}..HEAD")
	if err != nil || subjects == "" {
		return err
	}
	for line := range strings.Lines(subjects) {
		if !strings.HasPrefix(line, subject) {
			return fmt.Errorf("push: the branch has commits of yours that are not pushed; push them first: git push")
		}
	}
	remote, branch, err := c.upstream(ctx)
	if err != nil {
		return err
	}
	_, err = c.git(ctx, "push", "--quiet", remote, "HEAD:"+branch)
	return err
}

// upstream is the remote, and the branch there, that the branch which is checked out follows.
func (c Checkout) upstream(ctx context.Context) (remote, branch string, err error) {
	local, err := c.git(ctx, "symbolic-ref", "--short", "HEAD")
	if err != nil {
		return "", "", err
	}
	if remote, err = c.git(ctx, "config", "branch."+local+".remote"); err != nil {
		return "", "", err
	}
	branch, err = c.git(ctx, "config", "branch."+local+".merge")
	return remote, branch, err
}

// git runs the user's git, which asks nothing. Its errors are git's own words, without what could be secret.
func (c Checkout) git(ctx context.Context, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, &out, &said
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		words := strings.Join(strings.Fields(said.String()), " ")
		if words == "" {
			words = err.Error()
		}
		return "", fmt.Errorf("git %s: %s", args[0], facts.Text(facts.RedactText(words)))
	}
	return strings.TrimSpace(out.String()), nil
}
