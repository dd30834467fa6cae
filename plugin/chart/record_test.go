package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func TestDecodeRecord(t *testing.T) {
	good := `{"name": "cilium", "namespace": "kube-system", "version": 3, "chart": {"metadata": {"name": "cilium"}}, "config": {"a": 1}, "apply_method": "ssa"}`
	for name, text := range map[string][]byte{
		"Helm's":       packed(t, []byte(good)),
		"without gzip": []byte(base64.StdEncoding.EncodeToString([]byte(good))),
	} {
		r, err := DecodeRecord(text)
		if err != nil || r.Revision != 3 || r.ApplyMethod != facts.ServerSide || r.Config.Text("a") != "1" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	cut := packed(t, []byte(good+strings.Repeat(" ", 4096)))
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"not base64": {[]byte("!"), "not base64"},
		"no gzip":    {[]byte(base64.StdEncoding.EncodeToString([]byte{0x1f, 0x8b, 0x08, 1})), "not gzip"},
		"cut short":  {[]byte(base64.StdEncoding.EncodeToString(unpadded(t, cut)[:40])), "damaged"},
		"not JSON":   {packed(t, []byte(`{"config": {"password": "hunter2hunter2"`)), "not Helm's JSON"},
		"no chart":   {packed(t, []byte(`{"name": "cilium"}`)), "no chart"},
		"empty":      {nil, "not Helm's JSON"},
	} {
		if _, err := DecodeRecord(c.text); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func unpadded(t *testing.T, text []byte) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gigabyte inflates to head and 1 GiB of fill, and is about 1 MiB itself: gzip may be written one after the other.
func gigabyte(t *testing.T, head string, fill byte) []byte {
	t.Helper()
	const part = 16 << 20
	member := func(text []byte) []byte {
		var once bytes.Buffer
		zip, err := gzip.NewWriterLevel(&once, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = zip.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		return once.Bytes()
	}
	return append(member([]byte(head)), bytes.Repeat(member(bytes.Repeat([]byte{fill}, part)), 1<<30/part)...)
}

// TestFault_R13_Bombs: what is about a megabyte and inflates to a gigabyte, a record, a chart or a tree, is an error and
// no memory; so are a record that is nested without end, and one that was cut short.
func TestFault_R13_Bombs(t *testing.T) {
	many := manyFiles(t)
	for _, bomb := range [][]byte{many, tarBomb(t)} {
		if len(bomb) > 2<<20 {
			t.Fatalf("the bomb is %d KiB itself", len(bomb)>>10)
		}
	}
	record := []byte(base64.StdEncoding.EncodeToString(gigabyte(t, `{"config":{"a":"`, 'a'))) // JSON as far as it goes
	deep := packed(t, []byte(`{"config":`+strings.Repeat(`{"a":`, 1<<20)))
	cut := packed(t, []byte(`{"name":"cilium"}`))
	cut = cut[:len(cut)-7]
	var result faultproxy.Result
	for name, c := range map[string]struct {
		open  func() error
		says  string
		limit uint64 // MiB that may be allocated, all in all
	}{
		"deep JSON in a record":      {func() error { _, err := DecodeRecord(deep); return err }, "not Helm's JSON", 48},
		"a record cut in its base64": {func() error { _, err := DecodeRecord(cut); return err }, "not base64", 1},
		"a bomb for a record":        {func() error { _, err := DecodeRecord(record); return err }, "more than 32 MiB", 8},
		"a bomb for a chart":         {func() error { _, err := unpack(many, "here", ""); return err }, "larger than the maximum size", 256}, // Helm holds 100 MiB of it, at most
		"a bomb for a tree":          {func() error { _, err := ofTree(tarBomb(t), "x", nil); return err }, "bigger than max archive size", 32},
		"a bomb for a chart of one file": {func() error {
			_, err := unpack(tarBomb(t), "here", "")
			return err
		}, "larger than the maximum size", 64},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := c.open()
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: not refused for %q: %v", name, c.says, err)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > c.limit {
			t.Errorf("%s: %d MiB were allocated", name, used)
		}
		if grown := int64(after.Sys) - int64(before.Sys); grown > int64(max(c.limit, 64))<<20 {
			t.Errorf("%s: %d MiB more were taken from the system", name, grown>>20)
		}
		result.Add(name, "an error, memory bounded")
	}
	result.Keep(t, "plugin/chart", "R13")
}

// manyFiles is a chart of 64 files, each of 4 MiB.
func manyFiles(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	text := make([]byte, 4<<20)
	for i := range 64 {
		name := fmt.Sprintf("cilium/files/%d", i)
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tarBomb is a chart with a file of 1 GiB, as its header says.
func tarBomb(t *testing.T) []byte {
	t.Helper()
	var head bytes.Buffer
	zip := gzip.NewWriter(&head)
	if err := tar.NewWriter(zip).WriteHeader(&tar.Header{Name: "cilium/values.yaml", Mode: 0o600, Size: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return append(head.Bytes(), gigabyte(t, "", 0)...)
}

func TestReadValues(t *testing.T) {
	for _, text := range []string{"USER-SUPPLIED VALUES:\na: 1\n", "\nCOMPUTED VALUES:\na: 1", "a: 1", `{"a": 1}`} {
		if v, err := ReadValues([]byte(text)); err != nil || v.Text("a") != "1" {
			t.Errorf("%q: %v, %v", text, v, err)
		}
	}
	if v, err := ReadValues(nil); err != nil || v == nil {
		t.Errorf("nothing: %v, %v", v, err)
	}
	if _, err := ReadValues([]byte("password: hunter2: x: [")); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestMasksAreComparable(t *testing.T) {
	tree := func(password string) values.Tree {
		return values.Tree{
			"adminPassword": password, "url": "prefix " + password + " suffix", "plain": "as it is", "n": 1.0,
			"list": []any{map[string]any{"token": password}}, "enabled": true,
		}
	}
	m := NewMasker(tree("canary-one"), tree("canary-two"))
	one, again, two := m.Tree(tree("canary-one")), m.Tree(tree("canary-one")), m.Tree(tree("canary-two"))
	if !values.Equal(one, again) {
		t.Error("the same secret has two masks")
	}
	if got := values.Diff(one, two); len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if one.Text("plain") != "as it is" || one.Text("n") != "1" || one.Text("enabled") != "true" {
		t.Errorf("what is no secret was masked: %v", one)
	}
	other := NewMasker(tree("canary-one"))
	if values.Equal(one, other.Tree(tree("canary-one"))) {
		t.Error("masks can be told from one run to the next")
	}
}
