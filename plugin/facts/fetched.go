package facts

import "time"

// Fetching is what became of asking Flux to fetch its sources now. It is looked at on request alone: asking is writing.
const Fetching Part = "fetching"

// OnProbe are the parts that are looked at with --probe alone, because looking takes writing.
func OnProbe() []Part { return []Part{Probing, Fetching} }

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
