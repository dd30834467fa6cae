package cli

import (
	"regexp"
	"strings"
)

// plainWord matches what no shell changes.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Shell is a command as it is typed: name may be several words, each of words is one.
func Shell(name string, words ...string) string {
	typed := []string{name}
	for _, word := range words {
		if !plainWord.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		typed = append(typed, word)
	}
	return strings.Join(typed, " ")
}
