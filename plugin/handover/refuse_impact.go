package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

func impactRules() []rule {
	by := func(picks func(impact.Change) string) func(*Input) []check.Evidence {
		return func(in *Input) []check.Evidence {
			var out []check.Evidence
			for _, c := range impact.Of(in.Facts, in.Facts.Rendered) {
				if got := picks(c); got != "" && !c.Expected && !in.allowed(c.Ref) {
					out = append(out, check.Evidence{Where: c.Ref.String(), Got: got, Want: c.Why})
				}
			}
			return out
		}
	}
	const see = "See all of it: kubectl cilium-gitops diff --what impact. "
	return []rule{{
		id: "HP301", reason: "the adoption would replace pods",
		hint:  see + "Give Git the values that run; or accept it by name: --allow-restart DaemonSet/cilium.",
		finds: by(replaced),
	}, {
		id: "HP302", reason: "the adoption would delete objects",
		hint: see + "Give Git the values that run.",
		finds: by(func(c impact.Change) string {
			if c.Effect == impact.Delete && c.Lost == 0 && !c.Uncounted {
				return "deleted"
			}
			return ""
		}),
	}, {
		id: "HP303", reason: "the adoption would change Cilium's configuration",
		hint:  see + "Running agents would keep the old one until their next restart, whenever that is. Give Git the values that run; or accept it by name: --allow-restart ConfigMap/cilium-config.",
		finds: by(configChanged),
	}, {
		id: "HP304", reason: "fields that Git no longer has would stay in the cluster",
		hint:  see + "Hand over what runs first, then change it: after a run, what is removed in Git is removed in the cluster.",
		finds: by(func(c impact.Change) string { return some(len(c.Left), "field", "kept by "+c.Keeper) }),
	}, {
		id: "HP305", reason: "the adoption would change or create objects",
		hint:  see + "Give Git the values that run; or accept it by name: --allow-restart KIND/NAME.",
		finds: by(otherwiseChanged),
	}, {
		id: "HP306", reason: "the upgrade would fail: it changes what the API server lets nobody change",
		hint:  see + "Give Git the value that runs. To change it anyway, hand over first; the object then has to be deleted and made anew.",
		finds: func(in *Input) []check.Evidence { return failing(impact.Of(in.Facts, in.Facts.Rendered)) },
	}}
}

// failing is evidence of each object that the API server would refuse to change; nobody can accept that.
func failing(changes []impact.Change) []check.Evidence {
	var out []check.Evidence
	for _, c := range changes {
		if c.Effect == impact.Fails {
			var fields []string
			for _, path := range c.Paths {
				fields = append(fields, string(path))
			}
			out = append(out, check.Evidence{Where: c.Ref.String(), Got: "immutable: " + strings.Join(fields, ", "), Want: c.Why})
		}
	}
	return out
}

// replaced are the pods that would be replaced or lost. A workload whose pods would be has that effect also where it has
// none at this moment, or where nobody could count them.
func replaced(c impact.Change) string {
	switch {
	case c.Uncounted && c.Effect == impact.Delete:
		return "its pods lost, which could not be counted"
	case c.Uncounted:
		return "its pods replaced, which could not be counted"
	case c.Effect == impact.Restart && c.Restarts == 0:
		return "its pods replaced, of which there are none now"
	}
	return some(c.Restarts, "pod", "replaced") + some(c.Lost, "pod", "lost")
}

// uncounted is evidence of each workload whose pods would be replaced or lost, and of which nobody could see how many it
// has: neither a guard nor a proof would see them.
func uncounted(changes []impact.Change) []check.Evidence {
	var out []check.Evidence
	for _, c := range changes {
		if c.Uncounted {
			out = append(out, check.Evidence{Where: c.Ref.String(), Got: "its pods could not be seen", Want: "every pod of the release"})
		}
	}
	return out
}

func some(n int, noun, what string) string {
	if n == 0 {
		return ""
	}
	if n > 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s %s", n, noun, what)
}

// configChanged are the keys of a ConfigMap that would change, without those that only look as if.
func configChanged(c impact.Change) string {
	if c.Keys == 0 || c.Effect == impact.Restart {
		return ""
	}
	var keys []string
	for _, e := range c.Edits {
		key := strings.TrimPrefix(string(e.Path), "data.")
		if strings.HasPrefix(string(e.Path), "metadata") {
			continue
		}
		if e.Removed && fmt.Sprint(e.From) == "" && slices.Contains(check.SameWhenEmpty(), strings.Trim(key, `"[]`)) {
			continue
		}
		keys = append(keys, key)
	}
	return strings.Join(keys, ", ")
}

// otherwiseChanged is what is left: an object that is created, or changes by more than labels and annotations.
func otherwiseChanged(c impact.Change) string {
	switch {
	case c.Effect == impact.Restart || c.Lost > 0 || c.Keys > 0:
		return ""
	case c.Effect == impact.Create && c.Ref.APIVersion != "": // a hook has none
		return "created"
	case c.Effect == impact.Config:
		return some(len(c.Paths), "field", "changed")
	}
	return ""
}
