package answer

import (
	"bytes"
	"fmt"
	"text/tabwriter"

	format "github.com/cilium/cilium/pkg/client"
	health "github.com/cilium/cilium/pkg/health/client"
)

// StatusText is what `cilium-dbg status` prints for people, by Cilium's own formatter.
func (a *Agent) StatusText(verbose bool) string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 2, 0, 3, ' ', 0)
	details := format.StatusDetails{}
	if verbose {
		details = format.StatusAllDetails
	}
	s := a.Status()
	format.FormatStatusResponse(w, s, details)
	if s.Cilium.State == "Ok" {
		health.FormatHealthStatusResponse(w, a.Health(), verbose, verbose, 10)
		fmt.Fprintf(w, "Modules Health:\tStopped(12) Degraded(0) OK(80)\n\n")
	}
	if err := w.Flush(); err != nil {
		return fmt.Sprintln(err)
	}
	return out.String()
}

// BriefText is `cilium-dbg status --brief`.
func (a *Agent) BriefText() string {
	var out bytes.Buffer
	format.FormatStatusResponseBrief(&out, a.Status())
	return out.String()
}

// version as cilium-dbg prints it.
type version struct {
	Version          string
	Revision         string
	GoRuntimeVersion string
	Arch             string
	AuthorDate       string
}

// Version is client and daemon, which are of one image.
func (a *Agent) Version() any {
	v := version{
		Version: a.release(), Revision: a.commit(), GoRuntimeVersion: "go1.24.7", Arch: "linux/amd64", AuthorDate: "2025-09-16T18:20:39-04:00",
	}
	return struct{ Client, Daemon version }{v, v}
}

// VersionText is the same for people.
func (a *Agent) VersionText() string {
	line := fmt.Sprintf("%s %s 2025-09-16T18:20:39-04:00 go version go1.24.7 linux/amd64", a.release(), a.commit())
	return "Client: " + line + "\nDaemon: " + line + "\n"
}

// HubbleServer is the answer of Hubble's ServerStatus on the node, as `hubble status -o json` prints it.
type HubbleServer struct {
	NumFlows  string  `json:"num_flows"`
	MaxFlows  string  `json:"max_flows"`
	SeenFlows string  `json:"seen_flows"`
	UptimeNS  string  `json:"uptime_ns"`
	Version   string  `json:"version,omitempty"`
	FlowsRate float64 `json:"flows_rate,omitempty"`
}

// HubbleStatus is that answer for this agent.
func HubbleStatus(a *Agent) any {
	o := a.Status().Hubble.Observer
	if o == nil {
		return HubbleServer{NumFlows: "0", MaxFlows: "0", SeenFlows: "0", UptimeNS: "0"}
	}
	return HubbleServer{
		NumFlows: fmt.Sprint(o.CurrentFlows), MaxFlows: fmt.Sprint(o.MaxFlows), SeenFlows: fmt.Sprint(o.SeenFlows),
		UptimeNS: fmt.Sprint(a.uptime().Nanoseconds()), Version: "cilium v" + a.release() + "+g" + a.commit(),
		FlowsRate: float64(o.SeenFlows) / a.uptime().Seconds(),
	}
}

// HubbleText is the same for people.
func (a *Agent) HubbleText() string {
	o := a.Status().Hubble.Observer
	if o == nil {
		return "Healthcheck (via unix:///var/run/cilium/hubble.sock): Unavailable\n"
	}
	return fmt.Sprintf("Healthcheck (via unix:///var/run/cilium/hubble.sock): Ok\nCurrent/Max Flows: %d/%d (%.2f%%)\nFlows/s: %.2f\n",
		o.CurrentFlows, o.MaxFlows, float64(o.CurrentFlows)*100/float64(o.MaxFlows), float64(o.SeenFlows)/a.uptime().Seconds())
}
