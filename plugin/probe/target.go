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
	Mirror  Kind = "mirror"  // Spegel's registry on a node: images that other nodes have, and its counter of hits
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Pod, Service, DNS, API, Egress, Mirror} }

// Target is one address to ask.
type Target struct {
	Kind Kind   `json:"kind"`
	To   string `json:"to"` // a node's name, a Service's, the name to look up, or images with commas between
	// Address is HOST:PORT; for DNS the server's, empty for the one that the pod is given.
	Address string `json:"address,omitempty"`
	// Metrics is HOST:PORT of a mirror's metrics.
	Metrics string `json:"metrics,omitempty"`
}

// String is the target as a flag has it: kind=name=address, and a mirror's metrics after one more.
func (t Target) String() string {
	text := fmt.Sprintf("%s=%s=%s", t.Kind, t.To, t.Address)
	if t.Kind == Mirror {
		text += "=" + t.Metrics
	}
	return text
}

// ParseTarget reads what String writes.
func ParseTarget(text string) (Target, error) {
	parts := strings.SplitN(text, "=", 4)
	if len(parts) < 3 || parts[1] == "" || (len(parts) == 4) != (parts[0] == string(Mirror)) {
		return Target{}, fmt.Errorf("%q is not KIND=NAME=ADDRESS, nor mirror=IMAGES=ADDRESS=ADDRESS", text)
	}
	t := Target{Kind: Kind(parts[0]), To: parts[1], Address: parts[2]}
	addresses := parts[2:]
	if t.Kind == Mirror {
		t.Metrics = parts[3]
	}
	if !slices.Contains(Kinds(), t.Kind) {
		return Target{}, fmt.Errorf("%q is not of the kinds %v", text, Kinds())
	}
	if t.Kind == DNS && t.Address == "" {
		return t, nil
	}
	for _, address := range addresses {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return Target{}, fmt.Errorf("%q: %q is not HOST:PORT", text, address)
		}
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
	// Image is the one of a mirror's that came. Unseen holds where the last try could not tell: its error is no answer.
	Image  string `json:"image,omitempty"`
	Unseen bool   `json:"unseen,omitempty"`
}

// Answer is one line of an asker: a result, or at its end how many there were. Without the end results are missing.
type Answer struct {
	Result *Result `json:"result,omitempty"`
	Done   int     `json:"done,omitempty"`
}
