package chart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// sum is what a SHA-256 looks like, in hex. A digest names a file of the cache, and comes from elsewhere.
var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// blob is a file somewhere, and what is known of it.
type blob struct {
	digest string // sha256, hex; empty: not known
	limit  int64  // bytes
	tree   bool   // a tree: no chart, and not to be taken for one
	open   func(context.Context) (io.ReadCloser, int64, error)
}

// read takes a blob from the cache and else from where it is. What is not what its digest says is refused, and not kept.
func (f *Fetcher) read(ctx context.Context, b blob) ([]byte, error) {
	if b.digest != "" && !sum.MatchString(b.digest) {
		return nil, fmt.Errorf("%w: its digest is no SHA-256", ErrRefused)
	}
	file := ""
	if f.Cache != "" && b.digest != "" {
		file = filepath.Join(f.Cache, b.digest+".tgz")
		if b.tree {
			file = filepath.Join(f.Cache, b.digest+".tree")
		}
		if packed, err := os.ReadFile(file); err == nil && hexSum(packed) == b.digest {
			return packed, nil
		}
	}
	packed, err := f.download(ctx, b)
	switch {
	case err != nil:
		return nil, err
	case b.digest != "" && hexSum(packed) != b.digest:
		return nil, fmt.Errorf("%w: it is not what its digest says (sha256)", ErrRefused)
	case file != "":
		f.keep(file, packed)
	}
	return packed, nil
}

// download reads a whole blob, within its limit.
func (f *Fetcher) download(ctx context.Context, b blob) ([]byte, error) {
	stream, total, err := b.open(ctx)
	if err != nil {
		return nil, worded(err)
	}
	defer stream.Close()
	packed, err := io.ReadAll(io.LimitReader(&told{Reader: stream, total: total, tell: f.Tell}, b.limit+1))
	switch {
	case err != nil:
		return nil, worded(err)
	case int64(len(packed)) > b.limit:
		return nil, fmt.Errorf("it is larger than %d MiB", b.limit>>20)
	}
	return packed, nil
}

// told tells how far reading is.
type told struct {
	io.Reader

	done, total int64
	tell        func(done, total int64)
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.done += int64(n)
	if t.tell != nil && t.total > 0 {
		t.tell(min(t.done, t.total), t.total)
	}
	return n, err
}

// keep writes a chart to the cache, whole or not at all; a cache that cannot be written is no cache, and no error.
func (f *Fetcher) keep(file string, packed []byte) {
	if os.MkdirAll(f.Cache, 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(f.Cache, ".chart-*")
	if err != nil {
		return
	}
	_, err = temp.Write(packed)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
}
