package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// manifests renders for every cluster at once and shows what differs from the release's manifest.
func (o *diffOptions) manifests(ctx context.Context, targets []cli.Target) error {
	all, err := o.rendered(ctx, targets)
	if err != nil {
		return err
	}
	doc := report.NewManifestDiff(all)
	if program := o.env.Getenv("KUBECTL_EXTERNAL_DIFF"); program != "" && o.out.Format.String() == "table" {
		if err := o.external(ctx, program, all); err != nil {
			return err
		}
	} else if err := o.out.Print(o.env, doc); err != nil {
		return err
	}
	switch {
	case doc.Differences() > 0:
		return &cli.Exit{Code: cli.ExitNo}
	case doc.Summary.Unseen > 0:
		return &cli.Exit{Code: cli.ExitCannotTell}
	}
	return nil
}

// external has the user's program compare two folders, an object a file. What it prints is the answer; its exit code
// beyond 1 is a failure of its own.
func (o *diffOptions) external(ctx context.Context, program string, all []report.ImpactOf) error {
	dir, err := os.MkdirTemp("", "cilium-gitops-diff-")
	if err != nil {
		return cli.Usage("make room for the manifests: %w", err)
	}
	defer os.RemoveAll(dir)
	for _, one := range all {
		if one.Unseen != "" {
			o.env.Say("%s: %s", one.Facts.Cluster, one.Unseen)
			continue
		}
		for name, objects := range map[string][]facts.Object{"RELEASE": one.Facts.Rendered.Before, "FLUX": one.Facts.Rendered.After} {
			if err := writeObjects(filepath.Join(dir, name, fileName(one.Facts.Cluster)), objects); err != nil {
				return cli.Usage("write the manifests: %w", err)
			}
		}
	}
	words := strings.Fields(program)
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], "RELEASE", "FLUX")...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, o.env.Out, o.env.ErrOut
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil
	}
	if err != nil {
		return cli.Usage("run KUBECTL_EXTERNAL_DIFF: %w", err)
	}
	return nil
}

func writeObjects(dir string, all []facts.Object) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, o := range all {
		text, err := yaml.Marshal(o.Body)
		if err != nil {
			return err
		}
		name := fileName(fmt.Sprintf("%s.%s.%s", o.Kind, o.Namespace, o.Name))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// fileName is a name without what leads elsewhere.
func fileName(s string) string { return strings.NewReplacer("/", "-", `\`, "-", ":", "-").Replace(s) }
