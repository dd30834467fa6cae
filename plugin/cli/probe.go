package cli

import (
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/pflag"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
)

// ProbeImage is where this project's image is to be had: its entry point is kubectl-cilium_gitops.
const ProbeImage = "ghcr.io/cilium-gitops/cilium-gitops"

// Probe are the flags that have pods of ours try a cluster's network.
type Probe struct {
	On     bool
	Image  string
	Nodes  int
	Within time.Duration
	flags  *pflag.FlagSet
}

// AddFlags adds them to a command's; does is what --probe does there.
func (p *Probe) AddFlags(flags *pflag.FlagSet, does string) {
	p.flags = flags
	flags.BoolVar(&p.On, "probe", false, does)
	flags.StringVar(&p.Image, "probe-image", "", "Image of these pods, with kubectl-cilium_gitops as its entry point (default: "+ProbeImage+" of this version)")
	flags.IntVar(&p.Nodes, "probe-nodes", 10, "On how many nodes at most")
	flags.DurationVar(&p.Within, "probe-timeout", 2*time.Minute, "How long to wait for these pods")
}

// Check refuses what makes no sense.
func (p *Probe) Check() error {
	var given []string
	p.flags.Visit(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "probe-") {
			given = append(given, "--"+f.Name)
		}
	})
	switch {
	case !p.On && len(given) > 0:
		return Usage("%s has no meaning without --probe", strings.Join(given, ", "))
	case !p.On:
		return nil
	case p.Nodes < 1:
		return Usage("--probe-nodes: %d is no number of nodes", p.Nodes)
	case p.Within < 10*time.Second:
		return Usage("--probe-timeout: %s is no time to wait for pods; give 10s or more", p.Within)
	case strings.ContainsAny(p.Image, " \t\n"):
		return Usage("--probe-image: %q is no image", p.Image)
	}
	return nil
}

// Probing is what they ask for.
func (p *Probe) Probing() act.Probing {
	image := p.Image
	if image == "" {
		image = probeImage(Build("").Version)
	}
	return act.Probing{Image: image, Nodes: p.Nodes, Within: p.Within}
}

// probeImage is the image of a version: the one that was released with it, else the last one.
func probeImage(version string) string {
	if v, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err == nil && v.Prerelease() == "" && v.Metadata() == "" {
		return ProbeImage + ":v" + v.String()
	}
	return ProbeImage + ":latest"
}
