// Package files writes files of the user's, all of them or none. It must not know what they hold.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

// File is one file: its path with slashes, below the folder that it is written to, and its whole text.
type File struct{ Path, Text string }

// Write writes all files below dir, and nothing outside of it, whatever links are there. After an error all of them
// are as they were before: what was there has its old text, and no file or folder has come. Only where the process is
// killed may some be new and others old; each is whole all the same.
func Write(dir string, all []File) error {
	missing := absent(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return errors.Join(err, prune(os.Remove, missing))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return errors.Join(err, prune(os.Remove, missing))
	}
	err = errors.Join(write(rooted{root}, dir, all), root.Close())
	if err != nil {
		return errors.Join(err, prune(os.Remove, missing))
	}
	return nil
}

// absent are the folders of a path that are not there, the deepest first.
func absent(dir string) []string {
	var all []string
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return all
		}
		all = append(all, dir)
		if dir == filepath.Dir(dir) {
			return all
		}
	}
}

// prune removes empty folders, where they are there.
func prune(remove func(string) error, folders []string) error {
	var all []error
	for _, f := range folders {
		if err := remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// disk is what files are written to. Names have slashes.
type disk interface {
	Lstat(name string) (fs.FileInfo, error)
	Mkdir(name string, mode fs.FileMode) error
	ReadFile(name string) ([]byte, error)
	// Create makes a file that must not be there yet.
	Create(name string, mode fs.FileMode) (file, error)
	Rename(from, to string) error
	Remove(name string) error
}

// file is one that is being written.
type file interface {
	io.WriteCloser
	Chmod(mode fs.FileMode) error
	Sync() error
}

// rooted is a folder of this machine's.
type rooted struct{ *os.Root }

// Create implements disk.
func (r rooted) Create(name string, mode fs.FileMode) (file, error) {
	return r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// writing is what has been written, as far as it goes.
type writing struct {
	disk   disk
	staged []staged
	made   []string // folders
}

// staged is a file that lies, whole, beside the one that it is to replace.
type staged struct {
	name   string // the file's own
	fresh  string // where its new text is
	old    string // where a copy of its old text is; empty: the file was not there
	placed bool   // the new text has its name
}

// write lays every file beside its place first. What could fail for want of room or of rights has failed, or has not,
// before the first of them is moved there.
func write(d disk, dir string, all []File) (err error) {
	w := &writing{disk: d}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.undo())
		} else {
			w.clean()
		}
	}()
	for _, f := range all {
		if err := w.stage(f); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, f.Path), err)
		}
	}
	for i := range w.staged {
		s := &w.staged[i]
		if err := d.Rename(s.fresh, s.name); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, s.name), err)
		}
		s.placed = true
	}
	return nil
}

// stage lays the new text and a copy of the old one beside the file.
func (w *writing) stage(f File) error {
	if err := w.mkdirs(path.Dir(f.Path)); err != nil {
		return err
	}
	s := staged{name: f.Path}
	var mode fs.FileMode // 0: whatever new files have
	info, err := w.disk.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("is no regular file")
	default:
		mode = info.Mode().Perm()
		old, err := w.disk.ReadFile(f.Path)
		if err != nil {
			return err
		}
		if s.old, err = w.beside(f.Path, old, mode); err != nil {
			return err
		}
	}
	s.fresh, err = w.beside(f.Path, []byte(f.Text), mode)
	if err != nil {
		return errors.Join(err, w.remove(s.old))
	}
	w.staged = append(w.staged, s)
	return nil
}

// mkdirs makes a folder and those above it.
func (w *writing) mkdirs(dir string) error {
	if dir == "." || dir == "/" {
		return nil
	}
	if err := w.mkdirs(path.Dir(dir)); err != nil {
		return err
	}
	err := w.disk.Mkdir(dir, 0o755)
	if err == nil {
		w.made = append([]string{dir}, w.made...)
	}
	if errors.Is(err, fs.ErrExist) { // where it is no folder, what is made below it fails
		return nil
	}
	return err
}

// beside writes a file in the folder of another, to the disk, and gives its name. After an error it is not there.
func (w *writing) beside(name string, text []byte, mode fs.FileMode) (string, error) {
	temporary := path.Join(path.Dir(name), "."+path.Base(name)+"."+strconv.FormatUint(rand.Uint64(), 36))
	f, err := w.disk.Create(temporary, 0o644)
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err == nil && mode != 0 {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, w.remove(temporary))
	}
	return temporary, nil
}

// undo puts everything back as it was.
func (w *writing) undo() error {
	var all []error
	for _, s := range w.staged {
		switch {
		case s.placed && s.old != "":
			all = append(all, w.disk.Rename(s.old, s.name))
		case s.placed:
			all = append(all, w.remove(s.name))
		default:
			all = append(all, w.remove(s.fresh), w.remove(s.old))
		}
	}
	return errors.Join(errors.Join(all...), prune(w.disk.Remove, w.made))
}

// clean removes the copies of the old texts. One that stays does no harm.
func (w *writing) clean() {
	for _, s := range w.staged {
		_ = w.remove(s.old)
	}
}

func (w *writing) remove(name string) error {
	if name == "" {
		return nil
	}
	return w.disk.Remove(name)
}
