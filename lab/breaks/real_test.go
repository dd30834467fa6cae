package breaks

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Whatever real agents cannot be told is refused before anything is changed, and names the lab that it needs.
func TestBreaksOfRealAgents(t *testing.T) {
	var names []string
	for _, b := range Table() {
		names = append(names, b.Name)
		_, err := b.in(state.Settings{Agents: state.Real})
		if refused := slices.Contains(told(), b.Name); (err != nil) != refused {
			t.Errorf("%s with real agents: %v", b.Name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--agents simulated") {
			t.Errorf("%s: %v names no way", b.Name, err)
		}
		if _, err := b.in(state.Settings{}); err != nil {
			t.Errorf("%s with played agents: %v", b.Name, err)
		}
	}
	for name := range really() {
		if !slices.Contains(names, name) {
			t.Errorf("%s is no break", name)
		}
	}
	for _, name := range told() {
		if !slices.Contains(names, name) {
			t.Errorf("%s is no break", name)
		}
	}
	for _, b := range realBreaks() {
		if err := b.Do(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "--agents real") {
			t.Errorf("%s with played agents: %v", b.Name, err)
		}
	}
}
