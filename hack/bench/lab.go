package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"sigs.k8s.io/yaml"
)

// dyff is what people compare manifests with.
const dyff = "v1.10.2"

// lab is a lab that is up, with a suspended HelmRelease of Cilium in either cluster, as before an adoption.
type lab struct {
	env  []string
	temp string
}

func openLab(ctx context.Context, state string) (*lab, error) {
	args := []string{"env"}
	if state != "" {
		args = append(args, "--state", state)
	}
	quoted := "eval \"$(bin/lab " + strings.Join(args, " ") + ")\" && env -0"
	out, err := exec.CommandContext(ctx, "sh", "-c", quoted).Output()
	l := &lab{env: strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")}
	if err != nil || l.variable("LAB_STATE") == "" {
		return nil, errors.New("there is no lab that is up; bring one up: make lab")
	}
	if l.temp, err = os.MkdirTemp("", "cilium-gitops-bench-"); err != nil {
		return nil, err
	}
	tools, err := l.dyff(ctx)
	if err == nil {
		l.set("PATH", tools+string(filepath.ListSeparator)+l.variable("PATH"))
		l.set("BENCH_TEMP", l.temp)
		l.set("HELM_CACHE_HOME", l.temp)
		err = l.offer(ctx, "apply")
	}
	if err != nil {
		_ = os.RemoveAll(l.temp)
		return nil, err
	}
	return l, nil
}

// close takes away what openLab made.
func (l *lab) close() {
	_ = l.offer(context.Background(), "delete")
	_ = os.RemoveAll(l.temp)
}

// dyff builds it, once, into the folder where the lab keeps what it builds.
func (l *lab) dyff(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "cilium-gitops-lab", "dyff-"+dyff)
	if _, err := os.Stat(filepath.Join(dir, "dyff")); err == nil {
		return dir, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "github.com/homeport/dyff/cmd/dyff@"+dyff)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dyff %s: %w: %s", dyff, err, out)
	}
	return dir, nil
}

// offer applies or deletes the HelmRelease, suspended, and the chart's source.
func (l *lab) offer(ctx context.Context, verb string) error {
	for _, name := range []string{"infra", "apps"} {
		text, err := os.ReadFile(filepath.Join(l.variable("LAB_STATE"), name, "values.yaml"))
		if err != nil {
			return err
		}
		var values map[string]any
		if err := yaml.Unmarshal(text, &values); err != nil {
			return fmt.Errorf("read the values of %s: %w", name, err)
		}
		version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(l.variable("LAB_CHART")), "cilium-"), ".tgz")
		list, err := json.Marshal(offered(l.variable("LAB_REGISTRY"), version, values))
		if err != nil {
			return err
		}
		file := filepath.Join(l.temp, "offer.json")
		if err := os.WriteFile(file, list, 0o600); err != nil {
			return err
		}
		if _, err := l.output(ctx, "kubectl", "--context", name, verb, "-f", file); err != nil {
			return err
		}
	}
	return nil
}

func offered(registry, version string, values map[string]any) map[string]any {
	metadata := map[string]any{"name": "cilium", "namespace": "kube-system"}
	return map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{
		map[string]any{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": metadata,
			"spec": map[string]any{
				"interval": "1h", "url": "oci://" + registry + "/charts/cilium", "insecure": true, "ref": map[string]any{"tag": version},
				"layerSelector": map[string]any{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
			},
		},
		map[string]any{
			"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata,
			"spec": map[string]any{
				"suspend": true, "interval": "1h", "chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium"}, "values": values,
			},
		},
	}}
}

// output is what a program prints, which has to succeed.
func (l *lab) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := l.command(ctx, name, args...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}

// look finds a program on the lab's PATH, not on ours.
func (l *lab) look(name string) string {
	for _, dir := range filepath.SplitList(l.variable("PATH")) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
	}
	return name
}

func (l *lab) variable(name string) string {
	for _, pair := range l.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

func (l *lab) set(name, value string) {
	for i, pair := range l.env {
		if strings.HasPrefix(pair, name+"=") {
			l.env[i] = name + "=" + value
			return
		}
	}
	l.env = append(l.env, name+"="+value)
}

// machine is what was measured on, and with which versions.
func (l *lab) machine(ctx context.Context) string {
	version := func(args ...string) string {
		out, _ := l.output(ctx, args[0], args[1:]...)
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return line
	}
	return fmt.Sprintf("%s/%s, %d processors, %s; chart %s; helm %s; dyff %s; kubectl %s; ours: %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(),
		filepath.Base(l.variable("LAB_CHART")), version("helm", "version", "--short"), dyff,
		strings.TrimPrefix(version("kubectl", "version", "--client"), "Client Version: "), version("kubectl-cilium_gitops", "version"))
}
