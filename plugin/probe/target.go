package probe

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Kind is what a target is, and so how it is asked.
type Kind string

// The kinds of targets.
const (
	Pod     Kind = "pod"     // a probe's pod on another node: what is sent comes back
	Service Kind = "service" // the ClusterIP of the probe's own Service, asked the same way
	DNS     Kind = "dns"     // a name, looked up at a DNS server
	API     Kind = "api"     // the API server's ClusterIP: a TLS handshake
	Egress  Kind = "egress"  // a place outside the cluster: a TCP connection
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Pod, Service, DNS, API, Egress} }

// Target is one address to ask.
type Target struct {
	Kind Kind   `json:"kind"`
	To   string `json:"to"` // a node's name, a Service's, or the name to look up
	// Address is HOST:PORT; for DNS the server's, empty for the one that the pod is given.
	Address string `json:"address,omitempty"`
}

// String is the target as a flag has it: kind=name=address.
func (t Target) String() string { return fmt.Sprintf("%s=%s=%s", t.Kind, t.To, t.Address) }

// ParseTarget reads kind=name=address.
func ParseTarget(text string) (Target, error) {
	parts := strings.SplitN(text, "=", 3)
	if len(parts) != 3 || parts[1] == "" {
		return Target{}, fmt.Errorf("%q is not KIND=NAME=ADDRESS", text)
	}
	t := Target{Kind: Kind(parts[0]), To: parts[1], Address: parts[2]}
	if !slices.Contains(Kinds(), t.Kind) {
		return Target{}, fmt.Errorf("%q is not of the kinds %v", text, Kinds())
	}
	if t.Kind == DNS && t.Address == "" {
		return t, nil
	}
	if host, port, err := net.SplitHostPort(t.Address); err != nil || host == "" || port == "" {
		return Target{}, fmt.Errorf("%q: %q is not HOST:PORT", text, t.Address)
	}
	return t, nil
}

// Result is what came of asking one target.
type Result struct {
	Target

	OK    bool          `json:"ok"`
	Error string        `json:"error,omitempty"` // of the last try, where none came through
	Took  time.Duration `json:"took,omitempty"`  // of the try that came through, in nanoseconds
	Tries int           `json:"tries"`
}

// Answer is one line of an asker: a result, or at its end how many there were. Without the end results are missing.
type Answer struct {
	Result *Result `json:"result,omitempty"`
	Done   int     `json:"done,omitempty"`
}
