package act

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// The sizes of a journal, in bytes.
const (
	// MaxJournal bounds what one may expand to, and what is kept apart of it, each. The pods of 10,000 nodes are 14 MB.
	MaxJournal = 32 << 20
	// MaxPacked is what fits into a ConfigMap.
	MaxPacked = 1<<20 - 4<<10
	// window is how far apart text may be to be kept once: the pods at the end are those of the beginning.
	window = 16 << 20
)

// pack writes a journal's document, all in one. Equal journals give equal bytes.
func pack(j *handover.Journal) ([]byte, error) { return packDocument(storedJournal{Journal: *j}) }

// packDocument writes what a journal's own ConfigMap holds.
func packDocument(d storedJournal) ([]byte, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	out, err := compress(text)
	if err == nil && len(out) > MaxPacked {
		err = fmt.Errorf("its %d bytes do not fit into a ConfigMap, which holds %d", len(out), MaxPacked)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// compress is text by zstd. Equal text gives equal bytes.
func compress(text []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithWindowSize(window), zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	out := w.EncodeAll(text, nil)
	return out, w.Close()
}

// unpack reads a journal's document. Whoever may write the ConfigMap may have written it: its size is bounded, and its
// text neutralised. What is kept apart of it is not in it yet.
func unpack(packed []byte) (*storedJournal, error) {
	if len(packed) == 0 {
		return nil, errors.New("it has no " + journalKey)
	}
	text, err := neutralText(packed)
	if err != nil {
		return nil, err
	}
	d := &storedJournal{}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, errors.New("it is not of a journal's schema")
	}
	if d.Kind != handover.JournalKind || d.APIVersion != facts.APIVersion {
		return nil, fmt.Errorf("it is %q of %q, and no %s of %s", d.Kind, d.APIVersion, handover.JournalKind, facts.APIVersion)
	}
	return d, nil
}

// neutralText is the JSON that was compressed, with its text neutralised.
func neutralText(packed []byte) ([]byte, error) {
	text, err := expand(packed)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, errors.New("it is no JSON")
	}
	return json.Marshal(neutral(tree))
}

// expand undoes what pack's compression did.
func expand(document []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxJournal), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := r.DecodeAll(document, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, fmt.Errorf("it expands to more than %d bytes", MaxJournal)
	case errors.Is(err, zstd.ErrMagicMismatch):
		return nil, errors.New("it is not compressed by zstd")
	case err != nil:
		return nil, errors.New("it is cut off or damaged")
	}
	return text, nil
}

// inflate unzips at most that many bytes.
func inflate(zipped []byte, most int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, errors.New("it is not gzipped")
	}
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, errors.New("it is cut off or damaged")
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("it inflates to more than %d bytes", most)
	}
	return text, nil
}

// neutral is decoded JSON with all its text neutralised.
func neutral(v any) any {
	switch v := v.(type) {
	case string:
		return facts.Text(v)
	case []any:
		for i := range v {
			v[i] = neutral(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[facts.Text(key)] = neutral(value)
		}
		return out
	}
	return v
}
