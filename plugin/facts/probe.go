package facts

import "time"

// Probing is what pods of a probe found when they spoke to one another and to what is around them. It is looked at on
// request alone: it makes pods.
const Probing Part = "probe"

// NoProbe is the choice that leaves a probe out.
const NoProbe = "no --probe"

// The kinds of what a probe's pods reach for.
const (
	ProbePod      = "pod"     // a pod on another node
	ProbeService  = "service" // the ClusterIP of the probe's Service
	ProbeDNS      = "dns"     // a name of the cluster's, looked up at its DNS Service
	ProbeExternal = "name"    // a name of somebody else's, looked up there as well
	ProbeAPI      = "api"     // the API server's ClusterIP
	ProbeEgress   = "egress"  // a place outside the cluster
)

// Probe is what came of one probe.
type Probe struct {
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	Image string    `json:"image,omitempty"`
	// Names and Egress are what was to be resolved and reached outside the cluster.
	Names  []string `json:"names,omitempty"`
	Egress []string `json:"egress,omitempty"`
	// Nodes are those that were to be probed, Others counts those that --probe-nodes left out.
	Nodes   []ProbeNode   `json:"nodes,omitempty"`
	Others  int           `json:"others,omitempty"`
	Results []ProbeResult `json:"results,omitempty"`
	// Unasked says of each kind that nobody could be sent for why not.
	Unasked map[string]string `json:"unasked,omitempty"`
	// Left is what of the probe could not be removed again, and why; empty where nothing is left.
	Left string `json:"left,omitempty"`
}

// ProbeNode is one node that was to be probed.
type ProbeNode struct {
	Name string `json:"name"`
	// Why says why no pod of the probe spoke there; empty where one did, and then there is a result for each thing that
	// it was to reach.
	Why string `json:"why,omitempty"`
}

// ProbeResult is what came of one pod's reaching for one thing.
type ProbeResult struct {
	Kind    string `json:"kind"`
	From    string `json:"from"` // the node
	To      string `json:"to"`   // a node, a Service's namespace and name, a name that was looked up, HOST:PORT
	Address string `json:"address,omitempty"`
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"`
	// Took is how long the try took that came through, Tries how many it needed.
	Took  time.Duration `json:"took,omitempty"`
	Tries int           `json:"tries,omitempty"`
}
