package impact

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// keepPolicy is the annotation by which Helm leaves an object alone that it would delete.
const keepPolicy = "helm.sh/resource-policy"

// judge has what one cluster's objects are judged by.
type judge struct {
	r                   *facts.Rendered
	facts               facts.Facts
	own                 facts.Workloads
	pods                []facts.Pod
	before, after, live map[string]facts.Object
}

func (j judge) keys() []string {
	all := map[string]bool{}
	for _, objects := range []map[string]facts.Object{j.before, j.after} {
		for key := range objects {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func (j judge) object(key string) Change {
	before, had := j.before[key]
	after, has := j.after[key]
	live, lives := j.live[key]
	switch {
	case !has:
		return j.deleted(before, live, lives)
	case !had && !lives || j.r.LiveSeen && !lives:
		c := Change{Ref: ref(after), Effect: Create, Why: "is not in the cluster"}
		if had {
			c.Why = "was deleted by hand; would be made again"
		}
		return c
	}
	return j.changed(before, after, live, had, lives)
}

func (j judge) deleted(before, live facts.Object, lives bool) Change {
	c := Change{Ref: ref(before), Effect: Delete, Lost: podsOf(j.pods, before), Why: "is in the release and not in what Flux would apply"}
	look := before
	if lives {
		look = live
	}
	policy := look.Body.Text(values.Path("metadata.annotations").Child(keepPolicy))
	switch {
	case j.r.LiveSeen && !lives:
		return Change{Ref: c.Ref, Effect: None}
	case policy == "keep":
		return Change{Ref: c.Ref, Effect: Metadata, Why: "leaves the release and stays in the cluster: " + keepPolicy + "=keep"}
	}
	c.Uncounted = lives && j.uncounted(before, c.Lost)
	return c
}

// uncounted tells whether a workload may have pods that nobody has looked for. Those of the release's workloads were
// looked for, wherever they are, and so were those of Cilium's namespace that bear Cilium's label.
func (j judge) uncounted(o facts.Object, counted int) bool {
	switch o.Kind {
	case "DaemonSet", "Deployment", "StatefulSet":
		return counted == 0 && (!slices.Contains(j.facts.Seen, facts.Pods) || !j.own.Has(o.Key()))
	}
	return false
}

// changed is what becomes of an object that is there and stays.
func (j judge) changed(before, after, live facts.Object, had, lives bool) Change {
	c := Change{Ref: ref(after), Effect: None}
	c.Edits = j.edits(before, after, live, had, lives, &c)
	was, worst, random := live, []Edit(nil), true
	if !lives {
		was = before
	}
	for _, e := range c.Edits {
		effect := effectOf(was, after, e)
		random = random && (effect == Metadata || slices.Contains(after.Random, e.Path))
		switch {
		case effect.rank() > c.Effect.rank():
			c.Effect, worst = effect, []Edit{e}
		case effect == c.Effect:
			worst = append(worst, e)
		}
		if after.Kind == "ConfigMap" && effect == Config && isData(e.Path) {
			c.Keys++
		}
	}
	if c.Effect == Fails {
		c.Keys = 0 // nothing of the object changes
	}
	for _, e := range worst {
		c.Paths = append(c.Paths, e.Path)
	}
	if c.Effect == Restart {
		c.Restarts = podsOf(j.pods, after)
		c.Uncounted = j.uncounted(after, c.Restarts)
	}
	c.Expected = random && c.Effect == Config
	c.Why = why(c, worst, after)
	return c
}

// edits are the fields of a live object that applying would change: as Helm would apply it.
func (j judge) edits(before, after, live facts.Object, had, lives bool, c *Change) []Edit {
	var told []Edit
	if had {
		told = Edits(before.Body, after.Body)
	}
	if !lives {
		return told
	}
	var all []Edit
	for _, e := range told {
		if !e.Removed || !standsIn(live.Body, e.Path, before.Body) {
			continue
		}
		if by := keeper(live, e.owned); j.r.Method == facts.ServerSide && by != "" {
			c.Left, c.Keeper = append(c.Left, e.Path), by
			continue
		}
		all = append(all, e)
	}
	for _, e := range Overrides(after.Body, live.Body) {
		byHand := had && !touched(told, e.Path)
		if byHand && j.r.Method == facts.ClientSide && !builtin(after.APIVersion) {
			continue // Helm compares the two manifests alone
		}
		if byHand && !slices.Contains(after.Random, e.Path) {
			c.Reverted = append(c.Reverted, e.Path)
		}
		all = append(all, e)
	}
	return all
}

// touched tells whether the chart itself changes path, or something around or below it.
func touched(told []Edit, path values.Path) bool {
	return slices.ContainsFunc(told, func(e Edit) bool {
		return e.Path == path || below(e.Path, path) || below(path, e.Path)
	})
}

func below(path, root values.Path) bool {
	rest, ok := strings.CutPrefix(string(path), string(root))
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "["))
}

// standsIn tells whether a field that leaves the manifest is in the live object at all.
func standsIn(live values.Tree, path values.Path, before values.Tree) bool {
	for _, e := range Overrides(before, live) {
		if e.Added && (e.Path == path || below(path, e.Path)) {
			return false
		}
	}
	return true
}

// builtin tells the kinds that Helm patches by Kubernetes' own rules.
func builtin(apiVersion string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped || !strings.Contains(group, ".") {
		return true
	}
	switch group {
	case "gateway.networking.k8s.io", "apiextensions.k8s.io":
		return false
	}
	return strings.HasSuffix(group, ".k8s.io")
}

// effectOf is what one edit of an object does.
func effectOf(was, o facts.Object, e Edit) Effect {
	path := string(e.Path)
	if immutable(was, o, e) {
		return Fails
	}
	switch o.Kind {
	case "DaemonSet", "Deployment", "StatefulSet":
		if strings.HasPrefix(path, "spec.template.") || path == "spec.template" {
			if o.Body.Text("spec.updateStrategy.type") == "OnDelete" {
				return Config
			}
			return Restart
		}
	}
	if strings.HasPrefix(path, "metadata.") || path == "metadata" {
		return Metadata
	}
	if e.Order && len(merging()[last(place{owned: e.owned})]) > 0 && o.Kind != "CronJob" {
		return Metadata // the same items, told apart by name
	}
	return Config
}

// isData tells the keys of a ConfigMap.
func isData(path values.Path) bool {
	return strings.HasPrefix(string(path), "data") || strings.HasPrefix(string(path), "binaryData")
}

func ref(o facts.Object) Ref {
	return Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
}

// why words the reason of a change by the first of the edits that bring it about.
func why(c Change, worst []Edit, o facts.Object) string {
	if len(worst) == 0 {
		if len(c.Left) > 0 {
			return fmt.Sprintf("%s would stay: %s owns it, too", plain(c.Left[0]), c.Keeper)
		}
		return ""
	}
	e := worst[0]
	for _, other := range worst {
		if other.Path == "spec.template.metadata.labels.helm\\.sh/chart" {
			e = other
		}
	}
	text := fmt.Sprintf("%s: %s -> %s", plain(e.Path), show(e.From, e.Added), show(e.To, e.Removed))
	if e.Order {
		text = fmt.Sprintf("%s: in another order: %s", plain(e.Path), ordered(e))
	}
	if e.Path == "spec.template.metadata.labels.helm\\.sh/chart" && strings.Contains(show(e.To, false), "_") {
		text += " (Flux adds the chart's OCI digest to its version)"
	}
	if n := len(worst) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	switch {
	case c.Effect == Fails:
		text += "; immutable: the API server refuses it, and the upgrade fails"
	case c.Expected:
		text = plain(e.Path) + ": Helm makes it anew at each upgrade"
	case slices.Contains(c.Reverted, e.Path):
		text += "; changed by hand since the release, would be changed back"
	case c.Effect == Config && o.Kind == "ConfigMap":
		text += "; running pods keep the old value until they restart"
	}
	return text
}

// ordered shows the first place in which the order of two lists differs.
func ordered(e Edit) string {
	was, _ := e.From.([]any)
	is, _ := e.To.([]any)
	for i := range is {
		if i < len(was) && was[i] != is[i] {
			return fmt.Sprintf("%s where %s was", show(is[i], false), show(was[i], false))
		}
	}
	return "[..]"
}

// plain is a path for reading: dots within keys are not marked.
func plain(p values.Path) string { return strings.ReplaceAll(string(p), `\.`, ".") }

const longest = 60 // runes of a value that a reason shows

func show(v any, absent bool) string {
	if absent {
		return "(absent)"
	}
	text := strings.Join(strings.Fields(values.Tree{"v": v}.Text("v")), " ")
	switch v.(type) {
	case map[string]any:
		text = "{..}"
	case []any:
		text = "[..]"
	}
	if text == "" {
		return `""`
	}
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + ".."
	}
	return text
}
