package ciliumgitops

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// manifests renders for every cluster at once and shows what differs from the release's manifest.
func (o *diffOptions) manifests(ctx context.Context, targets []cli.Target) error {
	all, err := o.rendered(ctx, targets)
	if err != nil {
		return err
	}
	doc := report.NewManifestDiff(all)
	unknown := doc.Summary.Unseen > 0 || slices.ContainsFunc(doc.Clusters, func(c report.ManifestsOf) bool { return len(c.Unknown) > 0 })
	program := o.env.Getenv("KUBECTL_EXTERNAL_DIFF")
	if program == "" || o.out.Format.String() != "table" {
		if err := o.write(doc); err != nil {
			return err
		}
		return answered(doc.Differences() > 0, unknown)
	}
	if err := o.out.Save(doc); err != nil {
		return err
	}
	different, err := o.external(ctx, program, doc)
	if err != nil {
		return err
	}
	return answered(different, unknown)
}

// option matches what kubectl diff takes of the words behind the program; it leaves out any other.
var option = regexp.MustCompile(`^[a-zA-Z0-9-=]+$`)

// external has the user's program compare two folders, an object a file, of those that differ by more than is
// expected. It is called as kubectl diff calls it, what it prints is the answer, and its exit code says whether
// anything differs: 0 or 1, any other is a failure.
func (o *diffOptions) external(ctx context.Context, program string, doc report.ManifestDiff) (different bool, err error) {
	dir, err := os.MkdirTemp("", "cilium-gitops-diff-")
	if err != nil {
		return false, cli.Usage("make room for the manifests: %w", err)
	}
	defer os.RemoveAll(dir)
	from, to := filepath.Join(dir, "RELEASE"), filepath.Join(dir, "FLUX")
	if err := doc.WriteFiles(from, to); err != nil {
		return false, cli.Usage("write the manifests: %w", err)
	}
	for _, c := range doc.Clusters {
		if c.Unseen != "" {
			o.env.Say("%s: UNKNOWN: %s", c.Name, c.Unseen)
		}
		for _, u := range c.Unknown {
			o.env.Say("%s: UNKNOWN: %s", c.Name, u)
		}
	}
	words := strings.Split(program, " ")
	args := []string{from, to}
	for _, word := range words[1:] {
		if option.MatchString(word) {
			args = append(args, word)
		}
	}
	cmd := exec.CommandContext(ctx, words[0], args...)
	cmd.Stdout, cmd.Stderr = o.env.Out, o.env.ErrOut
	err = cmd.Run()
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return true, nil
	}
	return false, cli.Usage("run KUBECTL_EXTERNAL_DIFF %s: %w; unset it to see what differs", words[0], err)
}
