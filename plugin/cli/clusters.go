package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// Clusters are the flags that say which clusters to look at: kubectl's own, with --context repeatable.
type Clusters struct {
	flags    *genericclioptions.ConfigFlags
	contexts []string
	match    string
	all      bool
	fleet    string
	repo     string
	shard    string
	shards   *pflag.FlagSet // the flags that --shard is one of; nil where it is none
	Timeout  time.Duration
}

// Target is one cluster to look at.
type Target struct {
	fleet.Cluster
	Expect facts.Expect
	Config *rest.Config // nil when Broken
	Broken error        // why its kubeconfig entry is of no use
}

// NewClusters are the flags with kubectl's defaults.
func NewClusters() *Clusters {
	flags := genericclioptions.NewConfigFlags(false)
	flags.Context = nil  // ours is repeatable
	flags.CacheDir = nil // nothing is discovered, so nothing is cached
	return &Clusters{flags: flags, repo: ".", Timeout: 30 * time.Second}
}

// AddFlags adds them to a command's.
func (c *Clusters) AddFlags(flags *pflag.FlagSet) {
	c.flags.AddFlags(flags)
	flags.Lookup("namespace").Usage = "Namespace of Cilium, instead of the fleet's (kube-system)"
	flags.StringSliceVar(&c.contexts, "context", nil, "Kubeconfig contexts to look at, repeated or separated by commas (default: the fleet's, else the current one)")
	flags.StringVar(&c.match, "context-match", "", "Look at every context whose name matches this regular expression")
	flags.BoolVar(&c.all, "all-contexts", false, "Look at every context of the kubeconfig")
	flags.StringVar(&c.fleet, "fleet", "", "Fleet file (default: fleet.yaml in --repo, where there is one)")
	flags.StringVar(&c.repo, "repo", c.repo, "Working tree of the GitOps repository")
	flags.DurationVar(&c.Timeout, "timeout", c.Timeout, "How long to wait for one cluster's answers")
}

// Complete registers what Tab offers.
func (c *Clusters) Complete(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("context", ListCompletion(c.Contexts))
	for flag, names := range map[string]func(clientapi.Config) []string{
		"cluster": func(raw clientapi.Config) []string { return slices.Sorted(maps.Keys(raw.Clusters)) },
		"user":    func(raw clientapi.Config) []string { return slices.Sorted(maps.Keys(raw.AuthInfos)) },
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			raw, err := c.raw()
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return names(raw), cobra.ShellCompDirectiveNoFileComp
		})
	}
	_ = cmd.MarkFlagDirname("repo")
}

// Contexts are the kubeconfig's, for completion; none where it cannot be read.
func (c *Clusters) Contexts() []string {
	raw, err := c.raw()
	if err != nil {
		return nil
	}
	return names(raw)
}

// Given tells whether the user named clusters, rather than leave it to the fleet.
func (c *Clusters) Given() bool { return len(c.contexts) > 0 || c.match != "" || c.all }

// Fleet reads the fleet file; explicit tells whether there is one.
func (c *Clusters) Fleet() (f fleet.Fleet, found bool, err error) {
	path := c.fleet
	if path == "" {
		path = filepath.Join(c.repo, fleet.File)
	}
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) && c.fleet == "":
		return c.named(fleet.Default()), false, nil
	default:
		return fleet.Fleet{}, false, Usage("read the fleet: %w", err)
	}
	f, err = fleet.Parse(data)
	if err != nil {
		return fleet.Fleet{}, false, Usage("read the fleet %s: %w", path, err)
	}
	return c.named(f), true, nil
}

func (c *Clusters) named(f fleet.Fleet) fleet.Fleet {
	if *c.flags.Namespace != "" {
		f.Cilium.Namespace = *c.flags.Namespace
	}
	return f
}

// Targets are the clusters to look at, in the order given. A context that does not exist is an error: nothing is
// looked at when part of the question makes no sense.
func (c *Clusters) Targets() ([]Target, error) {
	f, found, err := c.Fleet()
	if err != nil {
		return nil, err
	}
	raw, err := c.raw()
	if err != nil {
		return nil, Usage("read the kubeconfig: %w", err)
	}
	wanted, err := c.wanted(raw, f, found)
	if err != nil {
		return nil, err
	}
	if wanted, err = c.part(wanted); err != nil {
		return nil, err
	}
	var targets []Target
	for _, context := range wanted {
		if _, ok := raw.Contexts[context]; !ok && context != "" {
			return nil, Usage("there is no context %q in the kubeconfig; there are: %s", context, orNone(names(raw)))
		}
		targets = append(targets, c.target(raw, f, context))
	}
	return targets, nil
}

func (c *Clusters) wanted(raw clientapi.Config, f fleet.Fleet, found bool) ([]string, error) {
	wanted := slices.Clone(c.contexts)
	if c.all {
		wanted = append(wanted, names(raw)...)
	}
	if c.match != "" {
		re, err := regexp.Compile(c.match)
		if err != nil {
			return nil, Usage("--context-match: %w", err)
		}
		for _, name := range names(raw) {
			if re.MatchString(name) {
				wanted = append(wanted, name)
			}
		}
	}
	if c.Given() && len(wanted) == 0 {
		return nil, Usage("no context matches; there are: %s", orNone(names(raw)))
	}
	if len(wanted) == 0 && found && !inside(raw, f) {
		for _, cluster := range f.Clusters {
			wanted = append(wanted, cluster.Context)
		}
	}
	if len(wanted) == 0 {
		wanted = []string{raw.CurrentContext}
	}
	return unique(wanted), nil
}

func (c *Clusters) target(raw clientapi.Config, f fleet.Fleet, context string) Target {
	t := Target{Cluster: f.ByContext(context)}
	if context == "" {
		t.Name = "in-cluster"
		if len(f.Clusters) == 1 {
			t.Cluster = f.Clusters[0]
		}
	}
	t.Expect = f.Expect(t.Cluster)
	if context == "" {
		t.Config, t.Broken = c.flags.ToRESTConfig() // in a pod, or where a flag alone says which server
	} else {
		t.Config, t.Broken = c.of(raw, context)
	}
	if t.Broken == nil {
		t.Broken = discreet(t.Config)
	}
	if t.Broken != nil {
		t.Config = nil
	} else {
		t.Config.UserAgent = userAgent()
		t.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { return patient{next} })
	}
	return t
}

// inside tells that there is no kubeconfig, as in a pod: a fleet of one cluster is then the one that the pod is in.
func inside(raw clientapi.Config, f fleet.Fleet) bool {
	return len(raw.Contexts) == 0 && len(f.Clusters) == 1
}

// userAgent is how API servers know us in their audit logs: "kubectl-cilium_gitops/v1.2.3 (linux/amd64)".
func userAgent() string {
	build := Build("")
	return fmt.Sprintf("%s/%s (%s)", filepath.Base(os.Args[0]), build.Version, build.Platform)
}

// raw is the kubeconfig as it is written.
func (c *Clusters) raw() (clientapi.Config, error) {
	return c.flags.ToRawKubeConfigLoader().RawConfig()
}

func names(raw clientapi.Config) []string {
	all := make([]string, 0, len(raw.Contexts))
	for name := range raw.Contexts {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func unique(all []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// Repo is the working tree that --repo names.
func (c *Clusters) Repo() string { return c.repo }

// Describe words a target for messages: its name and where it is.
func (t Target) Describe() string {
	if t.Config == nil {
		return t.Name
	}
	return fmt.Sprintf("%s (%s)", t.Name, t.Config.Host)
}
