package state

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDefaultFolder(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want Dir
	}{
		{map[string]string{"LAB_STATE": "/a", "HOME": "/h"}, "/a"},
		{map[string]string{"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/cilium-gitops-lab/default"},
		{map[string]string{"HOME": "/h"}, "/h/.local/state/cilium-gitops-lab/default"},
	} {
		got, err := Default(func(k string) string { return c.env[k] })
		if err != nil || got != c.want {
			t.Errorf("%v: %s, %v; want %s", c.env, got, err, c.want)
		}
	}
	if _, err := Default(func(string) string { return "" }); err == nil {
		t.Error("no error without any home")
	}
}

func TestSettingsComeBack(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "new", "lab"))
	if _, known, err := d.Read(); known || err != nil {
		t.Fatalf("a folder that is not there: known %v, %v", known, err)
	}
	want := Settings{CiliumVersion: "1.18.2", Helm: 3, PortBase: 21000, AdminToken: "secret", Up: true}
	if err := d.Write(want); err != nil {
		t.Fatal(err)
	}
	got, known, err := d.Read()
	if err != nil || !known || got != want {
		t.Errorf("%+v, %v, %v; want %+v", got, known, err, want)
	}
	info, err := os.Stat(d.Join("lab.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("settings hold a token and are %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(d.Join("lab.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Read(); err == nil {
		t.Error("no error for half a file")
	}
}

func TestLockKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(path, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	waiting, got := make(chan struct{}), make(chan error)
	go func() {
		release, err := Lock(path, func() { close(waiting) })
		if err == nil {
			release()
		}
		got <- err
	}()
	<-waiting
	select {
	case <-got:
		t.Fatal("two held the lock")
	case <-time.After(20 * time.Millisecond):
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestPortsAreDistinctAndFree(t *testing.T) {
	s := Settings{PortBase: 20000}
	seen := map[int]bool{}
	ports := []int{s.Port(Git), s.Port(Registry)}
	for index := range 2 {
		for p := range perCluster {
			ports = append(ports, s.Of(index, p))
		}
	}
	for _, p := range ports {
		if seen[p] || p < s.PortBase || p >= s.PortBase+blockSize {
			t.Errorf("port %d is taken twice or outside of its block", p)
		}
		seen[p] = true
	}
	base, err := FindPorts("/some/lab")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+3))
	if err != nil {
		t.Skip("somebody was quicker")
	}
	defer l.Close()
	if BlockFree(base) {
		t.Error("a block with a listener in it is called free")
	}
	if other, err := FindPorts("/some/lab"); err != nil || other == base {
		t.Errorf("found %d, %v; want another block than %d", other, err, base)
	}
}
