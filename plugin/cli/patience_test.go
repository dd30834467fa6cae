package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// TestPatience: a read whose reason to fail may pass is made again and answered; a write never is, nor what lasts.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		fault  faultproxy.Fault
		method string // and what follows the address
		asked  int
		whole  bool
	}{
		{faultproxy.None, http.MethodGet, 1, true},
		{faultproxy.Refused, http.MethodGet, 2, true},
		{faultproxy.AnswerLost, http.MethodGet, 2, true},
		{faultproxy.Unavailable, http.MethodGet, 2, true},
		{faultproxy.Broken, http.MethodGet, 2, true},
		{faultproxy.Truncated, http.MethodGet, 2, true},
		{faultproxy.Slow, http.MethodGet, 1, true},
		{faultproxy.Busy, http.MethodGet, 1, false}, // client-go's, which knows what Retry-After says
		{faultproxy.Gone, http.MethodGet, 1, false},
		{faultproxy.Refused, http.MethodPatch, 1, false},
		{faultproxy.AnswerLost, http.MethodPatch, 1, false},
		{faultproxy.Unavailable, http.MethodPatch, 1, false},
		{faultproxy.AnswerLost, http.MethodPost + " /apis/v1/leases", 1, false},
		{faultproxy.AnswerLost, http.MethodPost + " /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 2, true},
	} {
		p := faultproxy.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all of it") }), faultproxy.At(0, c.fault))
		s := httptest.NewServer(p)
		method, path, asks := strings.Cut(c.method, " ")
		var sent io.Reader
		if asks {
			sent = strings.NewReader("may we?")
		}
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, sent)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: patient{http.DefaultTransport}}).Do(r)
		var body []byte
		if err == nil {
			body, _ = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if got := strings.Contains(string(body), "all of it"); got != c.whole || p.Requests() != c.asked {
			t.Errorf("%s, %s: asked %d times, %q %v", c.method, c.fault, p.Requests(), body, err)
		}
		s.CloseClientConnections()
		s.Close()
	}
}
