//go:build !unix

package fluxhandover

import "os"

// owned is not asked where files have no owner's number: a user's own folders are protected otherwise.
func owned(os.FileInfo) bool { return true }

// syncDir has nothing to do where folders cannot be synced.
func syncDir(string) error { return nil }
