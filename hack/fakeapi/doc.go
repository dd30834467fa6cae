// Package fakeapi serves what was recorded of a cluster as its API server would: over TLS and HTTP/2, in protobuf where
// it is asked for, in pages, compressed, as far away as it is told. A recording multiplied is a large cluster, and many of
// them are a fleet. It answers what is read and watched; it knows no writes, no discovery and no exec.
package fakeapi

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

var moment = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)

// Renamed is a recording as if it were of another cluster of that name, taken at that time: every place that holds the old
// name holds the new one, and every time is as long before the new one as it was before the old.
func Renamed(f facts.Facts, name string, taken time.Time) (facts.Facts, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return facts.Facts{}, err
	}
	later := taken.Sub(f.Taken)
	shifted := moment.ReplaceAllStringFunc(string(text), func(old string) string {
		t, err := time.Parse(time.RFC3339Nano, strings.Trim(old, `"`))
		if err != nil {
			return old
		}
		return `"` + t.Add(later).UTC().Format(time.RFC3339Nano) + `"`
	})
	var out facts.Facts
	err = json.Unmarshal([]byte(strings.ReplaceAll(shifted, f.Cluster, name)), &out)
	out.Live.UID = "uid-of-" + name
	return out, err
}
