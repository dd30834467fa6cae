package fluxhandover

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// state is the folder that runs keep their journals, backups and evidence in: one folder a run, for its owner alone.
type state struct{ dir string }

// openState finds the folder, makes it where it is not there, and makes sure that it can be written to: nothing is
// changed in a cluster that could not be written down.
func openState(env *cli.Env) (*state, error) {
	dir, err := stateDir(env)
	if err != nil {
		return nil, err
	}
	s := &state{dir: dir}
	if err := s.prepare(dir); err != nil {
		return nil, fmt.Errorf("prepare the folder of journals %s: %w; name another: XDG_STATE_HOME=DIR", dir, err)
	}
	return s, nil
}

// stateDir is $XDG_STATE_HOME/cilium-gitops, else ~/.local/state/cilium-gitops, else in the user's cache folder, where
// there is no home.
func stateDir(env *cli.Env) (string, error) {
	if base := env.Getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "cilium-gitops"), nil
	}
	if base := env.Getenv("LOCALAPPDATA"); filepath.IsAbs(base) {
		return filepath.Join(base, "cilium-gitops"), nil
	}
	if home := env.Getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "cilium-gitops"), nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for journals: %w; name one: XDG_STATE_HOME=DIR", err)
	}
	return filepath.Join(base, "cilium-gitops"), nil
}

// prepare makes a folder for its owner alone, and tries to write there.
func (s *state) prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !owned(info) {
		return errors.New("it belongs to somebody else")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to it (mode %04o); take that away: chmod 700 %s", info.Mode().Perm(), dir)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// unusual matches what a cluster's name may have and a folder's should not.
var unusual = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// folder is the name of one run's.
func folder(cluster, run string) string {
	return unusual.ReplaceAllString(cluster, "_") + "-" + unusual.ReplaceAllString(run, "_")
}

// run is the path of one run's folder, which may not be there yet.
func (s *state) run(cluster, run string) string { return filepath.Join(s.dir, folder(cluster, run)) }

// replace writes a file for its owner alone, so that it holds either what it held before or all of data, even where
// the machine stops in between.
func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	temporary, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return syncDir(dir)
}

// writeFacts keeps recordings for their owner alone.
func writeFacts(path string, all []facts.Facts) error {
	var out bytes.Buffer
	if err := facts.Write(&out, all); err != nil {
		return err
	}
	return replace(path, out.Bytes())
}
