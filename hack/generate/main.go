// Command generate writes what of the repository is made from its code: docs/checks.md, docs/reference, the tree and
// the runbook in examples/fleet, and the output that README.md shows.
// Its test fails when a file is stale.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
	"github.com/cilium-gitops/cilium-gitops/hack/faults"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/fluxhandover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

func main() {
	man := flag.String("man", "", "write man pages into this directory instead, for a release")
	date := flag.Int64("date", 0, "date of the man pages, in seconds since 1970: the commit's, so that two builds of it are equal")
	flag.Parse()
	var err error
	if *man != "" {
		err = manual(*man, time.Unix(*date, 0).UTC())
	} else {
		err = write(".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	files, err := generated()
	if err != nil {
		return fmt.Errorf("write docs: %w", err)
	}
	if _, err := run(root, scaffold(filepath.Join(root, "examples", "fleet"))); err != nil {
		return err
	}
	if files["README.md"], err = readme(root); err != nil {
		return err
	}
	if err := pages(files, root); err != nil {
		return err
	}
	if files["docs/verify.svg"], err = picture(root); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(root, "docs", "reference")); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// scaffold writes the example's tree from its recordings.
func scaffold(output string) []string {
	return []string{"scaffold", "--from", "examples/fleet/facts/infra.yaml,examples/fleet/facts/apps.yaml", "--output", output, "--force"}
}

// shown is the command whose output README.md shows.
var shown = []string{"verify", "--from", "examples/fleet/facts/infra.yaml,examples/fleet/facts/apps-with-faults.yaml"}

// readme is README.md with the output of that command, run now, between its marks.
func readme(root string) ([]byte, error) {
	old, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, err
	}
	const begin, end = "<!-- verify: written by make generate -->\n", "<!-- /verify -->\n"
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return nil, fmt.Errorf("README.md has no marks %q and %q", begin, end)
	}
	output, err := run(root, shown)
	if err != nil {
		return nil, err
	}
	block := fmt.Sprintf("```console\n$ kubectl cilium-gitops %s\n%s```\n", strings.Join(shown, " "), output)
	return []byte(before + begin + block + end + after), nil
}

// pages adds the runbook of the example's fleet, and what is drawn from the last benchmarks.
func pages(files map[string][]byte, root string) error {
	output, err := runAs("flux handover", fluxhandover.New, root, []string{"runbook", "--repo", "examples/fleet", "-o", "json"})
	if err != nil {
		return err
	}
	var doc report.Runbook
	if err := json.Unmarshal([]byte(output), &doc); err != nil {
		return fmt.Errorf("read the runbook: %w", err)
	}
	for _, p := range doc.Pages {
		files["examples/fleet/runbook/"+p.Name] = []byte(p.Text)
	}
	measured, err := results.Read(root)
	if err != nil {
		return err
	}
	maps.Copy(files, measured.Files())
	return nil
}

// run is the output of the first plugin, run in root without a terminal.
func run(root string, args []string) (string, error) {
	return runAs("kubectl cilium-gitops", ciliumgitops.New, root, args)
}

// runAs is the output of one of the programs.
func runAs(name string, program func(*cli.Env) *cobra.Command, root string, args []string) (string, error) {
	var out, story bytes.Buffer
	env := cli.System(name)
	env.Out, env.ErrOut = &out, &story
	env.Getenv = func(string) string { return "" }
	args = append([]string{}, args...)
	for i := range args {
		if !filepath.IsAbs(args[i]) && root != "." {
			args[i] = strings.ReplaceAll(args[i], "examples/", filepath.Join(root, "examples")+"/")
		}
	}
	if code := cli.Main(env, program(env), args); code == cli.ExitUsage {
		return "", fmt.Errorf("%s: %s", strings.Join(args, " "), story.String())
	}
	return out.String(), nil
}

// generated is every generated file, by its path from the repository's root.
func generated() (map[string][]byte, error) {
	files := map[string][]byte{"docs/checks.md": checks(), "docs/lint.md": lintRules()}
	var err error
	if files["docs/faults.md"], err = faults.Page(); err != nil {
		return nil, err
	}
	for name, root := range programs() {
		env := cli.System(name)
		if err := reference(files, root(env), name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// programs are both root commands, by the name that users type.
func programs() map[string]func(*cli.Env) *cobra.Command {
	return map[string]func(*cli.Env) *cobra.Command{
		"kubectl cilium-gitops": ciliumgitops.New,
		"flux handover":         fluxhandover.New,
	}
}

// reference adds a page for each command below root.
func reference(files map[string][]byte, root *cobra.Command, name string) error {
	root.DisableAutoGenTag = true
	file := func(path string) string { return strings.ReplaceAll(path, " ", "_") + ".md" }
	var walk func(*cobra.Command) error
	walk = func(cmd *cobra.Command) error {
		cmd.DisableAutoGenTag = true
		var page bytes.Buffer
		if err := doc.GenMarkdownCustom(cmd, &page, func(link string) string { return link }); err != nil {
			return err
		}
		files["docs/reference/"+file(cmd.CommandPath())] = page.Bytes()
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				if err := walk(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(root)
}

// checks is docs/checks.md.
func checks() []byte {
	var out bytes.Buffer
	fmt.Fprintln(&out, "# Checks")
	fmt.Fprintln(&out, "\nGenerated from the code by `make generate`. The hundreds of an ID are its acceptance criterion; IDs are never reused.")
	fmt.Fprintln(&out, "What a check could not look at is unknown, never pass.")
	for _, phase := range check.Phases() {
		first := true
		for _, c := range check.All() {
			if c.Phase != phase {
				continue
			}
			if first {
				fmt.Fprintf(&out, "\n## %s\n", phase)
				first = false
			}
			fmt.Fprintf(&out, "\n### %s: %s\n\n%s\n\n", c.ID, c.Title, c.About)
			fmt.Fprintf(&out, "- **criterion** %s\n", c.AC)
			if c.Feature != "" {
				fmt.Fprintf(&out, "- **feature** `%s` of fleet.yaml\n", c.Feature)
			}
			fmt.Fprintf(&out, "- **looks at** %s\n", parts(c))
			fmt.Fprintf(&out, "- **by hand** `` %s ``\n", c.Manual)
			fmt.Fprintf(&out, "- **when it does not pass** %s\n", c.Hint)
		}
	}
	return out.Bytes()
}

func parts(c check.Check) string {
	var all []string
	for _, p := range c.Needs {
		all = append(all, "`"+string(p)+"`")
	}
	return strings.Join(all, ", ")
}
