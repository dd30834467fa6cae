package live

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Definition is one version of a kind that a CustomResourceDefinition of the cluster defines.
type Definition struct {
	Group, Kind, Version string
	Served               bool
	Schema               json.RawMessage // OpenAPI v3; nil where the version has none
}

// Definitions are all that the cluster's CustomResourceDefinitions define, schemas and all.
func Definitions(ctx context.Context, config *rest.Config) ([]Definition, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	var all []Definition
	err = paged("", func(o metav1.ListOptions) (string, error) {
		list, err := c.dynamic.Resource(crdResource).List(ctx, o)
		if err != nil {
			return "", err
		}
		for _, item := range list.Items {
			some, err := definitions(item.Object)
			if err != nil {
				return "", err
			}
			all = append(all, some...)
		}
		return list.GetContinue(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("list CustomResourceDefinitions: %w", err)
	}
	return all, nil
}

func definitions(object map[string]any) ([]Definition, error) {
	text, err := json.Marshal(object["spec"])
	if err != nil {
		return nil, err
	}
	var spec struct {
		Group string `json:"group"`
		Names struct {
			Kind string `json:"kind"`
		} `json:"names"`
		Versions []struct {
			Name   string `json:"name"`
			Served bool   `json:"served"`
			Schema struct {
				OpenAPI json.RawMessage `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	var all []Definition
	for _, v := range spec.Versions {
		all = append(all, Definition{Group: spec.Group, Kind: spec.Names.Kind, Version: v.Name, Served: v.Served, Schema: v.Schema.OpenAPI})
	}
	return all, nil
}
