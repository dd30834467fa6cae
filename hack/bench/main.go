// Command bench measures both plugins against what their users have today, on a lab that is up. The two sides take
// turns within one run, so that a machine that is slower for a while is slower for both. It judges nothing: what is
// wanted is said beside what was measured.
//
//	make lab bench
//	go run ./hack/bench --only P11 --runs 21
//	go run ./hack/bench --write        # docs/benchmarks.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	state := flags.String("state", "", "state folder of the lab (default: that of `make lab`)")
	only := flags.String("only", "", "measure rows whose ID begins so, separated by commas")
	runs := flags.Int("runs", 11, "how often each side is measured, after one run that does not count")
	write := flags.Bool("write", false, "write "+page)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *runs < 1 || *write && *only != "" {
		return errors.New("--runs: at least 1; --write: of all rows, without --only")
	}
	l, err := openLab(ctx, *state)
	if err != nil {
		return err
	}
	defer l.close()
	var all []measured
	for _, r := range rows() {
		if !wanted(r.id, *only) {
			continue
		}
		m, err := l.measure(ctx, r, *runs)
		if err != nil {
			return fmt.Errorf("measure %s, %s: %w", r.id, r.title, err)
		}
		fmt.Fprint(out, m.text())
		all = append(all, m)
	}
	fmt.Fprintln(out, l.machine(ctx))
	if *write {
		return writePage(l.machine(ctx), *runs, all)
	}
	return nil
}

func wanted(id, only string) bool {
	for prefix := range strings.SplitSeq(only, ",") {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}
