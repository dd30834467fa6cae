package report

import (
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// sheet lays the plan out for whoever reviews it.
func (d Plan) sheet() sheet {
	s := sheet{Title: "Handover plan: " + d.Cluster, Lead: d.sentence()}
	for _, command := range d.Next {
		s.Lead += " " + command
	}
	for i := range d.Plans {
		s.Parts = append(s.Parts, planOf{d.Plans[i]}.parts()...)
	}
	return s
}

func (d planOf) parts() []sheetPart {
	first := sheetPart{
		Title: d.Cluster, Notes: []string{identity(d.Cluster, d.Context, d.Server, d.UID)}, Header: []string{"Strategy", "", "Why"},
	}
	if d.Done {
		first.Notes = append(first.Notes, d.done())
		return []sheetPart{first}
	}
	first.Notes = append(first.Notes, d.would())
	for _, text := range d.Impact.Unknown {
		first.Notes = append(first.Notes, "Unknown: "+text)
	}
	first.Notes = append(first.Notes, d.Notes...)
	for _, w := range d.Weighed {
		first.Rows = append(first.Rows, []string{string(w.Strategy), weight(w), w.Why})
	}
	parts := []sheetPart{first}
	if len(d.Refusals) > 0 {
		parts = append(parts, d.refusalSheet())
	}
	steps := sheetPart{Title: d.Cluster + ": steps", Header: []string{"", "Step", "Does", "Until", "Within"}}
	for i, s := range d.Steps {
		steps.Rows = append(steps.Rows, []string{fmt.Sprint(i + 1), s.ID, does(s), words(s.Until), s.Within.String()})
	}
	touches := sheetPart{Title: d.Cluster + ": objects that it writes to", Header: []string{"Object", "Verbs", "As"}}
	for _, t := range d.Touches {
		touches.Rows = append(touches.Rows, []string{t.Ref.String(), strings.Join(t.Verbs, ", "), strings.Join(t.As, ", ")})
	}
	return append(parts, steps, touches)
}

func (d planOf) refusalSheet() sheetPart {
	part := sheetPart{Title: d.Cluster + ": what is in the way", Header: []string{"", "Reason", "Seen", "What to do"}}
	for _, r := range d.Refusals {
		part.Rows = append(part.Rows, []string{r.ID, refusedWord(r) + ": " + r.Reason, seen(r), r.Hint})
	}
	return part
}

func refusedWord(r handover.Refusal) string {
	if r.Unknown {
		return "unknown"
	}
	return "refused"
}

// seen words a refusal's evidence.
func seen(r handover.Refusal) string {
	plain := &Page{}
	var all []string
	for _, e := range r.Evidence {
		row := plain.evidenceRow(e)
		all = append(all, strings.TrimSpace(strings.Join(row[:], " ")))
	}
	return strings.Join(all, "; ")
}
