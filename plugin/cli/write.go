package cli

import (
	"github.com/cilium-gitops/cilium-gitops/plugin/files"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// WriteTree writes what is created or changed below dir: all of it, or none.
func WriteTree(dir string, laid []scaffold.Laid) error {
	var all []files.File
	for _, f := range laid {
		if f.Action == scaffold.Created || f.Action == scaffold.Changed {
			all = append(all, files.File{Path: f.Path, Text: f.New})
		}
	}
	return files.Write(dir, all)
}
