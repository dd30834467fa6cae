package faultproxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestFaults: each fault does what it is called, and a server acts on those requests that reach it, and on no others.
func TestFaults(t *testing.T) {
	const whole = "0123456789"
	for f, want := range map[Fault]struct {
		code    int // 0: no answer
		body    string
		reached int
		fails   bool // while the body is read
	}{
		None:        {200, whole, 1, false},
		Refused:     {0, "", 0, false},
		AnswerLost:  {0, "", 1, false},
		Busy:        {429, "too many requests", 0, false},
		Unavailable: {503, "unable", 0, false},
		Broken:      {500, "upstream", 0, false},
		Gone:        {410, "too old", 0, false},
		Portal:      {200, "Log in", 0, false},
		Truncated:   {200, whole[:5], 1, true},
		Slow:        {200, whole, 1, false},
	} {
		t.Run(string(f), func(t *testing.T) {
			reached := 0
			p := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				reached++
				_, _ = io.WriteString(w, whole)
			}), At(0, f))
			s := httptest.NewServer(p)
			defer s.Close()
			answer, err := http.Post(s.URL, "text/plain", strings.NewReader("x")) // what is no read is not sent twice by the client
			if (err != nil) != (want.code == 0) || reached != want.reached {
				t.Fatalf("%v, reached the server %d times", err, reached)
			}
			if err != nil {
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if (err != nil) != want.fails || answer.StatusCode != want.code || !strings.Contains(string(body), want.body) {
				t.Errorf("%d %q %v", answer.StatusCode, body, err)
			}
			if f != None && p.Injected()[f] != 1 || p.Requests() != 1 {
				t.Errorf("%v of %d", p.Injected(), p.Requests())
			}
		})
	}
}
