package bootstrap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// Find tells where the fleet's bootstrap has its values, below the working tree: a values file where there is one, else
// a state of helmfile's. One of the two is empty. A values file that the fleet names itself must be there: helmfile
// runs whatever its state says, so it is not run because of a name that was misspelled.
func Find(tree string, b fleet.Bootstrap) (values, helmfile string, err error) {
	at := func(path string) string { return filepath.Join(tree, filepath.FromSlash(path)) }
	if b.Values != "" {
		_, err := os.Stat(at(b.Values))
		if err == nil {
			return at(b.Values), "", nil
		}
		if !errors.Is(err, fs.ErrNotExist) || b.Values != fleet.Default().Bootstrap.Values {
			return "", "", fmt.Errorf("read the bootstrap's values: %w", err)
		}
	}
	if b.Helmfile != "" {
		if _, err := os.Stat(at(b.Helmfile)); err != nil {
			return "", "", fmt.Errorf("read the bootstrap: %w", err)
		}
		return "", at(b.Helmfile), nil
	}
	return "", "", errors.New("the fleet names no bootstrap: write bootstrap.values or bootstrap.helmfile into its file, or use file=PATH")
}
