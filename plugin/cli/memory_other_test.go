//go:build !linux

package cli_test

import "os"

// resident is not known: each system tells it in another unit, or not at all.
func resident(*os.ProcessState) int64 { return 0 }
