package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// lintOptions are the flags of lint.
type lintOptions struct {
	env      *cli.Env
	out      cli.Output
	clusters *cli.Clusters
	root     string // empty: found
	fleet    string // empty: looked for
	only     []string
	rules    []string
	skips    []string
	list     bool
	fix      bool
	all      bool
	failOn   string
	schemas  []string
}

func newLint(env *cli.Env) *cobra.Command {
	o := &lintOptions{env: env, clusters: cli.NewClusters(), failOn: "error"}
	cmd := &cobra.Command{
		Use:   "lint [PATH..]",
		Short: "Judge a tree's manifests: what Flux would do with Cilium that nobody wants",
		Long: `Reads a Git working tree as Flux would, for each of its clusters: builds with kustomize, substitutes variables, follows
Kustomizations, composes values. Then it judges what would be applied, and the files that nothing applies, with file,
line and column. No cluster is needed, nothing is fetched, and nothing is written without --fix. Only --schema-location
may ask for more: as in kubeconform, "default" and URLs are fetched, and "cluster" is what a context's cluster defines.

The clusters are those of fleet.yaml, else what the tree looks like: the directories of kubernetes/clusters or clusters.
A comment accepts a finding: # cilium-gitops:ignore CGL503 REASON, at a field or above it.

--fix mends in the files that Cilium is delivered by: its HelmReleases, the Kustomizations above them, their sources,
values and settings; with --all in every file. Each fix is built in memory first: it is withheld where anything else
would change, where a patch or a variable decides the field, or where a comment is about it. A second run changes nothing.

Exit codes: 0 no errors (warnings alone are 0, unless --fail-on says otherwise), 1 errors, 2 wrong usage or a file that
cannot be read.`,
		Example: fmt.Sprintf(`  # All of the repository
  %[1]s lint

  # One directory, with how to mend each finding
  %[1]s lint kubernetes/infrastructure/networking -o wide

  # Mend what is mechanical; comments and order are kept
  %[1]s lint --fix

  # The same in every file of the tree
  %[1]s lint --fix --all

  # In a GitHub workflow: annotations, and a report for code scanning
  %[1]s lint --report github=/dev/stdout --report sarif=lint.sarif`, env.Name),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flag := cmd.Flags().Lookup("repo"); flag.Changed {
				o.root = flag.Value.String()
			}
			o.fleet = cmd.Flags().Lookup("fleet").Value.String()
			return o.run(cmd.Context(), args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *lintOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.out.Like = []report.Doc{report.Lint{}}
	o.out.AddFlags(flags)
	o.out.AddReports(flags)
	o.clusters.AddFlags(flags)
	flags.Lookup("repo").Usage = "Root of the repository (default: the nearest directory above PATH with .git or fleet.yaml)"
	flags.StringSliceVar(&o.only, "for", nil, "Only for these clusters of the fleet")
	flags.StringArrayVar(&o.schemas, "schema-location", nil,
		`Also validate against schemas, as kubeconform's flag: "default", a template of paths or URLs; or "cluster"`)
	flags.StringSliceVar(&o.rules, "rule", nil, "Only these rules, by ID; CGL5 is all that begin so")
	flags.StringSliceVar(&o.skips, "skip", nil, "Not these rules, by ID; CGL5 is all that begin so")
	flags.BoolVar(&o.list, "list", false, "List the rules and read nothing")
	flags.BoolVar(&o.fix, "fix", false, "Mend in place what is mechanical, and say what was changed")
	flags.BoolVar(&o.all, "all", false, "With --fix: mend in every file, and not alone in those that Cilium is delivered by")
	flags.StringVar(&o.failOn, "fail-on", o.failOn, "What makes the exit code 1: error, warn or info")
	o.clusters.Complete(cmd)
	o.out.Complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cli.FixedCompletion([]string{"error", "warn", "info"}))
	for _, name := range []string{"rule", "skip"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cli.ListCompletion(ruleIDs))
	}
}

func ruleIDs() []string {
	var ids []string
	for _, r := range lint.Rules() {
		ids = append(ids, r.ID+"\t"+r.Title)
	}
	return ids
}

