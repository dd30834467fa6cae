package compare

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// alike are the variables in which clusters are to agree: that they differ is no explanation.
var alike = []string{"CILIUM_VERSION"}

// variable is one that every cluster has, by cluster.
type variable struct {
	name  string
	texts map[string]string
	// telling: its texts name something, so that meeting one is no accident.
	telling bool
}

// learn finds the variables that all clusters have which have any: Git's where Git was read, else those of the
// settings; and which clusters could not be seen to have any.
func (c *comparison) learn() {
	texts := map[string]map[string]string{}
	c.known, c.blind = map[string]bool{}, map[string]bool{}
	for _, f := range c.all {
		own := ownVariables(f)
		if own == nil {
			c.blind[f.Cluster] = !seen(f, facts.Settings)
			continue
		}
		c.known[f.Cluster] = true
		for name, text := range own {
			if texts[name] == nil {
				texts[name] = map[string]string{}
			}
			texts[name][f.Cluster] = text
		}
	}
	for name, by := range texts {
		if len(by) == len(c.known) {
			c.variables = append(c.variables, variable{name, by, telling(by)})
		}
	}
	slices.SortFunc(c.variables, func(a, b variable) int {
		return cmp.Or(cmp.Compare(b.longest(), a.longest()), cmp.Compare(a.name, b.name))
	})
}

func (v variable) longest() int {
	n := 0
	for _, text := range v.texts {
		n = max(n, len(text))
	}
	return n
}

