package fluxhandover

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// strange is the exit where a cluster's journal cannot be gone on with, and how to get rid of it where it holds what this
// tool never writes.
func (o *runOptions) strange(t cli.Target, j *handover.Journal, verb string, err error) error {
	var foreign *handover.Foreign
	if !errors.As(err, &foreign) {
		return &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: %w", t.Name, err)}
	}
	name, more, kept := handover.JournalName, []string{}, ""
	if o.state != nil {
		kept = o.state.run(j.Cluster, j.Run)
	}
	if verb == "drill" {
		name, more = handover.DrillJournalName, []string{"--list"}
		if o.state != nil {
			kept = filepath.Join(o.state.dir, "drills", folder(j.Cluster, j.Run))
		}
	}
	namespace := t.Expect.Flux.Namespace
	kubectl := func(words ...string) string {
		if t.Context != "" {
			words = append([]string{"--context", t.Context}, words...)
		}
		return cli.Shell("kubectl", words...)
	}
	return &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf(
		"cluster %s: %s. See where it says it stands: %s; and who wrote it: %s. Where it is nobody's, remove it: %s (and %s, where that is there); then: %s",
		t.Name, facts.Text(foreign.Error()), o.command("status", []cli.Target{t}),
		kubectl("-n", namespace, "get", "configmap", name, "-o", "yaml", "--show-managed-fields"),
		kubectl("-n", namespace, "delete", "configmap", name), kept, o.command(verb, []cli.Target{t}, more...))}
}
