package repo

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
	kustomizetypes "sigs.k8s.io/kustomize/api/types"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// apiTypes are those that objects are held to: Kubernetes' own and Flux's.
func apiTypes() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	return s, errors.Join(scheme.AddToScheme(s), helmv2.AddToScheme(s), kustomizev1.AddToScheme(s), sourcev1.AddToScheme(s))
}

// strict says what of a body the API's type does not take: fields that it does not know, and values of another type.
// Kinds that are not known here are taken as they are. decided tells that variables have been put in: else text may
// yet become something else.
func strict(s *runtime.Scheme, body map[string]any, decided bool) []string {
	apiVersion, kind := manifest.Text(body, "apiVersion"), manifest.Text(body, "kind")
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil
	}
	into, err := s.New(gv.WithKind(kind))
	var target any = into
	if err != nil {
		if gv.Group != "kustomize.config.k8s.io" {
			return nil
		}
		target = &kustomizetypes.Kustomization{}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	unknown, err := kjson.UnmarshalStrict(text, target, kjson.DisallowUnknownFields)
	var said []string
	for _, e := range unknown {
		if !strings.Contains(e.Error(), `"sops`) { // SOPS adds what the cluster never sees
			said = append(said, e.Error()+meant(target, e.Error()))
		}
	}
	if err != nil && (decided || !strings.Contains(string(text), "${")) {
		said = append(said, strings.TrimPrefix(err.Error(), "json: "))
	}
	return said
}

// fieldName matches the field that an error of strict decoding names.
var fieldName = regexp.MustCompile(`"([\w.\[\]-]+)"|Go struct field \w+\.([\w.]+)`)

// fieldPath is the field that such an error names, as a path of keys.
func fieldPath(message string) []string {
	m := fieldName.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	name := strings.NewReplacer("[", ".", "]", "").Replace(m[1] + m[2])
	return strings.Split(name, ".")
}

// schemaProblems are what the API's types do not take of a document.
func schemaProblems(s *runtime.Scheme, doc *manifest.Doc, body map[string]any, object string, decided bool) []facts.GitProblem {
	var all []facts.GitProblem
	for _, said := range strict(s, body, decided) {
		path := fieldPath(said)
		all = append(all, facts.GitProblem{
			GitPlace: place(doc.At(path...)), Kind: facts.ProblemSchema, Fatal: true, Object: object, Field: strings.Join(path, "."), Message: said,
		})
	}
	return all
}
