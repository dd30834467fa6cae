package lint

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// typeRules are about what substitution makes of types.
func typeRules() []Rule {
	return []Rule{
		{
			ID: "CGL511", Severity: Error, Title: "settings are text", See: "https://kubernetes.io/docs/concepts/configuration/configmap/",
			Reason: "A ConfigMap holds text alone: a number or a list without quotes is refused by the API server.",
			Fix:    "Put the value in quotes.", check: settingsText,
		},
		{
			ID: "CGL512", Severity: Error, Title: "a value has the type that the chart takes", See: "https://docs.cilium.io/en/stable/helm-reference/",
			Reason: "Quotes around a variable are gone before it is put in: the value decides the type. The chart's schema refuses a cluster id that is text, " +
				"and a text where a list has come to stand is nonsense.",
			Fix: "Change the value in the settings; for a text that looks like a number use a variable with a quote on either side.", check: releaseRule(chartTypes),
		},
		{
			ID: "CGL513", Severity: Warning, Title: "quotes around a variable are kept by its value", See: substitution,
			Reason: "kustomize drops quotes that YAML does not need: \"${X}\" with the value 1 becomes the number 1, and with [\"a\"] a list.",
			Fix:    "Take the quotes out where the type is meant to change; else write ${quote}${X}${quote} with a variable that holds a quote.", check: lostQuotes,
		},
		{
			ID: "CGL514", Severity: Warning, Title: "a setting is one line", See: substitution,
			Reason: "Flux takes the newlines out of a value: two lines become one, with nothing between them.",
			Fix:    "Write the value on one line.", check: oneLine,
		},
	}
}

func settingsText(x *index, report reporter) {
	for _, f := range x.Files {
		for _, doc := range f.Docs {
			if doc.Kind() != "ConfigMap" || doc.APIVersion() != "v1" {
				continue
			}
			data, _ := doc.Value["data"].(map[string]any)
			for key, value := range data {
				if _, ok := value.(string); ok || value == nil {
					continue
				}
				s := &subject{Object: written(doc)}
				field := "data." + strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(key)
				finding := s.finding(field, fmt.Sprintf("%s is %v: a ConfigMap takes text alone", key, value))
				if n := s.node(field); n != nil {
					finding.Edits = set(s, `"`+n.Value+`"`, field)
				}
				report(finding)
			}
		}
	}
}

// types are those of the values that the chart's schema fixes, and that clusters differ in.
func types() map[values.Path]string {
	return map[values.Path]string{
		"cluster.id": "integer", "cluster.name": "string", "ipv4NativeRoutingCIDR": "string", "k8sServiceHost": "string",
		"routingMode": "string", "ipam.mode": "string", "encryption.type": "string", "encryption.enabled": "boolean",
		"hubble.enabled": "boolean", "gatewayAPI.enabled": "boolean", "bgpControlPlane.enabled": "boolean",
		"prometheus.enabled": "boolean", "operator.replicas": "integer", "hubble.relay.enabled": "boolean", "hubble.ui.enabled": "boolean",
	}
}

func chartTypes(x *index, s *subject, report reporter) {
	for _, v := range x.values(s) {
		for path, want := range types() {
			value, ok := v.Lookup(path)
			if !ok || value == nil || !decided(text(value)) { // a variable without a value has a rule of its own
				continue
			}
			if got := typeOf(value); got != want {
				report(v.finding(s, path, fmt.Sprintf("%s is the %s %s; the chart takes %s", path, got, show(value), article(want))))
			}
		}
	}
}

func article(noun string) string {
	if noun == "integer" {
		return "an integer"
	}
	return "a " + noun
}

func show(v any) string {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(v)
}

func typeOf(v any) string {
	switch n := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "mapping"
	case int64:
		return "integer"
	case float64:
		if n == float64(int64(n)) {
			return "integer"
		}
	}
	return "number"
}

func lostQuotes(x *index, report reporter) {
	for _, s := range append(x.releases(), append(x.sources("OCIRepository"), x.sources("HelmRepository")...)...) {
		if s.Doc == nil || len(s.clusters) == 0 {
			continue
		}
		for _, leaf := range s.Doc.Leaves() {
			quoted := leaf.Node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
			if !quoted || len(expressions(leaf.Node.Value)) != 1 || !strings.HasPrefix(leaf.Node.Value, "${") {
				continue
			}
			is := manifest.Get(s.Body, leaf.Path...)
			if _, text := is.(string); text || is == nil || knownType(leaf.Path, typeOf(is)) {
				continue
			}
			field := strings.Join(leaf.Path, ".")
			report(s.finding(field, fmt.Sprintf("%q becomes the %s %v: the quotes are gone before the value is put in", leaf.Node.Value, typeOf(is), is)))
		}
	}
}

// knownType tells whether the chart takes that type there, so that losing the quotes is right.
func knownType(path []string, is string) bool {
	if len(path) < 3 || path[0] != "spec" || path[1] != "values" {
		return false
	}
	return types()[values.Path(strings.Join(path[2:], "."))] == is
}

func oneLine(x *index, report reporter) {
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			if strings.Contains(strings.TrimSuffix(v.Value, "\n"), "\n") && len(v.Used) > 0 && !slices.Contains([]string{""}, v.From) {
				report(Finding{Place: placeOf(v.GitPlace), Clusters: []string{c.Name}, Object: v.From, Message: v.Name + " has several lines, which are joined without a space"})
			}
		}
	}
}
