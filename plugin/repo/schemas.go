package repo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Schema is one version of a kind that a cluster defines.
type Schema struct {
	Group, Kind, Version string
	Served               bool
	OpenAPI              json.RawMessage
}

// Schemas are what objects are validated against, by kubeconform. They must be closed.
type Schemas struct {
	validator validator.Validator
	served    map[string][]string // "group/Kind" -> versions, of what a cluster defines
	dir       string
}

// NewSchemas takes kubeconform's --schema-location, "default" and templates among them, and what a cluster defines.
// Locations on the network are fetched when a kind is first met.
func NewSchemas(locations []string, defined []Schema) (*Schemas, error) {
	s := &Schemas{served: map[string][]string{}}
	if len(defined) > 0 {
		if err := s.lay(defined); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		locations = append([]string{filepath.ToSlash(s.dir) + "/{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"}, locations...)
	}
	var err error
	if s.validator, err = validator.New(locations, validator.Opts{Strict: true, IgnoreMissingSchemas: true}); err != nil {
		return nil, errors.Join(fmt.Errorf("schema locations: %w", err), s.Close())
	}
	return s, nil
}

// Close takes away what was laid out.
func (s *Schemas) Close() error {
	if s == nil || s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// lay writes a cluster's schemas where kubeconform finds them, closed to fields that they do not name.
func (s *Schemas) lay(defined []Schema) (err error) {
	if s.dir, err = os.MkdirTemp("", "cilium-gitops-schemas-"); err != nil {
		return err
	}
	for _, d := range defined {
		if d.Served {
			s.served[d.Group+"/"+d.Kind] = append(s.served[d.Group+"/"+d.Kind], d.Version)
		}
		var schema map[string]any
		if len(d.OpenAPI) == 0 || json.Unmarshal(d.OpenAPI, &schema) != nil {
			continue
		}
		closeSchema(schema, true)
		text, err := json.Marshal(schema)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s_%s_%s.json", d.Group, strings.ToLower(d.Kind), d.Version)
		if err := os.WriteFile(filepath.Join(s.dir, filepath.Base(name)), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// closeSchema forbids fields that a schema does not name, as the API server prunes them, but for those of the object's
// own metadata. What OpenAPI says beyond JSON Schema is translated.
func closeSchema(schema map[string]any, root bool) {
	properties, _ := schema["properties"].(map[string]any)
	open, _ := schema["x-kubernetes-preserve-unknown-fields"].(bool)
	if _, written := schema["additionalProperties"]; len(properties) > 0 && !written && !open && !root {
		schema["additionalProperties"] = false
	}
	if both, _ := schema["x-kubernetes-int-or-string"].(bool); both {
		delete(schema, "type")
	}
	if nullable, _ := schema["nullable"].(bool); nullable {
		if kind, ok := schema["type"].(string); ok {
			schema["type"] = []any{kind, "null"}
		}
	}
	for _, below := range properties {
		if m, ok := below.(map[string]any); ok {
			closeSchema(m, false)
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if m, ok := schema[key].(map[string]any); ok {
			closeSchema(m, false)
		}
	}
}

// problems are what the schemas do not take of an object.
func (s *Schemas) problems(doc *manifest.Doc, body map[string]any, object string) []facts.GitProblem {
	problem := func(path []string, message string) facts.GitProblem {
		return facts.GitProblem{
			GitPlace: place(doc.At(path...)), Kind: facts.ProblemSchema, Fatal: true, Object: object, Field: strings.Join(path, "."), Message: message,
		}
	}
	apiVersion, kind := manifest.Text(body, "apiVersion"), manifest.Text(body, "kind")
	group, version, _ := strings.Cut(apiVersion, "/")
	if served, known := s.served[group+"/"+kind]; known && !slices.Contains(served, version) {
		return []facts.GitProblem{problem([]string{"apiVersion"}, fmt.Sprintf(
			"the cluster does not serve %s of %s; it serves %s", apiVersion, kind, strings.Join(served, ", ")))}
	}
	text, err := json.Marshal(body)
	if err != nil || apiVersion == "" || kind == "" {
		return nil
	}
	result := s.validator.ValidateResource(resource.Resource{Path: doc.File.Path, Bytes: text})
	var all []facts.GitProblem
	for _, e := range result.ValidationErrors {
		path := strings.Split(strings.Trim(e.Path, "/"), "/")
		if len(expressions(manifest.Text(body, path...))) > 0 { // of a variable that is not known
			continue
		}
		all = append(all, problem(path, strings.Trim(e.Path+": "+e.Msg, "/: ")))
	}
	if len(all) == 0 && len(result.ValidationErrors) == 0 && (result.Status == validator.Invalid || result.Status == validator.Error) {
		all = append(all, problem(nil, "it could not be validated: "+result.Err.Error()))
	}
	return all
}
