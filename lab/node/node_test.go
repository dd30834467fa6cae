package node

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/machine"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Nodes are made, see each other and the API server, keep their hands off the machine, and go without a trace.
func TestNodesComeAndGo(t *testing.T) {
	if err := machine.Able(); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go greet(server)
	g := ground(t, server.Addr())
	before := machineState(t)
	defer func() {
		g.Processes.Stop(time.Second, g.Processes.Names("")...)
		if err := RemoveCgroups(g.Dir, g.Cluster); err != nil {
			t.Error(err)
		}
		if after := machineState(t); after != before {
			t.Errorf("left behind: %s, was %s", after, before)
		}
		if left, err := Cgroups(g.Dir); err != nil || exec.Command("test", "-e", left).Run() == nil {
			t.Errorf("left behind: %s, %v", left, err)
		}
	}()
	for range 2 { // the second time they are there
		if err := g.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	nodes := g.Cluster.Nodes()
	other := net.JoinHostPort(nodes[1].IP, strconv.Itoa(SecurePort))
	conn, err := g.Dial(ctx, nodes[0].Name, other)
	if err != nil {
		t.Fatalf("one node does not see another: %v", err)
	}
	said := make([]byte, len(greeting))
	if _, err := conn.Read(said); err != nil || string(said) != greeting {
		t.Errorf("at the other end: %q, %v", said, err)
	}
	conn.Close()
	if err := g.Cut(ctx, nodes[1].Name, true); err != nil {
		t.Fatal(err)
	}
	if conn, err := g.Dial(ctx, nodes[0].Name, other); err == nil {
		conn.Close()
		t.Error("a node that was cut off is seen")
	}
}

const greeting = "the API server"

// greet is an API server of few words.
func greet(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(greeting))
		conn.Close()
	}
}

// ground is a lab of its own with an API server at that address.
func ground(t *testing.T, api net.Addr) Ground {
	t.Helper()
	dir := state.Dir(t.TempDir())
	self := filepath.Join(string(dir), "lab")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", self, "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	source, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAB_SOURCE", source)
	address, ok := api.(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", api)
	}
	s := state.Settings{CiliumVersion: "1.18.2", Helm: 4, Agents: state.Real, AdminToken: "x"}
	s.PortBase = address.Port - s.Of(0, state.APIServer)
	if err := dir.Write(s); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir.Join("datapath"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Ground{
		Dir: dir, Cluster: fleet.All()[0], API: address.Port, Processes: process.Table{Dir: dir}, Self: self, Datapath: dir.Join("datapath"),
	}
}

// machineState is what nodes could leave on the machine outside of themselves: interfaces and mounts.
func machineState(t *testing.T) string {
	t.Helper()
	links, err := exec.Command("ip", "-o", "link").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(links)) {
		names = append(names, strings.Fields(line)[1])
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ") + "\n" + string(mounts)
}