func ownVariables(f facts.Facts) map[string]string {
	if f.Git != nil {
		out := map[string]string{}
		for _, v := range f.Git.Variables {
			if v.From != "" && !v.Secret {
				out[v.Name] = v.Value
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	if f.Live.Settings == nil || !seen(f, facts.Settings) {
		return nil
	}
	return f.Live.Settings.Data
}

var small = regexp.MustCompile(`^([-+0-9.]{0,3}|true|false|yes|no|on|off|null)$`)

func telling(texts map[string]string) bool {
	for _, text := range texts {
		if small.MatchString(strings.ToLower(text)) {
			return false
		}
	}
	return true
}

// explain says whether a difference is one that is to be, by which variables, and if not why not. seen is how many
// clusters were looked at there.
func (c *comparison) explain(d *Difference, seen int) {
	switch vars := c.templated(d.What, d.Path, d.Values); {
	case len(d.Values) < seen:
		d.Why = "not on every cluster"
		return
	case d.What == Settings:
		d.Expected, d.Var, d.Why = explainSetting(d.Path, d.Values)
		return
	case vars != "":
		d.Expected, d.Var = true, vars
		return
	}
	templates := map[string]bool{}
	used := map[string]bool{}
	blind := ""
	for cluster, value := range d.Values {
		if !c.known[cluster] && c.blind[cluster] {
			blind = max(blind, cluster)
			continue
		}
		templates[fingerprint(c.template(d.Path, cluster, value, used))] = true
	}
	names := slices.Sorted(maps.Keys(used))
	one := len(templates) == 1 && len(names) > 0 || len(templates) == 0
	at := slices.IndexFunc(names, func(n string) bool { return slices.Contains(alike, n) })
	switch {
	case one && blind != "":
		d.Untold, d.Why = true, "the variables of "+blind+" could not be seen"
	case one && at >= 0:
		d.Var, d.Why = strings.Join(names, ","), "clusters are to have the same "+names[at]
	case one:
		d.Expected, d.Var = true, strings.Join(names, ",")
	case len(c.known) == 0 && slices.Contains(inborn, d.Path):
		d.Expected, d.Why = true, "every cluster has its own"
	default:
		d.Why = c.nearMiss(d.Path, d.Values)
	}
}

// inborn are the paths in which clusters differ by being clusters, where there are no variables to say so.
var inborn = []string{"cluster.name", "cluster.id", "cluster-name", "cluster-id"}

// templated are the variables by which Git gives every cluster the value that it has at path; empty where Git was not
// read, or gives another value, or gives it otherwise.
func (c *comparison) templated(a Aspect, path string, found map[string]any) string {
	template, vars := "", []string(nil)
	for _, f := range c.all {
		value, ok := found[f.Cluster]
		release := f.Git.Cilium()
		if !ok || a != Values || release == nil {
			return ""
		}
		i := slices.IndexFunc(release.Templated, func(t facts.GitTemplated) bool { return string(t.Path) == path })
		gives, _ := release.Values.Lookup(values.Path(path))
		if i < 0 || !values.Equal(gives, value) || template != "" && template != release.Templated[i].Template {
			return ""
		}
		template, vars = release.Templated[i].Template, release.Templated[i].Variables
	}
	var differing []string
	for _, v := range c.variables {
		if v.differs() && slices.Contains(vars, v.name) {
			differing = append(differing, v.name)
		}
	}
	slices.Sort(differing)
	return strings.Join(differing, ",")
}

// template is value with the cluster's variables put back where their texts stand, and notes which those are.
func (c *comparison) template(path, cluster string, value any, used map[string]bool) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key := range v {
			out[key] = c.template(path, cluster, v[key], used)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = c.template(path, cluster, v[i], used)
		}
		return out
	case nil, bool:
		return value
	}
	text := values.Tree{"v": value}.Text("v")
	for _, v := range c.variables {
		own, ok := v.texts[cluster]
		if ok && text == own && (v.telling || belongs(path, v.name)) && v.differs() {
			used[v.name] = true
			return fmt.Sprintf("%T ${%s}", value, v.name) // of another type it is another template
		}
	}
	s, ok := value.(string)
	if !ok {
		return value
	}
	for _, v := range c.variables {
		if own := v.texts[cluster]; v.telling && v.differs() && len(own) >= 3 && strings.Contains(s, own) {
			used[v.name] = true
			s = strings.ReplaceAll(s, own, "${"+v.name+"}")
		}
	}
	return s
}

// differs tells whether clusters differ in the variable at all, as far as they are known: one alone may.
func (v variable) differs() bool {
	if len(v.texts) == 1 {
		return true
	}
	first, any := "", false
	for _, text := range v.texts {
		if any && text != first {
			return true
		}
		first, any = text, true
	}
	return false
}

var notWord = regexp.MustCompile(`[^A-Za-z0-9]+`)

// belongs tells whether a path is called like a variable: cluster.id and cluster-id like CLUSTER_ID. Small numbers
// meet by accident; only there do they explain anything.
func belongs(path, variable string) bool {
	return strings.HasSuffix("_"+strings.ToUpper(notWord.ReplaceAllString(path, "_")), "_"+variable)
}

// nearMiss says of which variable a value should have been made, where the path or one of the clusters tells.
func (c *comparison) nearMiss(path string, found map[string]any) string {
	texts := map[string]bool{}
	for _, value := range found {
		texts[values.Tree{"v": value}.Text("v")] = true
	}
	if len(texts) == 1 {
		return "the same text, of different types"
	}
	for _, v := range c.variables {
		var missed []string
		hits := 0
		for cluster, value := range found {
			if (values.Tree{"v": value}).Text("v") == v.texts[cluster] {
				hits++
			} else {
				missed = append(missed, cluster)
			}
		}
		if hits > 0 && len(missed) > 0 && (v.telling && v.differs() || belongs(path, v.name)) {
			slices.Sort(missed)
			where, first := strings.Join(missed[:min(len(missed), 6)], ", "), missed[0]
			if rest := len(missed) - 6; rest > 0 {
				where += fmt.Sprintf(" and %d more", rest)
			}
			return fmt.Sprintf("on %s it is not %s, which is %q on %s", where, v.name, v.texts[first], first)
		}
	}
	return "no variable explains it"
}

// explainSetting judges a setting: it is its own explanation, unless clusters are to agree in it, or one of them has
// another kind of text there.
func explainSetting(name string, found map[string]any) (expected bool, vars, why string) {
	if slices.Contains(alike, name) {
		return false, name, "clusters are to have the same " + name
	}
	kinds := map[string]string{} // kind -> one of the clusters
	for cluster, value := range found {
		text, _ := value.(string)
		kind := kindOf(text)
		kinds[kind] = max(kinds[kind], cluster)
	}
	if len(kinds) > 1 {
		var words []string
		for kind, cluster := range kinds {
			words = append(words, kind+" on "+cluster)
		}
		slices.Sort(words)
		return false, name, "is " + strings.Join(words, " and ")
	}
	return true, name, ""
}

var number = regexp.MustCompile(`^-?[0-9]+$`)

// kindOf names the kind of text that a setting has.
func kindOf(text string) string {
	_, notPrefix := netip.ParsePrefix(text)
	_, notAddr := netip.ParseAddr(text)
	switch {
	case text == "":
		return "empty"
	case notPrefix == nil:
		return "a CIDR"
	case notAddr == nil:
		return "an address"
	case number.MatchString(text):
		return "a number"
	case strings.HasPrefix(text, "["):
		return "a list"
	}
	return "text"
}
