package repo

import (
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// commitID matches a commit's full name.
var commitID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// revision is the commit that is checked out; empty where that cannot be told from files alone.
func (t *Tree) revision() string {
	head := strings.TrimSpace(t.gitFile("HEAD"))
	ref, symbolic := strings.CutPrefix(head, "ref: ")
	if !symbolic {
		return commit(head)
	}
	if id := commit(strings.TrimSpace(t.gitFile(ref))); id != "" {
		return id
	}
	for line := range strings.Lines(t.gitFile("packed-refs")) {
		if id, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == ref {
			return commit(id)
		}
	}
	return ""
}

func commit(text string) string {
	if commitID.MatchString(text) {
		return text
	}
	return ""
}

// gitFile is a small file of the repository's own.
func (t *Tree) gitFile(name string) string {
	file, err := t.root.OpenFile(path.Join(".git", path.Clean("/" + name)[1:]), os.O_RDONLY, 0)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, MaxFile))
	if err != nil {
		return ""
	}
	return string(text)
}
