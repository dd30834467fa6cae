//go:build !windows

package cli

import "io"

// colours tells whether the terminal behind w shows colours; terminals do, elsewhere than on Windows.
func colours(io.Writer) bool { return true }
