package handover

import "fmt"

// StopKind is why a run stopped.
type StopKind string

// The kinds of stops.
const (
	StopGuard       StopKind = "guard"       // something happened that must not
	StopTime        StopKind = "time"        // something did not happen in time
	StopWorld       StopKind = "world"       // the world is not the one that was planned for
	StopError       StopKind = "error"       // the cluster refused, or could not be reached in time
	StopInterrupted StopKind = "interrupted" // the user
	StopLost        StopKind = "lost"        // somebody else has the lock
)

// Stop is why a run did not come to its end.
type Stop struct {
	Kind   StopKind
	Step   string
	Reason string
	// Frozen: Flux's objects are suspended, and that was seen.
	Frozen bool
	Err    error
}

func (s *Stop) Error() string { return fmt.Sprintf("step %s: %s", s.Step, s.Reason) }
func (s *Stop) Unwrap() error { return s.Err }
