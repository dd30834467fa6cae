package site

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// tools are the commands that the lab puts on a user's PATH, and the component each is part of.
func tools(helm string) map[string]string {
	return map[string]string{"kubectl": "kubernetes", "helm": helm, "helm3": "helm3", "helm4": "helm4", "flux": "flux", "crane": "crane"}
}

// shims fills the folder bin: a link to what is built, and for the rest a script that builds on first use.
func (l *Lab) shims(helm string) error {
	for tool, component := range tools(helm) {
		path := l.Dir.Join("bin", tool)
		program := tool
		if tool == "helm" {
			program = helm
		}
		if dir, ok := l.Builder.Built(component); ok {
			if err := link(dir+"/"+program, path); err != nil {
				return err
			}
			continue
		}
		script := fmt.Sprintf("#!/bin/sh\nexec '%s' --state '%s' tool %s -- \"$@\"\n", l.Self, l.Dir, program)
		if err := state.WriteFile(path, []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Tool builds a tool if need be and becomes it.
func (l *Lab) Tool(ctx context.Context, name string, args []string) error {
	s, _, err := l.Dir.Read()
	if err != nil {
		return err
	}
	helm := fmt.Sprintf("helm%d", max(s.Helm, 3))
	component, ok := tools(helm)[name]
	if !ok {
		return fmt.Errorf("tool %s: the lab has kubectl, helm, helm3, helm4, flux and crane", name)
	}
	if err := l.install(ctx, component); err != nil {
		return err
	}
	if err := l.shims(helm); err != nil {
		return err
	}
	path, err := exec.LookPath(l.Dir.Join("bin", name))
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	return syscall.Exec(path, append([]string{name}, args...), os.Environ())
}
