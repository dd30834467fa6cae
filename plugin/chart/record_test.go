package chart

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"runtime"
	"strings"
	"testing"

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

// TestBomb: a record of a megabyte that inflates to a gigabyte is an error, soon.
func TestBomb(t *testing.T) {
	var zip bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zip, gzip.BestSpeed)
	zeros := make([]byte, 1<<20)
	for range 256 { // a quarter of it is well beyond the bound
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text := []byte(base64.StdEncoding.EncodeToString(zip.Bytes()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := DecodeRecord(text)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "more than 32 MiB") {
		t.Errorf("got %v", err)
	}
	// Growing a buffer to the bound allocates a few times the bound, all in all; a quarter of the bomb would be more.
	if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 200 {
		t.Errorf("%d MiB were allocated", n)
	}
	if n := testing.AllocsPerRun(1, func() { _, _ = DecodeRecord(text) }); n > 10000 {
		t.Errorf("%v allocations", n)
	}
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
