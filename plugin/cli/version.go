package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// Set at link time by -ldflags -X; empty in a plain go build, where build info answers.
var (
	buildVersion string
	buildCommit  string
	buildDate    string // of the commit, so that two builds of it are equal
)

// Build is which build this is.
func Build(name string) report.VersionInfo {
	v := report.VersionInfo{
		Name: name, Version: buildVersion, Commit: buildCommit, Date: buildDate,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return report.NewVersionInfo(v)
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && v.Commit == "":
			v.Commit = s.Value
		case s.Key == "vcs.time" && v.Date == "":
			v.Date = s.Value
		}
	}
	return report.NewVersionInfo(v)
}

func version(env *Env) *cobra.Command {
	var out Output
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print which build this is",
		Example: "  " + env.Name + " version -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return out.Print(env, Build(env.Name))
		},
	}
	out.AddFlags(cmd.Flags())
	out.Complete(cmd)
	return cmd
}