func (o *lintOptions) run(ctx context.Context, args []string) error {
	rules, err := o.selected()
	if err != nil {
		return err
	}
	worst, err := o.threshold()
	if err != nil {
		return err
	}
	if o.all && !o.fix {
		return cli.Usage("--all says where --fix mends: give --fix, too")
	}
	if o.list {
		return o.out.Print(o.env, report.NewRuleList(rules))
	}
	if err := o.out.Check(o.env, report.Lint{}); err != nil {
		return err
	}
	root, paths, err := o.paths(args)
	if err != nil {
		return err
	}
	schemas, err := o.against(ctx)
	if err != nil {
		return err
	}
	defer schemas.Close()
	t := lintTree{options: o, root: root, paths: paths, rules: rules, schemas: schemas}
	result, clusters, mended, err := t.lint(ctx)
	if err != nil {
		return err
	}
	doc := report.NewLint(clusters, result, rules, mended, o.again(args))
	if err := errors.Join(o.out.Save(doc), o.out.Print(o.env, doc)); err != nil {
		return err
	}
	return verdict(result.Findings, worst)
}

// verdict is the exit code of findings. A file that cannot be read is bad input, whatever else was found: what it
// would have said is not known.
func verdict(findings []lint.Finding, worst lint.Severity) error {
	for _, f := range findings {
		if f.Rule == "CGL101" || f.Rule == "CGL104" {
			return cli.Usage("read %s: %s", at(f), f.Message)
		}
	}
	if slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Severity >= worst }) {
		return &cli.Exit{Code: cli.ExitNo}
	}
	return nil
}

// again is the command that mends.
func (o *lintOptions) again(args []string) string {
	words := []string{o.env.Name, "lint"}
	if o.root != "" {
		words = append(words, "--repo", o.root)
	}
	for _, rule := range o.rules {
		words = append(words, "--rule", rule)
	}
	for _, rule := range o.skips {
		words = append(words, "--skip", rule)
	}
	return strings.Join(append(append(words, args...), "--fix"), " ")
}

func (o *lintOptions) threshold() (lint.Severity, error) {
	switch o.failOn {
	case "error":
		return lint.Error, nil
	case "warn", "warning":
		return lint.Warning, nil
	case "info":
		return lint.Info, nil
	}
	return 0, cli.Usage("--fail-on: %q is not one of error, warn, info", o.failOn)
}

// selected are the rules that the flags leave.
func (o *lintOptions) selected() ([]lint.Rule, error) {
	all := lint.Rules()
	match := func(r lint.Rule, ids []string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(r.ID, strings.ToUpper(id)) })
	}
	for _, id := range slices.Concat(o.rules, o.skips) {
		if !slices.ContainsFunc(all, func(r lint.Rule) bool { return id != "" && match(r, []string{id}) }) {
			return nil, cli.Usage("there is no rule %q; list them with: %s lint --list", id, o.env.Name)
		}
	}
	kept := slices.DeleteFunc(all, func(r lint.Rule) bool { return len(o.rules) > 0 && !match(r, o.rules) || match(r, o.skips) })
	if len(kept) == 0 {
		return nil, cli.Usage("no rule is left of --rule and --skip; list them with: %s lint --list", o.env.Name)
	}
	return kept, nil
}

// paths are the repository's root and, from there, what is to be linted.
func (o *lintOptions) paths(args []string) (root string, paths []string, err error) {
	root = o.root
	if len(args) == 0 {
		args = []string{or(root, ".")}
	}
	if root, err = rootOf(root, args[0]); err != nil {
		return "", nil, err
	}
	for _, arg := range args {
		abs, err := filepath.Abs(arg)
		if err != nil {
			return "", nil, err
		}
		real, err := filepath.EvalSymlinks(abs)
		if err != nil {
			return "", nil, cli.Usage("lint %s: %w", arg, errors.Unwrap(err))
		}
		rel, err := filepath.Rel(root, real)
		if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(os.PathSeparator)) {
			return "", nil, cli.Usage("lint %s: it is not in the repository %s", arg, root)
		}
		paths = append(paths, filepath.ToSlash(rel))
	}
	return root, paths, nil
}

// rootOf is the repository: what is given, else what path lies in, else the current directory where path is below it.
func rootOf(given, path string) (string, error) {
	root := given
	if root == "" {
		var found bool
		if root, found = repo.Root(path); !found {
			root = "."
			if rel, err := filepath.Rel(".", path); filepath.IsAbs(path) || err != nil || strings.HasPrefix(rel, "..") {
				root = path
			}
		}
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	return abs, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// at is where a finding stands, as far as it is known: "x.yaml:4", "x.yaml".
func at(f lint.Finding) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}
