package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/printers"
)

// jsonPath is kubectl's: keys that are not there print nothing.
func jsonPath(asJSON bool) func(string) (render, error) {
	return func(template string) (render, error) {
		p, err := printers.NewJSONPathPrinter(template)
		if err != nil {
			return nil, err
		}
		p.AllowMissingKeys(true)
		p.EnableJSONOutput(asJSON)
		return func(doc Doc, _ Style) ([]byte, error) {
			content, err := generic(doc)
			if err != nil {
				return nil, err
			}
			var out bytes.Buffer
			// Not PrintObj: its error would repeat the whole document.
			err = p.Execute(&out, content)
			return out.Bytes(), err
		}, nil
	}
}

// goTemplate is kubectl's, with its functions.
func goTemplate(template string) (render, error) {
	p, err := printers.NewGoTemplatePrinter([]byte(template))
	if err != nil {
		return nil, err
	}
	p.AllowMissingKeys(true)
	return func(doc Doc, _ Style) ([]byte, error) {
		content, err := generic(doc)
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := p.PrintObj(&unstructured.Unstructured{Object: content}, &out); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	}, nil
}

func fromFile(make func(string) (render, error)) func(string) (render, error) {
	return func(name string) (render, error) {
		template, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
		if strings.TrimSpace(string(template)) == "" {
			return nil, errors.New("read template " + name + ": it is empty")
		}
		return make(string(template))
	}
}

// generic is doc as its JSON has it: maps, lists, strings, int64.
func generic(doc Doc) (map[string]any, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	err = json.Unmarshal(data, &content)
	return content, err
}
