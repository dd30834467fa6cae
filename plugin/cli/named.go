package cli

import (
	"slices"

	"github.com/spf13/pflag"
)

// OnlyNamed leaves no way to name a cluster but one by one: what changes clusters must not do so by a pattern.
func (c *Clusters) OnlyNamed() error {
	switch {
	case c.all:
		return Usage("--all-contexts: only clusters given by name are changed; name each: --context NAME")
	case c.match != "":
		return Usage("--context-match: only clusters given by name are changed; name each: --context NAME")
	case len(c.contexts) == 0:
		return Usage("name the clusters that are to be changed: --context NAME, repeated or separated by commas")
	}
	return nil
}

// Typed are those of flags that were given and have one of names, as they would be typed again.
func Typed(flags *pflag.FlagSet, names ...string) []string {
	var words []string
	flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains(names, f.Name) {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, item := range list.GetSlice() {
				words = append(words, "--"+f.Name, item)
			}
			return
		}
		if f.NoOptDefVal == "true" {
			words = append(words, "--"+f.Name)
			return
		}
		words = append(words, "--"+f.Name, f.Value.String())
	})
	return words
}
