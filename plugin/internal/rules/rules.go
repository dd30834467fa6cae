// Package rules holds the project to its own rules: who may import whom, how large a file and a function may be, and
// that nothing of anyone's machine is in the repository. Its functions say what is wrong, as text; its tests run
// them on the project. It must only be imported by tests.
package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Source is one file of the repository.
type Source struct {
	Path string // from the repository's root, with slashes
	Text string
}

// Module is the path that our imports begin with.
const Module = "github.com/cilium-gitops/cilium-gitops/"

// The sizes that a file and a function may have, in lines.
const (
	MaxFile     = 300
	MaxFunction = 60
)

// ours are the packages of ours that each package may import, below plugin/. A package that is not here may import
// none but what its own tree holds.
func ours() map[string][]string {
	return map[string][]string{
		"values":           {},
		"manifest":         {},
		"facts":            {"values"},
		"fleet":            {"facts"},
		"impact":           {"facts", "values"},
		"check":            {"facts", "impact", "values"},
		"handover":         {"check", "facts", "impact", "values"},
		"lint":             {"facts", "manifest", "values"},
		"report":           {"check", "compare", "facts", "handover", "impact", "lint", "manifest", "runbook", "scaffold", "values"},
		"live":             {"facts", "fleet", "values"},                     // a release holds value trees
		"repo":             {"facts", "fleet", "lint", "manifest", "values"}, // it gathers what lint says that it needs
		"chart":            {"facts", "fleet", "impact", "values"},           // impact tells what differs between two renderings
		"probe":            {},
		"act":              {"facts", "handover", "probe"}, // it reads what the probe's pods say
		"bootstrap":        {"fleet"},
		"checkout":         {"facts", "files", "manifest"},
		"files":            {},
		"scaffold":         {"facts", "fleet", "values"},
		"runbook":          {"facts", "fleet"},
		"compare":          {"check", "facts", "values"},
		"cli":              library(),
		"cli/ciliumgitops": append(library(), "cli"),
		"cli/fluxhandover": append(library(), "cli"),
	}
}

// library is all that the command line may use.
func library() []string {
	return []string{
		"act", "bootstrap", "chart", "check", "checkout", "compare", "facts", "files", "fleet", "handover", "impact", "lint", "live",
		"manifest", "probe", "repo", "report", "runbook", "scaffold", "values",
	}
}

// pure are the packages that neither talk nor read: what they may not import, and nothing below it.
func pure() (packages, forbidden []string) {
	return []string{"values", "manifest", "facts", "lint", "impact", "check", "handover", "runbook"}, []string{
		"os", "net", "syscall", "k8s.io/client-go", "k8s.io/cli-runtime", "k8s.io/kubectl", "helm.sh/helm",
		"github.com/spf13/cobra", "github.com/fluxcd",
	}
}

// Imports says which imports of sources go against the arrows of the packages. Tests may import more, but nobody's
// tests import the command line either.
func Imports(sources []Source) []string {
	var wrong []string
	for _, s := range sources {
		if path.Ext(s.Path) != ".go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), s.Path, s.Text, parser.ImportsOnly)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser would have refused it
			}
			if why := badImport(s.Path, name); why != "" {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", s.Path, name, why))
			}
		}
	}
	return wrong
}

func badImport(file, name string) string {
	from, inPlugin := strings.CutPrefix(path.Dir(file), "plugin/")
	test := strings.HasSuffix(file, "_test.go")
	to, isOurs := strings.CutPrefix(name, Module)
	if isOurs && within(to, "plugin/cli") && !within(path.Dir(file), "plugin/cli") && !within(path.Dir(file), "cmd") {
		return "only cmd imports the command line"
	}
	if !inPlugin || test {
		return ""
	}
	packages, forbidden := pure()
	data := name == "net/netip" || name == "net/url" // they parse, and no more
	if !data && slices.Contains(packages, from) && slices.ContainsFunc(forbidden, func(f string) bool { return within(name, f) }) {
		return from + " must neither talk nor read"
	}
	if isOurs && to != "plugin/"+from && !mayUse(from, strings.TrimPrefix(to, "plugin/")) {
		return from + " is not above it"
	}
	return ""
}

func mayUse(from, to string) bool {
	if strings.HasPrefix(from, "internal/") { // what tests are built of
		return slices.Contains([]string{"values", "facts", "fleet", "check"}, to)
	}
	return slices.Contains(ours()[from], to)
}

// within holds of a package and what lies below it; "helm.sh/helm" also has "helm.sh/helm/v3" below it.
func within(name, root string) bool { return name == root || strings.HasPrefix(name, root+"/") }

// Sizes says which files and functions are too long to be read at once. Tests and generated files may be.
func Sizes(sources []Source) []string {
	var wrong []string
	for _, s := range sources {
		if path.Ext(s.Path) != ".go" || strings.HasSuffix(s.Path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, s.Path, s.Text, parser.ParseComments)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		if ast.IsGenerated(file) {
			continue
		}
		if n := strings.Count(s.Text, "\n"); n > MaxFile {
			wrong = append(wrong, fmt.Sprintf("%s has %d lines; at most %d", s.Path, n, MaxFile))
		}
		wrong = append(wrong, longFunctions(set, file)...)
	}
	return wrong
}

func longFunctions(set *token.FileSet, file *ast.File) []string {
	var wrong []string
	ast.Inspect(file, func(n ast.Node) bool {
		name := "a function literal"
		switch f := n.(type) {
		case *ast.FuncDecl:
			name = f.Name.Name
		case *ast.FuncLit:
		default:
			return true
		}
		from, to := set.Position(n.Pos()), set.Position(n.End())
		if lines := to.Line - from.Line + 1; lines > MaxFunction {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s has %d lines; at most %d", from.Filename, from.Line, name, lines, MaxFunction))
		}
		return true
	})
	return wrong
}
