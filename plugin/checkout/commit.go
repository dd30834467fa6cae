package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// The errors of asking for a commit that are no failures of git's.
var (
	// ErrNoGit: there is no program git on this machine.
	ErrNoGit = errors.New("git is not installed")
	// ErrNoRepository: the directory is in no Git repository.
	ErrNoRepository = errors.New("it is in no Git repository")
	// ErrNoCommit: the repository has no commit yet.
	ErrNoCommit = errors.New("its Git repository has no commit yet")
)

// The bounds of asking git.
const (
	maxAsked    = time.Minute
	maxAnswer   = 64 << 20 // bytes of one answer
	maxComplain = 64 << 10 // bytes of what git writes to stderr
)

var commitID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Commit is the commit that is checked out, in full. It only reads: git runs none of the repository's hooks, monitors
// and signature programs, and writes no index.
func (c Checkout) Commit(ctx context.Context) (string, error) {
	inside, err := c.ask(ctx, "rev-parse", "--is-inside-work-tree")
	switch {
	case err != nil && strings.Contains(err.Error(), "not a git repository"):
		return "", ErrNoRepository
	case err != nil:
		return "", err
	case strings.TrimSpace(inside) != "true":
		return "", ErrNoRepository
	}
	id, err := c.ask(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	id = strings.TrimSpace(id)
	switch {
	case errors.Is(err, errQuiet):
		return "", ErrNoCommit
	case err != nil:
		return "", err
	case !commitID.MatchString(id):
		return "", fmt.Errorf("git rev-parse: %q is no commit", facts.Text(id))
	}
	return id, nil
}

// errQuiet is git failing without a word.
var errQuiet = errors.New("git failed and said nothing")

// local are the variables by which a caller's Git would answer for another repository than Dir's
// (git rev-parse --local-env-vars, and those that run a program).
var local = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_OBJECT_DIRECTORY",
	"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS",
	"GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF",
	"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
}

// ask runs git, reading only, with bounded time and output. Its answer is git's own, not trimmed.
func (c Checkout) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, maxAsked)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "core.untrackedCache=false",
		"-c", "core.quotePath=false", "--no-pager", "--no-optional-locks", "--literal-pathspecs",
	}, args...)...)
	out, said := bounded{left: maxAnswer, stop: cancel}, bounded{left: maxComplain}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.Dir, &out, &said, time.Second
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(local, strings.ToUpper(name))
	}), "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C")
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", ErrNoGit
	case out.cut:
		return "", fmt.Errorf("git %s: its answer is longer than %d MiB", args[0], maxAnswer>>20)
	case ctx.Err() != nil:
		return "", fmt.Errorf("git %s: no answer: %w", args[0], ctx.Err())
	case err != nil && said.Len() == 0 && len(out.Bytes()) == 0:
		return "", fmt.Errorf("git %s: %w: %w", args[0], errQuiet, err)
	case err != nil:
		words := strings.Join(strings.Fields(said.String()), " ")
		return "", fmt.Errorf("git %s: %s", args[0], facts.Text(facts.RedactText(words)))
	}
	return out.String(), nil
}

// bounded keeps the first bytes that are written to it. Where it stops, what is more ends the program.
type bounded struct {
	bytes.Buffer

	left int
	cut  bool
	stop func()
}

var _ io.Writer = (*bounded)(nil)

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.cut = true
		if b.stop != nil {
			b.stop()
		}
	}
	n := min(len(p), b.left)
	b.left -= n
	b.Buffer.Write(p[:n])
	return len(p), nil
}
