package values

import (
	"encoding/json"
	"testing"
)

// FuzzCoalesce: values laid over others for reading say what a copy says, and nothing given is changed.
func FuzzCoalesce(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":[1]}}`)
	f.Add(`{"a":null}`, `{"a":{"b":null}}`)
	f.Add(`{"a":[{"b":1}]}`, `{"a":[{}]}`)
	f.Add(`null`, `{"":{"":null}}`)
	f.Fuzz(func(t *testing.T, one, other string) {
		var base, over, before, above Tree
		for _, tree := range []*Tree{&base, &before} {
			if json.Unmarshal([]byte(one), tree) != nil {
				return
			}
		}
		for _, tree := range []*Tree{&over, &above} {
			if json.Unmarshal([]byte(other), tree) != nil {
				return
			}
		}
		got := Coalesce(base, over)
		if read := Laid(base, over); !Equal(map[string]any(got), map[string]any(read)) {
			t.Errorf("laid %v, copied %v", read, got)
		}
		if !Equal(map[string]any(base), map[string]any(before)) || !Equal(map[string]any(over), map[string]any(above)) {
			t.Errorf("changed: %v, %v", base, over)
		}
	})
}
