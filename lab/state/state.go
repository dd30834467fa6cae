// Package state is where a lab keeps itself: the layout of its folder, the settings it was brought up with, and the
// lock that lets one command at a time change it. It knows no cluster and starts no process.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Settings are what a lab remembers between commands.
type Settings struct {
	CiliumVersion string `json:"ciliumVersion"`
	Helm          int    `json:"helm"`
	NoCilium      bool   `json:"noCilium,omitempty"`
	// Agents is what answers for Cilium's agents: Simulated ones, or the Real ones.
	Agents string `json:"agents,omitempty"`
	// NoEncryption is set where the values Cilium is bootstrapped with leave WireGuard off.
	NoEncryption bool `json:"noEncryption,omitempty"`
	// PortBase is the first of the block of ports the lab uses.
	PortBase int `json:"portBase"`
	// AdminToken is the bearer token of the user admin, the same in every cluster of this lab.
	AdminToken string `json:"adminToken"`
	// Up is set at the end of a complete `lab up` and cleared by `lab down`.
	Up bool `json:"up"`
}

// Simulated and Real are the kinds of agents that a lab can have.
const (
	Simulated = "simulated"
	Real      = "real"
)

// Real tells whether Cilium's own agents run in this lab.
func (s Settings) Real() bool { return s.Agents == Real }

// Dir is the state folder of one lab.
type Dir string

// Default is the folder used when neither --state nor LAB_STATE names one.
func Default(getenv func(string) string) (Dir, error) {
	if d := getenv("LAB_STATE"); d != "" {
		return Abs(d)
	}
	base := getenv("XDG_STATE_HOME")
	if base == "" {
		home := getenv("HOME")
		if home == "" {
			return "", errors.New("find the state folder: neither LAB_STATE, XDG_STATE_HOME nor HOME is set; name one with --state DIR")
		}
		base = filepath.Join(home, ".local", "state")
	}
	return Dir(filepath.Join(base, "cilium-gitops-lab", "default")), nil
}

// Abs makes a state folder of a path a user typed.
func Abs(path string) (Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("resolve state folder %s: %w", path, err)
	}
	return Dir(abs), nil
}

// Join is a path below the state folder.
func (d Dir) Join(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// Kubeconfig is the file with the contexts infra and apps.
func (d Dir) Kubeconfig() string { return d.Join("kubeconfig") }

// Bin is the folder of the lab's tools, meant for PATH.
func (d Dir) Bin() string { return d.Join("bin") }

// Cluster is a path below the folder of one cluster.
func (d Dir) Cluster(name string, elem ...string) string {
	return d.Join(append([]string{name}, elem...)...)
}

// Read returns the settings; ok is false when no lab was ever brought up here.
func (d Dir) Read() (s Settings, ok bool, err error) {
	raw, err := os.ReadFile(d.Join("lab.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, false, nil
	}
	if err != nil {
		return Settings{}, false, fmt.Errorf("read lab settings: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Settings{}, false, fmt.Errorf("read lab settings %s: %w; `lab down --wipe` starts afresh", d.Join("lab.json"), err)
	}
	return s, true, nil
}

// Write keeps the settings.
func (d Dir) Write(s Settings) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode lab settings: %w", err)
	}
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return fmt.Errorf("create state folder: %w", err)
	}
	return WriteFile(d.Join("lab.json"), append(raw, '\n'), 0o600)
}

// WriteFile replaces a file in one step, so that a reader or an interrupted writer never sees half of it.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("create folder of %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := errors.Join(tmp.Chmod(mode), tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
