package repo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
)

// The bounds of one substitution.
const (
	maxDollars     = 50_000   // of one text: the parser goes down one level for each
	maxSubstituted = 32 << 20 // bytes put in for variables
)

// variableName is what Flux takes for a variable's name.
var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// Mode is what happens to a variable that has no value and no default.
type Mode int

// The modes.
const (
	// Strict fails, as Flux does from 2.9 on.
	Strict Mode = iota
	// Lax puts in nothing, as Flux did until 2.8.
	Lax
)

// Substitute puts variables into text as Flux does after a build: ${NAME}, with Bash's operators, and $${NAME} for a
// literal. Newlines are taken out of the values. It returns the names that have neither a value nor a default, sorted;
// in Strict mode they are an error, too.
func Substitute(text []byte, variables map[string]string, mode Mode) (out []byte, missing []string, err error) {
	if n := strings.Count(string(text), "$"); n > maxDollars {
		return nil, nil, limited("substitute variables: the text has %d dollar signs, more than %d", n, maxDollars)
	}
	for name := range variables {
		if !variableName.MatchString(name) {
			return nil, nil, fmt.Errorf("substitute variables: %q is no name for a variable, which must match %s", name, variableName)
		}
	}
	s := substitution{variables: variables, missing: map[string]bool{}}
	if missing, err = s.findMissing(string(text)); err != nil {
		return nil, nil, err
	}
	if len(missing) > 0 && mode == Strict {
		return nil, missing, fmt.Errorf("substitute variables: no value for %s", strings.Join(missing, ", "))
	}
	s.bytes = 0
	result, err := envsubst.Eval(string(text), s.lookup)
	if err == nil && s.over() {
		err = limited("more than %d bytes would be put in", maxSubstituted)
	}
	if err != nil {
		return nil, missing, fmt.Errorf("substitute variables: %w", err)
	}
	return []byte(result), missing, nil
}

type substitution struct {
	variables map[string]string
	missing   map[string]bool
	last      string // asked for and not there
	bytes     int
}

func (s *substitution) over() bool { return s.bytes > maxSubstituted }

// lookup is what the parser asks. A name that is known to be missing is there, and empty.
func (s *substitution) lookup(name string) (string, bool) {
	value, ok := s.variables[name]
	if !ok {
		s.last = name
		return "", s.missing[name]
	}
	value = strings.ReplaceAll(value, "\n", "")
	if s.bytes += len(value); s.over() {
		return "", true
	}
	return value, true
}

// findMissing asks the parser itself: it stops at the first name that is missing, so each round finds one more.
func (s *substitution) findMissing(text string) ([]string, error) {
	for {
		s.bytes, s.last = 0, ""
		_, err := envsubst.Eval(text, s.lookup)
		if err == nil {
			break
		}
		if s.last == "" || s.missing[s.last] {
			return nil, fmt.Errorf("substitute variables: %w", err)
		}
		s.missing[s.last] = true
	}
	missing := slices.Collect(maps.Keys(s.missing))
	slices.Sort(missing)
	return missing, nil
}

// expression is one ${...} of a text.
type expression struct {
	name     string
	text     string // as it stands there
	fallback bool   // it says what to do without a value
	line     int    // of the text, from 0
}

// The bounds of what is told of the expressions of one text.
const (
	maxExpressions = 2_000
	maxExpression  = 4_000 // bytes
)

// expressions are those of a text, at most maxExpressions, those that are escaped as $${...} left out.
func expressions(text string) []expression {
	var all []expression
	line := 0
	for i := 0; i+1 < len(text) && len(all) < maxExpressions; i++ {
		if text[i] == '\n' {
			line++
		}
		if text[i] != '$' {
			continue
		}
		if text[i+1] == '$' {
			i++
			continue
		}
		if text[i+1] != '{' {
			continue
		}
		end := closing(text, i+2)
		if end < 0 {
			i++
			continue
		}
		inner := strings.TrimPrefix(text[i+2:end], "#")
		n := 0
		for n < len(inner) && (inner[n] == '_' || isLetter(inner[n]) || n > 0 && isDigit(inner[n])) {
			n++
		}
		if n > 0 {
			all = append(all, expression{
				name: inner[:n], text: text[i : end+1], fallback: hasFallback(inner[n:]), line: line,
			})
		}
		i++ // what is inside is looked at, too
	}
	return all
}

// closing is where the brace that was opened before from is closed.
func closing(text string, from int) int {
	depth := 1
	for i := from; i < min(len(text), from+maxExpression); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func hasFallback(operator string) bool {
	operator = strings.TrimPrefix(operator, ":")
	return operator != "" && strings.ContainsRune("-=+?", rune(operator[0]))
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
