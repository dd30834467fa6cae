// Command bench measures both plugins: against what their users have today, on a lab that is up, and on as many and as
// large clusters as no lab has. The two sides take turns within one run, so that a machine that is slower for a while is slower
// for both. It judges nothing: what is wanted is said beside what was measured.
//
//	make lab bench
//	make bench BENCH=P6,P7
//	make bench BENCH=all               # docs/benchmarks.json, its page and its plots
//	go run ./hack/bench --only P11 --runs 21 --bin bin
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
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
	only := flags.String("only", "", "measure these rows, by their IDs, separated by commas")
	runs := flags.Int("runs", 7, "how often each side is measured, after one run that does not count; slow rows are measured less often")
	bin := flags.String("bin", "", "folder of both plugins (default: they are built)")
	write := flags.Bool("write", false, "keep the results in "+results.File+" and draw its page and plots")
	merge := flags.Bool("merge", false, "with --write and --only: keep the other rows as they are")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *runs < 1 || *write && *only != "" && !*merge {
		return errors.New("--runs: at least 1; --write: of all rows, without --only, or with --merge")
	}
	began := load()
	b, err := newBench(ctx, *state, *bin, *runs)
	if err != nil {
		return err
	}
	defer b.close()
	all := results.Results{Runs: *runs}
	for _, r := range rows() {
		if !wanted(r.ID, *only) {
			continue
		}
		some, err := b.measure(ctx, r)
		if err != nil {
			return err
		}
		for _, one := range some {
			fmt.Fprint(out, one.Text())
		}
		all.Rows = append(all.Rows, some...)
	}
	all.Machine, all.Series = b.machine(ctx), b.series
	all.Load = fmt.Sprintf("%.1f when it began, %.1f when it ended", began, load())
	fmt.Fprintf(out, "%s\nload: %s\n", all.Machine, all.Load)
	if !*write {
		return nil
	}
	if *merge {
		if all, err = results.Merge(".", all); err != nil {
			return err
		}
	}
	return keep(all)
}

// keep writes the results and what is drawn from them.
func keep(all results.Results) error {
	if err := all.Write("."); err != nil {
		return err
	}
	for name, text := range all.Files() {
		if err := os.WriteFile(filepath.FromSlash(name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func wanted(id, only string) bool {
	for one := range strings.SplitSeq(only, ",") {
		if one == id || one == "" {
			return true
		}
	}
	return false
}
