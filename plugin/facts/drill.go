package facts

import (
	"encoding/json"
	"time"
)

// DrillsAnnotation is where a HelmRelease has the last result of each drill, as JSON: name -> DrillResult.
const DrillsAnnotation = "cilium-gitops.dev/drills"

// DrillOutcome is what a drill came to.
type DrillOutcome string

// The outcomes of a drill. Whatever it came to, it was undone, or its journal says that it was not.
const (
	DrillShown    DrillOutcome = "shown"     // what was to be seen was seen
	DrillNotShown DrillOutcome = "not-shown" // it was not, or never can be
	DrillStopped  DrillOutcome = "stopped"   // it ended before there was anything to see
)

// DrillResult is what a drill came to, and when.
type DrillResult struct {
	Outcome DrillOutcome `json:"outcome"`
	At      time.Time    `json:"at"`
	// Took is how long it took until what was to be seen was seen; zero where it was not.
	Took time.Duration `json:"took,omitempty"`
	Text string        `json:"text,omitempty"`
}

// maxDrills bounds how many results are read of an annotation.
const maxDrills = 32

// ParseDrills reads the annotation. What is not of its form is nobody's result.
func ParseDrills(annotation string) map[string]DrillResult {
	var all map[string]DrillResult
	if annotation == "" || json.Unmarshal([]byte(annotation), &all) != nil || len(all) > maxDrills {
		return nil
	}
	return all
}
