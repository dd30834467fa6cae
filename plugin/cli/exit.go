package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// Exit codes, the same for both programs.
const (
	ExitYes         = 0   // yes, equal, done
	ExitNo          = 1   // no, different, a check failed
	ExitUsage       = 2   // wrong usage, configuration or input
	ExitCannotTell  = 3   // something could not be seen, and nothing failed
	ExitRefused     = 4   // refused or stopped by a guard
	ExitLocked      = 5   // another handover holds the lock
	ExitInterrupted = 130 // before any change
)

// Exit is an error that carries an exit code. With no Err the answer is on stdout already and says enough.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Exit) Unwrap() error { return e.Err }

// Usage is an error of wrong usage, configuration or input.
func Usage(format string, args ...any) error {
	return &Exit{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// ForOutcome is the exit of a whole that is as bad as worst; warnings count as failures where failOn says so.
func ForOutcome(worst check.Outcome, failOn check.Outcome) error {
	switch {
	case worst == check.Fail, worst == check.Warn && failOn == check.Warn:
		return &Exit{Code: ExitNo}
	case worst == check.Unknown:
		return &Exit{Code: ExitCannotTell}
	}
	return nil
}

// Main runs root and returns the process' exit code. Interrupts cancel the command's context.
func Main(env *Env, root *cobra.Command, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root.SetArgs(args)
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.ErrOut)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && err != nil && !stopped(err) {
		fmt.Fprintln(env.ErrOut, "interrupted; nothing was changed")
		return ExitInterrupted
	}
	return code(env.ErrOut, err)
}

// stopped tells an interrupted command that has changed something, and says itself how to go on.
func stopped(err error) bool {
	var exit *Exit
	return errors.As(err, &exit) && exit.Code == ExitRefused
}

// code says err on w and gives its exit code. What cobra says itself (unknown flags, missing arguments) is usage.
func code(w io.Writer, err error) int {
	if err == nil {
		return ExitYes
	}
	if errors.Is(err, syscall.EPIPE) {
		return ExitYes // whoever read the answer has seen enough
	}
	var exit *Exit
	if !errors.As(err, &exit) {
		exit = &Exit{Code: ExitUsage, Err: err}
	}
	if exit.Err != nil {
		fmt.Fprintln(w, "error:", exit.Err)
	}
	return exit.Code
}
