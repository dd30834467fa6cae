package handover

import (
	"fmt"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Want names something that a step waits for.
type Want string

// The wants.
const (
	SourceReady Want = "source-ready" // the chart's source has an artifact
	Held        Want = "held"         // the HelmRelease is there, suspended, and nobody works on it
	Wired       Want = "wired"        // the Kustomization has applied the HelmRelease, which is still held
	Released    Want = "released"     // the HelmRelease is ready and Helm's newest record is its own
	Healthy     Want = "healthy"      // every workload of Cilium is rolled out
	OneOwner    Want = "one-owner"    // no field of the release's objects is co-owned by the bootstrap
	Steady      Want = "steady"       // Flux's objects are ready, the record is the adoption's
)

// wants is a row for each: whether it holds, and what is seen instead.
var wants = map[Want]func(*Plan, *Journal, facts.Facts) (bool, string){}

// Holds tells whether w holds in f, and what is seen instead where it does not.
func (w Want) Holds(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	judge, ok := wants[w]
	if !ok {
		return false, fmt.Sprintf("nobody knows what %q is", string(w))
	}
	return judge(p, j, f)
}

// known tells whether a part was seen.
func known(f facts.Facts, part facts.Part) bool { return slices.Contains(f.Seen, part) }
