package cli_test

import (
	"os"
	"syscall"
)

// resident is the most memory that a process which has ended had at once, in bytes.
func resident(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}
