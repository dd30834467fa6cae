package ciliumgitops

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// probePod are the flags of the program inside a probe's pods.
type probePod struct {
	env     *cli.Env
	listen  string
	targets []string
	within  time.Duration // a target is tried
	lasting time.Duration // streams are kept
}

// newProbePod is for the pods that verify --probe makes, not for people: it is in no help.
func newProbePod(env *cli.Env) *cobra.Command {
	o := &probePod{env: env, listen: ":7246", within: 10 * time.Second, lasting: time.Hour}
	cmd := &cobra.Command{
		Use: "probe-pod", Hidden: true, Short: "Run as one of a probe's pods", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	serve := &cobra.Command{
		Use: "serve", Short: "Send back what is sent, and answer " + probe.Health, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.serve(cmd.Context()) },
	}
	serve.Flags().StringVar(&o.listen, "listen", o.listen, "Address to answer at")
	ask := &cobra.Command{
		Use: "ask", Short: "Ask every target and print what came of it, a JSON document a line", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.ask(cmd.Context()) },
	}
	ask.Flags().DurationVar(&o.within, "within", o.within, "How long a target is tried")
	stream := &cobra.Command{
		Use: "stream", Short: "Keep connections to every target and print each second what came of them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.stream(cmd.Context()) },
	}
	stream.Flags().DurationVar(&o.lasting, "for", o.lasting, "How long at most")
	for _, c := range []*cobra.Command{ask, stream} {
		c.Flags().StringArrayVar(&o.targets, "target", nil, "Whom to ask: KIND=NAME=ADDRESS, repeatable")
	}
	cmd.AddCommand(serve, ask, stream)
	return cmd
}

func (o *probePod) serve(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("answer at %s: %w", o.listen, err)
	}
	return probe.Serve(ctx, l)
}

func (o *probePod) parsed() ([]probe.Target, error) {
	var all []probe.Target
	for _, text := range o.targets {
		t, err := probe.ParseTarget(text)
		if err != nil {
			return nil, cli.Usage("--target: %w", err)
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, cli.Usage("--target: there is nobody to ask")
	}
	return all, nil
}

func (o *probePod) ask(ctx context.Context) error {
	targets, err := o.parsed()
	if err != nil {
		return err
	}
	tell := o.lines()
	asker := &probe.Asker{Within: o.within}
	done := asker.Ask(ctx, targets, func(r probe.Result) { tell(probe.Answer{Result: &r}) })
	if err := ctx.Err(); err != nil {
		return err
	}
	tell(probe.Answer{Done: done})
	return nil
}

func (o *probePod) stream(ctx context.Context) error {
	targets, err := o.parsed()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.lasting)
	defer cancel()
	tell := o.lines()
	(&probe.Asker{}).Streams(ctx, targets, func(b probe.Beat) { tell(b) })
	return nil
}

// lines prints one document a line; a line that nobody reads is nobody's loss.
func (o *probePod) lines() func(any) {
	var mu sync.Mutex
	out := json.NewEncoder(o.env.Out)
	return func(document any) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(document)
	}
}
