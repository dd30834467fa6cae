//go:build unix

package fluxhandover

import (
	"errors"
	"os"
	"syscall"
)

// owned tells whether a file belongs to the user whose process this is.
func owned(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid()
}

// syncDir makes a rename in dir last. File systems that know no such thing say EINVAL, and need none.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return errors.Join(err, d.Close())
	}
	return d.Close()
}
