package scaffold

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// versionVariable is the name of the variable that gives the chart's version.
const versionVariable = "CILIUM_VERSION"

// podCIDR is the variable that the native routing CIDR is made of, where it is the pods'.
const podCIDR = "POD_CIDR_STRING"

// known are the values that are variables on every fleet, also where clusters agree or where there is only one.
var known = []struct {
	path values.Path
	name string
}{{"cluster.name", "CLUSTER"}, {"cluster.id", "CLUSTER_ID"}, {"ipv4NativeRoutingCIDR", podCIDR}}

// version makes the chart's version a variable.
func (d *designer) version() {
	texts := map[string]string{}
	for _, c := range d.clusters {
		texts[c.Name] = c.Version
	}
	d.add(&Variable{Name: versionVariable, Texts: texts})
}

// known makes variables of the values that are known to be, before any other value can take their names.
func (d *designer) known() {
	for _, k := range known {
		nodes := make([]node, len(d.clusters))
		for i, c := range d.clusters {
			nodes[i].value, nodes[i].there = c.Values.Lookup(k.path)
		}
		if !all(nodes, func(n node) bool { return n.there }) || !all(nodes, isScalar) || d.held[k.path] {
			continue
		}
		texts, quoted, ok := d.texts(nodes)
		if !ok || k.name == podCIDR && !d.isPodCIDR(texts) {
			continue
		}
		d.add(&Variable{Name: k.name, Texts: texts})
		d.decided[k.path] = d.reference(k.name, quoted)
	}
}

// isPodCIDR tells whether the native routing CIDR is that of the clusters' pods. It may well be larger: the network in
// which all clusters route.
func (d *designer) isPodCIDR(texts map[string]string) bool {
	different := map[string]bool{}
	for _, c := range d.clusters {
		different[texts[c.Name]] = true
		if now, ok := c.Settings[podCIDR]; ok && now != texts[c.Name] {
			return false
		}
	}
	_, settled := d.clusters[0].Settings[podCIDR]
	return settled || len(different) == len(d.clusters)
}

// variable is the text that gives each cluster what it has at path: one variable, or a text with variables in it.
func (d *designer) variable(path values.Path, nodes []node, same bool) (expr, bool) {
	if text, ok := d.decided[path]; ok {
		v := d.find(strings.Trim(strings.ReplaceAll(string(text), "${quote}", ""), "${}"))
		v.Paths = append(v.Paths, path)
		return text, true
	}
	if same || !all(nodes, isScalar) {
		return "", false
	}
	texts, quoted, ok := d.texts(nodes)
	if !ok {
		return "", false
	}
	v := d.named(texts, quoted)
	if v == nil {
		if text, ok := d.inside(nodes, path); ok {
			return text, true
		}
		v = &Variable{Name: d.free(nameFor(path), texts), Texts: texts}
		d.add(v)
	}
	v.Paths = append(v.Paths, path)
	return d.reference(v.Name, quoted), true
}

func (d *designer) reference(name string, quoted bool) expr {
	if quoted {
		d.quotes = true
		return expr("${quote}${" + name + "}${quote}")
	}
	return expr("${" + name + "}")
}

// add adds v, and says whether the settings have it already.
func (d *designer) add(v *Variable) {
	for _, c := range d.clusters {
		if _, ok := c.Settings[v.Name]; !ok {
			v.New = true
		}
	}
	d.vars = append(d.vars, v)
}

func (d *designer) find(name string) *Variable {
	for _, v := range d.vars {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// named is a variable that has those texts already, of the tree or of the settings. Two clusters may well have 1 and 2
// in common with CLUSTER_ID: only texts that say something of themselves are taken for the same thing.
func (d *designer) named(texts map[string]string, quoted bool) *Variable {
	if !telling(texts) || quoted {
		return nil
	}
	for _, v := range d.vars {
		if maps.Equal(v.Texts, texts) {
			return v
		}
	}
	for _, name := range d.settings() {
		if have := d.texted(name); maps.Equal(have, texts) {
			v := &Variable{Name: name, Texts: texts}
			d.add(v)
			return v
		}
	}
	return nil
}

// settings are the names that every cluster's settings have.
func (d *designer) settings() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d.clusters[0].Settings)) {
		if d.texted(name) != nil && variableName.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

var variableName = regexp.MustCompile(`^[_A-Za-z][_A-Za-z0-9]*$`)

// texted are the texts of a setting, nil where a cluster does not have it.
func (d *designer) texted(name string) map[string]string {
	texts := map[string]string{}
	for _, c := range d.clusters {
		text, ok := c.Settings[name]
		if !ok {
			return nil
		}
		texts[c.Name] = text
	}
	return texts
}

var (
	short   = regexp.MustCompile(`^[-+0-9.]{0,3}$`)
	nothing = []string{"true", "false", "null", "yes", "no", "on", "off", ""}
)

// telling holds of texts that name something: not of small numbers and switches.
func telling(texts map[string]string) bool {
	for _, text := range texts {
		if short.MatchString(text) || slices.Contains(nothing, strings.ToLower(text)) {
			return false
		}
	}
	return true
}

// inside is a text with variables in it that gives every cluster its own: "api.${CLUSTER}.example.org".
func (d *designer) inside(nodes []node, path values.Path) (expr, bool) {
	first, ok := nodes[0].value.(string)
	if !ok || strings.Contains(first, "$") {
		return "", false
	}
	candidates := slices.Clone(d.vars)
	for _, name := range d.settings() {
		if d.find(name) == nil {
			candidates = append(candidates, &Variable{Name: name, Texts: d.texted(name)})
		}
	}
	for _, v := range candidates {
		mine := v.Texts[d.clusters[0].Name]
		if !telling(v.Texts) || len(mine) < 3 || v.Name == versionVariable || !strings.Contains(first, mine) {
			continue
		}
		text := strings.ReplaceAll(first, mine, "${"+v.Name+"}")
		if !d.gives(text, v, nodes) {
			continue
		}
		if d.find(v.Name) == nil {
			d.add(v)
		}
		v = d.find(v.Name)
		v.Paths = append(v.Paths, path)
		return expr(text), true
	}
	return "", false
}

// gives tells whether text with v in it is what each cluster has.
func (d *designer) gives(text string, v *Variable, nodes []node) bool {
	for i, n := range nodes {
		got := strings.ReplaceAll(text, "${"+v.Name+"}", v.Texts[d.clusters[i].Name])
		if got != n.value || !reads(got, n.value) {
			return false
		}
	}
	return true
}

// free is name, or name with a number where it stands for something else.
func (d *designer) free(name string, texts map[string]string) string {
	try := name
	for i := 2; ; i++ {
		v := d.find(try)
		if v == nil && d.unused(try, texts) {
			return try
		}
		try = fmt.Sprintf("%s_%d", name, i)
	}
}

// unused tells whether no cluster's settings have name with another text.
func (d *designer) unused(name string, texts map[string]string) bool {
	for _, c := range d.clusters {
		if have, ok := c.Settings[name]; ok && have != texts[c.Name] {
			return false
		}
	}
	return name != "quote"
}

var (
	camel = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	other = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// nameFor words a path as a variable: hubble.relay.replicas is CILIUM_HUBBLE_RELAY_REPLICAS.
func nameFor(path values.Path) string {
	text := camel.ReplaceAllString(string(path), "${1}_${2}")
	return "CILIUM_" + strings.ToUpper(strings.Trim(other.ReplaceAllString(text, "_"), "_"))
}
