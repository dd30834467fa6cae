package repo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// readProblem words an error of reading a file.
func readProblem(name string, err error) facts.GitProblem {
	p := facts.GitProblem{GitPlace: facts.GitPlace{File: name}, Kind: facts.ProblemYAML, Fatal: true, Message: err.Error()}
	var parse *manifest.Error
	if errors.As(err, &parse) {
		p.GitPlace = facts.GitPlace{File: parse.File, Line: parse.Line, Column: parse.Column}
		p.Message = parse.Reason
		if parse.Limit {
			p.Kind = facts.ProblemLimit
		}
		return p
	}
	p.Message = strings.TrimPrefix(p.Message, name+": ")
	if errors.Is(err, ErrLimit) {
		p.Kind = facts.ProblemLimit
	}
	return p
}

// local is a message without the tree's place on this machine.
func (t *Tree) local(err error) string {
	text := err.Error()
	text = strings.ReplaceAll(text, t.dir+"/", "")
	text = strings.ReplaceAll(text, t.dir+`\`, "")
	return strings.ReplaceAll(text, t.dir, ".")
}

func place(p manifest.Place) facts.GitPlace {
	return facts.GitPlace{File: p.File, Line: p.Line, Column: p.Column}
}

// limited is an error of a bound.
func limited(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrLimit)...)
}
