// Package answer is what an agent of the lab says: Cilium's API types, filled from what the agent knows since it was
// born, from its neighbours, and from what `lab break` has done to it. Pure but for Load.
package answer

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DeadText is what cilium-dbg prints when nobody listens on the agent's socket.
const DeadText = "Get \"http://localhost/v1/healthz\": dial unix /var/run/cilium/cilium.sock: connect: connection refused\nIs the agent running?"

// Birth is what an agent knows from its start.
type Birth struct {
	Node    string            `json:"node"`
	Pod     string            `json:"pod"`
	UID     string            `json:"uid"`
	Image   string            `json:"image"`
	Started time.Time         `json:"started"`
	Config  map[string]string `json:"config"`
}

// World is what every agent of the cluster sees around it.
type World struct {
	Kubernetes string `json:"kubernetes"`
	Nodes      []Peer `json:"nodes"`
}

// Peer is a node as its neighbours know it.
type Peer struct {
	Name    string `json:"name"`
	IP      string `json:"ip"`
	PodCIDR string `json:"podCIDR"`
	Agent   bool   `json:"agent"`
}

// Fault is what is wrong with the agent of one node.
type Fault struct {
	Dead         bool   `json:"dead,omitempty"`         // nobody answers
	Garbage      bool   `json:"garbage,omitempty"`      // the answer breaks off
	Encryption   string `json:"encryption,omitempty"`   // the mode that is in effect, whatever the configuration says
	PeersMissing int    `json:"peersMissing,omitempty"` // WireGuard peers that are not there
	State        string `json:"state,omitempty"`        // of the agent, with Message
	Message      string `json:"message,omitempty"`
	RelayLost    bool   `json:"relayLost,omitempty"`  // the relay is not connected to it
	TargetDown   bool   `json:"targetDown,omitempty"` // Prometheus cannot scrape it
	CutOff       bool   `json:"cutOff,omitempty"`     // its node reaches no other, and none reaches it
	PeerIdle     bool   `json:"peerIdle,omitempty"`   // it has a BGP session, and nobody answers
	Tunnels      string `json:"tunnels,omitempty"`    // dead: what is sent to WireGuard's peers is not answered
}

// Agent is one agent at one moment.
type Agent struct {
	Birth
	World World
	Fault Fault
	// Deaf are the nodes whose agents do not answer their neighbours' probes.
	Deaf map[string]bool
	Now  time.Time
}

// Load reads the agent whose birth is in that file; world.json and faults.json are beside it.
func Load(file string, now time.Time) (*Agent, error) {
	a := &Agent{Now: now.UTC()}
	if err := read(file, &a.Birth); err != nil {
		return nil, err
	}
	if err := read(filepath.Join(filepath.Dir(file), "world.json"), &a.World); err != nil {
		return nil, err
	}
	faults := map[string]Fault{}
	err := read(filepath.Join(filepath.Dir(file), "faults.json"), &faults)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	a.Fault, a.Deaf = faults[a.Node], map[string]bool{}
	for node, fault := range faults {
		a.Deaf[node] = fault.Dead || fault.CutOff
	}
	if a.Fault.CutOff { // it reaches nobody but itself
		for _, p := range a.World.Nodes {
			a.Deaf[p.Name] = p.Name != a.Node
		}
	}
	return a, nil
}

func read(file string, into any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read agent: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read agent from %s: %w", file, err)
	}
	return nil
}

// JSON is how cilium-dbg prints.
func JSON(value any) ([]byte, error) { return json.MarshalIndent(value, "", "  ") }

func (a *Agent) on(key string) bool { return a.Birth.Config[key] == "true" }

func (a *Agent) get(key, otherwise string) string {
	if v, ok := a.Birth.Config[key]; ok {
		return v
	}
	return otherwise
}

// Self is the agent's own node.
func (a *Agent) Self() Peer {
	for _, p := range a.World.Nodes {
		if p.Name == a.Node {
			return p
		}
	}
	return Peer{Name: a.Node}
}

func (a *Agent) uptime() time.Duration { return max(a.Now.Sub(a.Started), time.Second) }

func (a *Agent) cluster() string { return a.get("cluster-name", "default") }

// release is "1.18.2", from the image the agent runs.
func (a *Agent) release() string {
	image, _, _ := strings.Cut(a.Image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return strings.TrimPrefix(tag, "v")
}

// commit is the short hash of a release: the real one for the version most used here, made up for others.
func (a *Agent) commit() string {
	if a.release() == "1.18.2" {
		return "5bd307a8"
	}
	return hex.EncodeToString(a.hash("commit", a.release())[:4])
}

// hash makes stable values of names: keys, addresses and identifiers that look random and never change.
func (a *Agent) hash(words ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return sum[:]
}

func (a *Agent) number(limit uint32, words ...string) int64 {
	return int64(binary.BigEndian.Uint32(a.hash(words...)) % limit)
}

func (a *Agent) publicKey(node string) string {
	return base64.StdEncoding.EncodeToString(a.hash("wireguard", a.cluster(), node))
}

// address is an address of a node's pod network, stable for its use.
func (a *Agent) address(p Peer, use string) string {
	prefix := p.PodCIDR[:strings.LastIndex(p.PodCIDR, ".")+1]
	return fmt.Sprintf("%s%d", prefix, 2+a.number(250, p.Name, use))
}

// ago is the last time something with that interval happened, not before the agent's start.
func (a *Agent) ago(interval time.Duration, words ...string) time.Time {
	phase := time.Duration(a.number(1000, words...)) * interval / 1000
	t := a.Now.Add(-a.Now.Sub(a.Started.Add(phase)) % max(interval, time.Second))
	if t.Before(a.Started) || t.After(a.Now) {
		return a.Started
	}
	return t
}
