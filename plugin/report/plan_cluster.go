package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// done is all there is to say of a cluster that is as it is to be.
func (d planOf) done() string {
	if d.Name == handover.RollbackName {
		return "Flux has nothing of Cilium's that would act: there is nothing to do."
	}
	return "Flux has adopted the release already: there is nothing to do."
}

// would is what the plan's changes of objects come to, in words.
func (d planOf) would() string {
	text := sentenceOf(d.Impact.Summary)
	if d.Name == handover.RollbackName {
		return strings.Replace(text, "Adoption", "Going back", 1)
	}
	return text
}

// planOf is one cluster's plan on a page.
type planOf struct{ *handover.Plan }

func (d planOf) table(p *Page, wide bool) {
	p.Line("%s", identity(d.Cluster, d.Context, d.Server, d.UID))
	if d.Done {
		p.Line("  %s", p.Paint(check.Pass, d.done()))
		return
	}
	d.weighed(p)
	for _, r := range d.Refusals {
		d.refusal(p, r)
	}
	if d.Impact.Summary != (impact.Summary{}) || len(d.Impact.Changes) > 0 {
		p.Line("")
		p.Line("%s", d.would())
	}
	for _, text := range d.Impact.Unknown {
		p.Line("%s  %s", p.Paint(check.Unknown, "UNKNOWN"), p.cut(fold(text)))
	}
	for _, note := range d.Notes {
		p.Prose(0, "note  "+p.cut(fold(note)))
	}
	d.steps(p, wide)
	d.touches(p, wide)
}

// identity is which cluster this is, whatever it is called.
func identity(cluster, context, server, uid string) string {
	text := fold(cluster)
	if context != "" && context != cluster {
		text += "  context " + fold(context)
	}
	if server != "" {
		text += "  server " + fold(server)
	}
	if uid == "" {
		uid = "not seen"
	}
	return text + "  kube-system uid " + fold(uid)
}

func weight(w handover.Weighed) string {
	switch {
	case w.Chosen:
		return "chosen"
	case w.Possible:
		return "possible"
	}
	return "no"
}

func (d planOf) weighed(p *Page) {
	var rows [][]string
	for _, w := range d.Weighed {
		rows = append(rows, []string{"  " + string(w.Strategy), weight(w), w.Why})
	}
	if len(rows) > 0 {
		p.Rows([]string{"  STRATEGY", "", "WHY"}, rows)
	}
}

// refusal writes a reason as verify writes a result.
func (d planOf) refusal(p *Page, r handover.Refusal) {
	outcome, word := check.Fail, strings.ToUpper(refusedWord(r))
	if r.Unknown {
		outcome = check.Unknown
	}
	indent := len(word) + 2
	p.Line("")
	p.Line("%s  %s  %s", p.Paint(outcome, word), r.ID, p.cut(fold(r.Reason)))
	p.evidence(r.Evidence, indent, maxEvidence)
	p.hint(indent, r.Hint)
}

func (d planOf) steps(p *Page, wide bool) {
	header := []string{"  ", "STEP", "DOES"}
	if wide {
		header = append(header, "UNTIL", "GUARDED BY", "WITHIN")
	}
	var rows [][]string
	for i, s := range d.Steps {
		row := []string{fmt.Sprintf("  %d", i+1), s.ID, does(s)}
		if wide {
			row = append(row, words(s.Until), words(append(slices.Clone(s.Guard), s.Patient...)), s.Within.String())
		}
		rows = append(rows, row)
		if !wide {
			continue
		}
		for _, a := range s.Do {
			rows = append(rows, []string{"", "", "- " + actionText(a), "", "", ""})
		}
	}
	if len(rows) > 0 {
		p.Line("")
		p.Rows(header, rows)
	}
}

// does is a step in words: its writes, each object once, else how long or for what it waits.
func does(s handover.Step) string {
	var all []string
	if s.Title != s.ID {
		all = append(all, s.Title)
	}
	for _, a := range s.Do {
		text := subject(a)
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if len(s.Do) == 0 && s.For > 0 {
		all = append(all, "watches for "+s.For.String())
	} else if wants := append(slices.Clone(s.Before), s.Until...); len(s.Do) == 0 && len(wants) > 0 {
		all = append(all, "holds: "+words(wants))
	}
	return strings.Join(all, "; ")
}

// subject is what an action does to what.
func subject(a handover.Action) string {
	switch {
	case a.Verb == handover.HelmRollback:
		return fmt.Sprintf("helm rollback %s to revision %d, %s", a.Ref.Name, a.To, plural(len(a.Objects), "object"))
	case len(a.Objects) > 0:
		return fmt.Sprintf("%s of %s", a.Verb, plural(len(a.Objects), "object"))
	}
	return fmt.Sprintf("%s %s", a.Verb, a.Ref)
}

// actionText is an action in words.
func actionText(a handover.Action) string {
	text := subject(a)
	if a.Manager != "" {
		text += " as " + a.Manager
	}
	if a.Why != "" {
		text += ": " + a.Why
	}
	return text
}

func (d planOf) touches(p *Page, wide bool) {
	if len(d.Touches) == 0 {
		return
	}
	p.Line("")
	if !wide {
		var names []string
		for _, t := range d.Touches {
			names = append(names, t.Ref.String())
		}
		if rest := len(names) - maxTouches; rest > 0 {
			names = append(names[:maxTouches], fmt.Sprintf("and %d more: -o wide", rest))
		}
		p.Prose(0, "Writes to "+plural(len(d.Touches), "object")+": "+strings.Join(names, ", "))
		return
	}
	var rows [][]string
	for _, t := range d.Touches {
		rows = append(rows, []string{"  " + t.Ref.String(), strings.Join(t.Verbs, ", "), strings.Join(t.As, ", ")})
	}
	p.Rows([]string{"  WRITES TO", "VERBS", "AS"}, rows)
}

// maxTouches is how many of the objects that a run writes to a table names.
const maxTouches = 8

func words[T ~string](all []T) string {
	var out []string
	for _, w := range all {
		out = append(out, string(w))
	}
	return strings.Join(out, ", ")
}
