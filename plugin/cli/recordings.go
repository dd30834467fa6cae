package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// FleetGiven tells whether the user named a fleet file.
func (c *Clusters) FleetGiven() bool { return c.fleet != "" }

// Recordings reads recorded facts, and expects of them what a fleet file says where the user named one.
func (c *Clusters) Recordings(env *Env, paths []string) ([]facts.Facts, error) {
	all, err := Recordings(env, paths)
	if err != nil {
		return nil, err
	}
	if f, found, err := c.Fleet(); err != nil {
		return nil, err
	} else if found && c.FleetGiven() {
		for i := range all {
			all[i].Expect = f.Expect(f.ByContext(all[i].Context))
		}
	}
	return all, nil
}

// Recordings reads recorded facts from files, from the *.yaml files of folders, and from stdin for "-".
func Recordings(env *Env, paths []string) ([]facts.Facts, error) {
	var all []facts.Facts
	for _, path := range paths {
		files, err := expand(path)
		if err != nil {
			return nil, Usage("read the recording: %w", err)
		}
		for _, file := range files {
			some, err := recording(env, file)
			if err != nil {
				return nil, Usage("read the recording %s: %w", file, err)
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

func expand(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "*.yaml"))
	if err == nil && len(files) == 0 {
		err = &os.PathError{Op: "look in", Path: path, Err: os.ErrNotExist}
	}
	slices.Sort(files)
	return files, err
}

func recording(env *Env, path string) ([]facts.Facts, error) {
	var source io.Reader = env.In
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, facts.MaxFile+1))
	if err != nil {
		return nil, err
	}
	return facts.Read(bytes.NewReader(data))
}
