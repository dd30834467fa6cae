package rules

import (
	"fmt"
	"regexp"
	"strings"
)

// home matches a path inside a person's or a service's home directory, as it is on one machine only.
var home = regexp.MustCompile(`(^|[^\w.$~{}/-])/(home|Users|root)/[\w.-]+`)

// Machines says where sources name a place that exists on one machine only.
func Machines(sources []Source) []string {
	var wrong []string
	for _, s := range sources {
		if strings.ContainsRune(s.Text, 0) {
			continue // not text
		}
		n := 0
		for line := range strings.Lines(s.Text) {
			n++
			if found := home.FindString(line); found != "" {
				wrong = append(wrong, fmt.Sprintf("%s:%d: names a place on one machine: %s", s.Path, n, strings.TrimSpace(found)))
			}
		}
	}
	return wrong
}
