package chart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answering is a registry, or a repository, that answers everything so.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// hanging answers nothing until its caller gives up.
func hanging(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// TestRefusals: each thing that may be wrong with a place is said for what it is.
func TestRefusals(t *testing.T) {
	code := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
	}
	all := []error{ErrNoChart, ErrRefused, ErrUnreachable}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		kind   error // nil: none of them
		want   string
		within time.Duration
	}{
		"absent":       {code(http.StatusNotFound), ErrNoChart, "there is no such chart", time.Hour},
		"no login":     {code(http.StatusUnauthorized), nil, "refuses (401)", time.Hour},
		"no right":     {code(http.StatusForbidden), nil, "helm registry login", time.Hour},
		"out of order": {code(http.StatusNotImplemented), nil, "it answers 501", time.Hour},
		"hanging":      {hanging, ErrUnreachable, "--timeout", 200 * time.Millisecond},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "entries: {")
		}, nil, "", time.Hour},
	} {
		host := answering(t, c.answer)
		for _, s := range []Source{
			{URL: "oci://" + host + "/charts/cilium", Tag: "1.18.2", Insecure: true},
			{URL: "http://" + host + "/", Chart: "cilium", Version: "1.18.2"},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.within)
			_, err := (&Fetcher{Places: []Source{}}).Fetch(ctx, s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: got %v, want %q", name, s.URL, err, c.want)
			}
			for _, kind := range all {
				if name != "cut short" && errors.Is(err, kind) != (kind == c.kind) {
					t.Errorf("%s: %s: %v is of the kind %v", name, s.URL, err, kind)
				}
			}
			cancel()
		}
	}
}

// TestHalf: a place that gives no answer leaves time to go on without it.
func TestHalf(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	within, done := half(ctx)
	defer done()
	all, _ := ctx.Deadline()
	part, ok := within.Deadline()
	if left := all.Sub(part); !ok || left < 29*time.Minute || left > 31*time.Minute {
		t.Errorf("%s are left", left)
	}
	if unlimited, done := half(t.Context()); unlimited.Err() != nil {
		t.Error("a context without end has one")
	} else {
		done()
	}
}

// TestWhereAVersionIs: the error of a version that is not there names where it is, and who could not be asked.
func TestWhereAVersionIs(t *testing.T) {
	_, url := pushed(t, "1.16.0", "1.17.0", "1.18.1", "1.18.3", "1.19.0", "1.20.0", "1.20.2")
	_, other := pushed(t, "1.18.2")
	index := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "entries: {cilium: [{version: 1.17.0, urls: [c.tgz]}]}")
	})
	f := &Fetcher{Places: []Source{
		{URL: other, Chart: "cilium", Insecure: true}, {URL: "http://" + index, Chart: "cilium"},
		{URL: "http://127.0.0.1:1/", Chart: "cilium"}, {URL: url + "/", Chart: "cilium", Insecure: true},
	}}
	_, err := f.Fetch(t.Context(), Source{URL: url, Tag: "1.18.2", Insecure: true})
	if !errors.Is(err, ErrNoChart) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"it has 1.17.0, 1.18.1, 1.18.3, 1.19.0, 1.20.0;", other + " has it;", "http://" + index + " has it not;",
		"http://127.0.0.1:1/ could not be asked: ", "cannot be reached from here", "--chart",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if strings.Count(err.Error(), url) != 1 {
		t.Errorf("the place itself is asked twice: %v", err)
	}
}

// TestDigestsAreNoPaths: a digest that an index gives names a file of the cache, and none elsewhere.
func TestDigestsAreNoPaths(t *testing.T) {
	host := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `entries: {cilium: [{version: 1.18.2, urls: [c.tgz], digest: "../../outside"}]}`)
	})
	cache := filepath.Join(t.TempDir(), "a", "b")
	if _, err := (&Fetcher{Cache: cache}).Fetch(t.Context(), Source{URL: "http://" + host, Chart: "cilium"}); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(cache, "..", "..", "outside.tgz")); err == nil {
		t.Error("it was written outside of the cache")
	}
}

// TestCacheIsShared: fetching the same at once gives whole files, and asks again for one that was damaged.
func TestCacheIsShared(t *testing.T) {
	_, url := pushed(t, "1.20.2")
	f := &Fetcher{Cache: t.TempDir()}
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := f.Fetch(t.Context(), Source{URL: url, Tag: "1.20.2", Insecure: true})
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	kept, _ := filepath.Glob(filepath.Join(f.Cache, "*"))
	if hidden, _ := filepath.Glob(filepath.Join(f.Cache, ".*")); len(kept) != 1 || len(hidden) != 0 {
		t.Fatalf("the cache has %v %v", kept, hidden)
	}
	if err := os.WriteFile(kept[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last [2]int64
	f.Tell = func(done, total int64) { last = [2]int64{done, total} }
	if _, err := f.Fetch(t.Context(), Source{URL: url, Tag: "1.20.2", Insecure: true}); err != nil || last[0] == 0 || last[0] != last[1] {
		t.Errorf("%v, told %v", err, last)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || hexSum(text)+".tgz" != filepath.Base(kept[0]) {
		t.Error("what was damaged is still there", err)
	}
}
