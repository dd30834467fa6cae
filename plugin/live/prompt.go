package live

import "net/http"

// prompt ends a request when its context ends, whatever it waits for: a kubeconfig's credential plugin knows no context,
// and one that asks for a password that nobody types would hold up every other cluster's answer.
type prompt struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper. A request that is given up goes no further: its context is over.
func (p prompt) RoundTrip(r *http.Request) (*http.Response, error) {
	type outcome struct {
		answer *http.Response
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		answer, err := p.next.RoundTrip(r)
		done <- outcome{answer, err}
	}()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// WrappedRoundTripper lets client-go find the transport below.
func (p prompt) WrappedRoundTripper() http.RoundTripper { return p.next }
