package act

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"helm.sh/helm/v4/pkg/release/common"
)

// patient repeats what of Helm's requests may be repeated and failed for a reason that may pass. Helm takes a deletion
// that fails, or the update of an older record, for something to log, and calls the rollback a success: what only the
// newer revision has would stay, or two records would be called deployed.
type patient struct {
	next   http.RoundTripper
	c      *Cluster
	gaveUp *atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	waits := p.c.patience
	for {
		answer, err := p.next.RoundTrip(r)
		if !mayPass(answer, err) {
			return answer, err
		}
		again, ok := repeated(r)
		if !ok || waits.Steps <= 1 || r.Context().Err() != nil {
			if r.Method != http.MethodGet {
				p.gaveUp.Store(true)
			}
			return answer, err
		}
		if answer != nil {
			_ = answer.Body.Close()
		}
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-p.c.clock.After(waits.Step()):
		}
		r = again
	}
}

// mayPass holds of answers, and of the want of one, that may be another when asked again.
func mayPass(answer *http.Response, err error) bool {
	if err != nil {
		return passing(err)
	}
	return answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= http.StatusInternalServerError
}

// repeated is a request to send once more. One that creates is not: it may have been acted on, and its answer lost.
func repeated(r *http.Request) (*http.Request, bool) {
	again := r.Clone(r.Context())
	switch {
	case r.Method == http.MethodPost:
		return nil, false
	case r.Body == nil:
		return again, true
	case r.GetBody == nil:
		return nil, false
	}
	body, err := r.GetBody()
	again.Body = body
	return again, err == nil
}

// halfDone notes the newest record as failed, so that the rollback is made once more, and says so.
func (h *helmReleases) halfDone(name string) error {
	history, err := h.history(name)
	if err != nil {
		return err
	}
	newest := history[len(history)-1]
	newest.SetStatus(common.StatusFailed, "Interrupted: "+newest.Info.Description)
	if err := h.Releases.Update(newest); err != nil {
		return fmt.Errorf("note that revision %d is half done: %w", newest.Version, err)
	}
	return errHalfDone
}

// errHalfDone is a rollback of which Helm could not delete something, or not note it.
var errHalfDone = errors.New("the API server did not take every request of Helm's; roll back once more")
