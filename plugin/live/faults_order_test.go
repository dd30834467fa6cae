package live

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// shuffled answers as next does, with the items of every list in an order of its own.
func shuffled(next http.Handler, r *rand.Rand, result *faultproxy.Result) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, asked *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, asked)
		body := answer.Body.Bytes()
		var list map[string]any
		if err := json.Unmarshal(body, &list); err == nil {
			if items, ok := list["items"].([]any); ok && len(items) > 1 {
				r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
				body, _ = json.Marshal(list)
				result.Add("a list in another order", "the same facts")
			}
		}
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}

// TestFault_R24_ShuffledLists: in whichever order an API server lists, the facts are the same.
func TestFault_R24_ShuffledLists(t *testing.T) {
	s := newServer(t)
	quiet, _ := through(t, s.Config.Handler, faultproxy.At(-1, faultproxy.None))
	if len(quiet.Blind) > 0 {
		t.Fatalf("blind without a fault: %v", quiet.Blind)
	}
	var result faultproxy.Result
	for seed := range uint64(20) {
		locked := faultproxy.Serial(shuffled(s.Config.Handler, rand.New(rand.NewPCG(seed, seed)), &result))
		f, _ := through(t, locked, faultproxy.At(-1, faultproxy.None))
		if diff := cmp.Diff(quiet, f); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
	result.Keep(t, "plugin/live", "R24")
}
