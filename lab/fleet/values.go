package fleet

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed values.yaml.gotmpl
var valuesTemplate string

// ValuesTemplate is the values file as helmfile would read it, with the cluster's own in template expressions.
func ValuesTemplate() string { return valuesTemplate }

// WithoutEncryption is the template, or what it was rendered to, for machines whose kernel has no WireGuard.
func WithoutEncryption(values string) string {
	return strings.Replace(values, "encryption:\n  enabled: true\n", "encryption:\n  enabled: false\n", 1)
}

// Values are the Helm values that Cilium is bootstrapped with on this cluster.
func (c Cluster) Values() ([]byte, error) {
	t, err := template.New("values").Option("missingkey=error").Parse(valuesTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse values template: %w", err)
	}
	var out bytes.Buffer
	data := map[string]any{"Values": map[string]any{"cluster": c.Name, "clusterId": c.ID, "podCIDR": c.PodCIDR}}
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("render values of %s: %w", c.Name, err)
	}
	return out.Bytes(), nil
}
