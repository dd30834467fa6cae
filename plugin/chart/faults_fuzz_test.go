package chart

import "testing"

// FuzzDecodeRecord: a record is read or refused, and no refusal quotes it.
func FuzzDecodeRecord(f *testing.F) {
	f.Add(packed(f, []byte(`{"chart":{"metadata":{"name":"cilium"}},"config":{"a":1}}`)))
	f.Add([]byte("H4sI"))
	f.Add([]byte("e30="))
	f.Add([]byte("bnVsbA=="))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeRecord(data)
		if (r == nil) != (err != nil) {
			t.Fatal(r, err)
		}
		if err != nil && len(err.Error()) > 120 {
			t.Errorf("it says too much: %v", err)
		}
	})
}
