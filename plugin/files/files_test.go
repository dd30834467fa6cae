package files

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// errFull is what the disk says.
var errFull = errors.New("no space left on device")

// worn is a folder whose n-th call fails, once: a write of it has then written half.
type worn struct {
	disk
	left  int // calls until it fails; what removes is not counted
	calls []string
}

func (w *worn) fails(call string) bool {
	w.calls = append(w.calls, call)
	w.left--
	return w.left == -1
}

func (w *worn) Lstat(name string) (fs.FileInfo, error) {
	if w.fails("lstat") {
		return nil, errFull
	}
	return w.disk.Lstat(name)
}

func (w *worn) Mkdir(name string, mode fs.FileMode) error {
	if w.fails("mkdir") {
		return errFull
	}
	return w.disk.Mkdir(name, mode)
}

func (w *worn) ReadFile(name string) ([]byte, error) {
	if w.fails("read") {
		return nil, errFull
	}
	return w.disk.ReadFile(name)
}

func (w *worn) Create(name string, mode fs.FileMode) (file, error) {
	if w.fails("create") {
		return nil, errFull
	}
	f, err := w.disk.Create(name, mode)
	return wornFile{f, w}, err
}

func (w *worn) Rename(from, to string) error {
	if w.fails("rename") {
		return errFull
	}
	return w.disk.Rename(from, to)
}

type wornFile struct {
	file
	disk *worn
}

func (f wornFile) Write(text []byte) (int, error) {
	if f.disk.fails("write") {
		n, _ := f.file.Write(text[:len(text)/2])
		return n, errFull
	}
	return f.file.Write(text)
}

func (f wornFile) Chmod(mode fs.FileMode) error {
	if f.disk.fails("chmod") {
		return errFull
	}
	return f.file.Chmod(mode)
}

func (f wornFile) Sync() error {
	if f.disk.fails("sync") {
		return errFull
	}
	return f.file.Sync()
}

func (f wornFile) Close() error {
	if err := f.file.Close(); err != nil {
		return err
	}
	if f.disk.fails("close") {
		return errFull
	}
	return nil
}

// contents are the files and folders below dir: path -> mode and text.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := []byte("(folder)")
		if !e.IsDir() {
			if text, err = os.ReadFile(name); err != nil {
				return err
			}
		}
		all[strings.TrimPrefix(name, dir)] = info.Mode().String() + " " + string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// laid is a folder with two files, one of which its owner alone reads.
func laid(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"a.md": 0o644, "b.md": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old "+name), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var fresh = []File{{"a.md", "new a"}, {"new/deep/c.md", "new c"}, {"b.md", "new b"}, {"d.md", "new d"}}

// TestAllOrNone fails each call to the disk in turn: what was there stays, with its mode, and nothing else is there.
func TestAllOrNone(t *testing.T) {
	failed := map[string]int{}
	for n := 0; ; n++ {
		dir := laid(t)
		before := contents(t, dir)
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		d := &worn{disk: rooted{root}, left: n}
		err = write(d, dir, fresh)
		if err := root.Close(); err != nil {
			t.Fatal(err)
		}
		if d.left >= 0 {
			if err != nil {
				t.Errorf("nothing failed: %v", err)
			}
			break
		}
		call := d.calls[n]
		failed[call]++
		if !errors.Is(err, errFull) || !strings.HasPrefix(err.Error(), "write "+dir) {
			t.Errorf("%s, call %d: error %v", call, n, err)
		}
		if after := contents(t, dir); !maps.Equal(before, after) {
			t.Errorf("%s, call %d: before\n%v\nafter\n%v", call, n, before, after)
		}
	}
	want := map[string]int{"lstat": 4, "mkdir": 2, "read": 2, "create": 6, "write": 6, "chmod": 4, "sync": 6, "close": 6, "rename": 4}
	if !maps.Equal(failed, want) {
		t.Errorf("failed were %v, want %v", failed, want)
	}
}

func TestWrite(t *testing.T) {
	dir := laid(t)
	before := contents(t, dir)
	if err := Write(dir, fresh); err != nil {
		t.Fatal(err)
	}
	all := contents(t, dir)
	delete(all, "")
	if got, want := slices.Sorted(maps.Keys(all)), []string{"/a.md", "/b.md", "/d.md", "/new", "/new/deep", "/new/deep/c.md"}; !slices.Equal(got, want) {
		t.Errorf("there is %v", got)
	}
	for name, was := range map[string]string{"/a.md": before["/a.md"], "/b.md": before["/b.md"]} {
		if want := strings.Replace(strings.TrimSuffix(was, ".md"), "old", "new", 1); all[name] != want {
			t.Errorf("%s is %q, want %q", name, all[name], want)
		}
	}
	if !strings.HasSuffix(all["/new/deep/c.md"], " new c") || !strings.HasSuffix(all["/d.md"], " new d") {
		t.Errorf("%v", all)
	}
}

// TestNothingOutside: links lead nowhere, and what is no file is not replaced; the folder that was made for it goes.
func TestNothingOutside(t *testing.T) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := laid(t)
	for link, target := range map[string]string{"link": outside, "away": base} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"link", "away/x", "../x"} {
		if err := Write(dir, []File{{"a.md", "new"}, {name, "new"}}); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	for _, target := range []string{filepath.Join(base, "made", "here"), filepath.Join(outside, "below", "a", "file")} {
		if err := Write(target, []File{{"../x", "new"}}); err == nil {
			t.Errorf("%s was written to", target)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a.md")); err != nil || string(text) != "old a.md" {
		t.Errorf("%q, %v", text, err)
	}
	if all := contents(t, base); len(all) != 2 || !strings.HasSuffix(all["/outside"], " mine") {
		t.Errorf("outside is %v", all)
	}
}

// TestUndoThatFails: where not even that is possible, it is said.
func TestUndoThatFails(t *testing.T) {
	dir := laid(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	err = write(stuck{rooted{root}}, dir, fresh)
	if err == nil || !strings.Contains(err.Error(), "cannot move") || !strings.Contains(err.Error(), "cannot remove") {
		t.Errorf("error %v", err)
	}
}

// stuck moves and removes nothing.
type stuck struct{ rooted }

func (stuck) Rename(string, string) error { return fmt.Errorf("cannot move") }
func (stuck) Remove(string) error         { return fmt.Errorf("cannot remove") }
