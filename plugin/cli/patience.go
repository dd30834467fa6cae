package cli

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// patience is how long is waited before a read is made again, each time.
var patience = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond}

// patient makes reads again that failed for a reason which may pass: a connection that was reset, half an answer, an API
// server that is too busy. Writes and streams it leaves alone, and nobody at all at an address is no reason that passes.
type patient struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if !repeatable(r) {
		return p.next.RoundTrip(r)
	}
	for turn := 0; ; turn++ {
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			again.Body = body
		}
		answer, err := whole(p.next.RoundTrip(again))
		if turn == len(patience) || !mayPass(answer, err) {
			return answer, err
		}
		timer := time.NewTimer(patience[turn])
		select {
		case <-r.Context().Done():
			timer.Stop()
			return answer, err
		case <-timer.C:
		}
	}
}

// repeatable holds of reads, and of questions that are put by POST: whether something is allowed, and who asks.
func repeatable(r *http.Request) bool {
	if r.Method == http.MethodPost {
		return r.GetBody != nil && (strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") || strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"))
	}
	query := r.URL.Query()
	return r.Method == http.MethodGet && r.Body == nil && r.Header.Get("Upgrade") == "" && !query.Has("watch") && !query.Has("follow")
}

// WrappedRoundTripper lets client-go find the transport below.
func (p patient) WrappedRoundTripper() http.RoundTripper { return p.next }

// whole reads an answer to its end, so that half of one is known for what it is.
func whole(answer *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// mayPass holds of what may be otherwise when asked again. What says itself when to ask again is client-go's.
func mayPass(answer *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, io.ErrUnexpectedEOF) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
	}
	return answer.StatusCode >= http.StatusInternalServerError && answer.Header.Get("Retry-After") == ""
}
