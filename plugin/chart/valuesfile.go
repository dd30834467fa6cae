package chart

import (
	"bytes"
	"errors"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// headers are the lines that helm get values writes before the values.
var headers = [][]byte{[]byte("USER-SUPPLIED VALUES:"), []byte("COMPUTED VALUES:")}

// ReadValues reads a values file: YAML or JSON, also with the line that helm get values begins with.
func ReadValues(text []byte) (values.Tree, error) {
	for _, h := range headers {
		text = bytes.TrimPrefix(bytes.TrimLeft(text, " \t\r\n"), h)
	}
	var t values.Tree
	if err := yaml.Unmarshal(text, &t); err != nil {
		return nil, errors.New("it is not YAML of values") // the decoder's own error may quote them
	}
	if t == nil {
		t = values.Tree{}
	}
	return t, nil
}
