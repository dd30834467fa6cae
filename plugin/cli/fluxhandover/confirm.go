package fluxhandover

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// asks tells whether there is somebody to ask: a terminal to read from and one to write to.
func (o *runOptions) asks() bool {
	in, ok := o.env.In.(io.Writer) // what a terminal is read from can be written to
	return ok && o.env.Width(in) > 0 && o.env.Width(o.env.ErrOut) > 0
}

// confirm shows which clusters are about to be changed and asks once, unless --yes. Where nothing is to do, it does not.
func (o *runOptions) confirm(jobs []*job, question string) error {
	changes := false
	for _, j := range jobs {
		p := j.plan
		word := "  " + string(p.Strategy)
		if p.Name != handover.HandoverName {
			word = "  " + p.Name
		}
		switch {
		case p.Done:
			word = "  nothing to do"
		case j.journal != nil:
			word = "  goes on with run " + j.journal.Run
		}
		changes = changes || !p.Done
		if !o.yes && !p.Done {
			o.env.Say("%s", fmt.Sprintf("%s  context %s  server %s  kube-system uid %s%s", p.Cluster, p.Context, p.Server, p.UID, word))
		}
	}
	if o.yes || !changes {
		return nil
	}
	fmt.Fprintf(o.env.ErrOut, "%s Type yes: ", question)
	answer, err := bufio.NewReader(o.env.In).ReadString('\n')
	if err != nil && answer == "" {
		o.env.Say("")
	}
	if strings.TrimSpace(answer) != "yes" {
		return &cli.Exit{Code: cli.ExitInterrupted, Err: fmt.Errorf("not confirmed: nothing was changed")}
	}
	return nil
}
