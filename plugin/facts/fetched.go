package facts

import "time"

// The parts that tell whether neighbours do what they are asked to. They are looked at on request alone: asking is writing.
const (
	Fetching Part = "fetching" // what became of asking Flux to fetch its sources now
	Mirrors  Part = "mirrors"  // what Spegel's mirrors answer to a probe's pods
	Issuing  Part = "issuing"  // what became of asking cert-manager for a certificate
)

// OnProbe are the parts that are looked at with --probe alone, because looking takes writing.
func OnProbe() []Part { return []Part{Probing, Fetching, Mirrors, Issuing} }

// Fetched is what came of asking source-controller to fetch one source now.
type Fetched struct {
	Ref string `json:"ref"` // "GitRepository/flux-system/flux-system"
	// Asked is when it was asked, by annotation; zero where nobody asked.
	Asked time.Time `json:"asked,omitzero"`
	// Handled tells whether it answered that very request, Took how long it was until then or until nobody waited longer.
	Handled bool          `json:"handled,omitempty"`
	Took    time.Duration `json:"took,omitempty"`
	// Why is why it is not known what came of it; empty where it is.
	Why string `json:"why,omitempty"`
	// Suspend and the rest are the source's as it was last seen.
	Suspend            bool        `json:"suspend,omitempty"`
	Revision           string      `json:"revision,omitempty"`
	Generation         int64       `json:"generation,omitempty"`
	ObservedGeneration int64       `json:"observedGeneration,omitempty"`
	Conditions         []Condition `json:"conditions,omitempty"`
}

// Mirrored is what Spegel's mirrors answered to a probe's pods.
type Mirrored struct {
	Spegels int `json:"spegels"` // Spegel's pods in the cluster
	Nodes   int `json:"nodes"`   // the cluster's
	// Answers are those of the nodes that were probed and have a pod of Spegel's.
	Answers []MirrorAnswer `json:"answers,omitempty"`
}

// MirrorAnswer is what one node's mirror answered when it was asked for images that other nodes have.
type MirrorAnswer struct {
	Node    string `json:"node"`
	Address string `json:"address,omitempty"` // where it was asked, HOST:PORT
	// Images are those it was asked for: by what the nodes say another has them, and this one does not.
	Images []string `json:"images,omitempty"`
	// OK holds where one of them came, which is Image, and the counter of hits moved.
	OK    bool          `json:"ok,omitempty"`
	Image string        `json:"image,omitempty"`
	Error string        `json:"error,omitempty"` // of the last try
	Took  time.Duration `json:"took,omitempty"`
	Tries int           `json:"tries,omitempty"`
	// Why is why it is not known; empty where it is.
	Why string `json:"why,omitempty"`
}

// Issuance is what became of asking cert-manager for a self-signed certificate.
type Issuance struct {
	Absent bool          `json:"absent,omitempty"` // the cluster serves no API of cert-manager's
	Issued bool          `json:"issued,omitempty"`
	Took   time.Duration `json:"took,omitempty"`
	Error  string        `json:"error,omitempty"` // why it was not issued
	Why    string        `json:"why,omitempty"`   // why that is not known; empty where it is
}
