package site

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/chart"
	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// startShared runs what the clusters share: the Git server, and the registry with Cilium's chart in it.
func (l *Lab) startShared(ctx context.Context, s state.Settings) error {
	git := fmt.Sprintf("127.0.0.1:%d", s.Port(state.Git))
	specs := []process.Spec{
		{Name: "git", Path: l.Self, Args: []string{"serve-git", "--address", git, "--root", l.Dir.Join("git")}},
		{Name: "registry", Path: l.Dir.Join("programs", "registry"), Args: []string{fmt.Sprintf("--port=%d", s.Port(state.Registry))}},
	}
	for i, address := range []string{git, l.RegistryAddress(s)} {
		if err := l.Processes().Start(specs[i]); err != nil {
			return err
		}
		if err := l.Processes().WaitFor(specs[i].Name, 10*time.Second, func() bool { return listening(address) }); err != nil {
			return err
		}
	}
	return l.PushChart(ctx, s, s.CiliumVersion)
}

func listening(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// packChart packs Cilium's chart of a version unless it is packed.
func (l *Lab) packChart(ctx context.Context, version string) error {
	if _, err := os.Stat(l.ChartPath(version)); err == nil {
		return nil
	}
	dir, err := l.Builder.Files(ctx, component.Chart(version))
	if err != nil {
		return err
	}
	archive, err := chart.Pack("cilium", os.DirFS(dir))
	if err != nil {
		return err
	}
	return state.WriteFile(l.ChartPath(version), archive, 0o644)
}

// PushChart puts Cilium's chart of a version into the registry, as charts/cilium. The registry forgets when it stops,
// so this is done at every start.
func (l *Lab) PushChart(ctx context.Context, s state.Settings, version string) error {
	if err := l.packChart(ctx, version); err != nil {
		return err
	}
	archive, err := os.ReadFile(l.ChartPath(version))
	if err != nil {
		return fmt.Errorf("push chart: %w", err)
	}
	metadata, err := chart.Metadata(archive)
	if err != nil {
		return err
	}
	digest, err := chart.Push(ctx, l.RegistryAddress(s), chart.Image{Repository: "charts/cilium", Tag: version, Archive: archive, Chart: metadata})
	if err != nil {
		return err
	}
	l.Say("chart oci://%s/charts/cilium:%s %s", l.RegistryAddress(s), version, digest)
	return nil
}
