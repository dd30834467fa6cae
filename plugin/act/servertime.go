package act

import (
	"net/http"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
)

// serverTime knows what time it is by the API server's clock, of its latest answer's Date: the clocks of the machines that
// this tool runs on may be hours apart.
type serverTime struct {
	mu   sync.Mutex
	said time.Time // by the server, to the second
	at   time.Time // by our clock, when it said so
	ours func() time.Time
}

// over notes the Date of what goes over a transport.
func (s *serverTime) over(t http.RoundTripper) http.RoundTripper { return dated{t, s} }

type dated struct {
	http.RoundTripper

	clock *serverTime
}

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.RoundTripper.RoundTrip(r)
	if err != nil {
		return answer, err
	}
	if said, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		d.clock.mu.Lock()
		d.clock.said, d.clock.at = said, d.clock.ours()
		d.clock.mu.Unlock()
	}
	return answer, nil
}

// now is the server's time; false where it has said none.
func (s *serverTime) now() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said.IsZero() {
		return time.Time{}, false
	}
	return s.said.Add(s.ours().Sub(s.at)), true
}

// probeLasts is the annotation that says how long a probe's namespace may be there, from its creation: a duration.
const probeLasts = "cilium-gitops.dev/probe-lasts"

// deadlineOf is when the pods of a probe's namespace have ended, by the API server's clock. A namespace that does not say
// how long it lasts, of an older version of this tool, has its deadline by its maker's clock.
func deadlineOf(space *core.Namespace) time.Time {
	if lasts, err := time.ParseDuration(space.Annotations[probeLasts]); err == nil && lasts > 0 && !space.CreationTimestamp.IsZero() {
		return space.CreationTimestamp.Add(lasts).UTC()
	}
	deadline, _ := time.Parse(time.RFC3339, space.Annotations[probeDeadline]) // it has been read once
	return deadline.UTC()
}
