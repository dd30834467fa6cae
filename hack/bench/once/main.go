//go:build unix

// Command once runs a program and writes what that took to the file descriptor 3. The memory that a process had at most
// includes that of the process which started it; this one is small.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: once PROGRAM [ARGS..] 3>FILE")
		os.Exit(125)
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signal.Ignore(os.Interrupt) // the program gets it too, and ends us
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(125)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	_ = json.NewEncoder(os.NewFile(3, "result")).Encode(map[string]int64{
		"wall": int64(took), "cpu": int64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()), "kib": usage.Maxrss,
	})
	os.Exit(cmd.ProcessState.ExitCode())
}
