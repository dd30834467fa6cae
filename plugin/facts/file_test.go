package facts_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func recording(name string) facts.Facts {
	at := time.Date(2026, 11, 22, 9, 12, 0, 0, time.UTC)
	return facts.Facts{
		APIVersion: facts.APIVersion, Kind: facts.Kind, Cluster: name, Context: "admin@" + name, Server: "https://10.25.11.10:6443", Taken: at,
		Expect: facts.Expect{
			Name: name, Cilium: facts.Names{Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator"},
			Features: map[string]string{"bgp": "required"},
		},
		Live: facts.Live{
			Version: "v1.37.2",
			Nodes:   []facts.Node{{Name: name + "-1", Ready: true, PodCIDRs: []string{"10.244.0.0/24"}}},
			Config:  &facts.ConfigMap{Namespace: "kube-system", Name: "cilium-config", Data: map[string]string{"cluster-id": "1", "a": "x\n---\ny"}, Changed: at},
			Release: &facts.ReleaseContents{
				Name: "cilium", Namespace: "kube-system", Revision: 3,
				Values: values.Tree{"cluster": map[string]any{"id": 1.0, "name": name}, "list": []any{"a", 1.5, nil, true}, "null": nil},
			},
			GatewayClasses: []facts.GatewayClass{{Name: "cilium", Accepted: &facts.Condition{Type: "Accepted", Status: "True"}}},
			Agents:         []facts.Agent{{Node: name + "-1", Pod: "cilium-1", Unread: "timed out"}},
		},
		Blind:    map[facts.Part]string{facts.BGP: "forbidden"},
		Declined: map[facts.Part]string{facts.Agents: "--no-exec"},
	}
}

func write(t testing.TB, all ...facts.Facts) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := facts.Write(&out, all); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, all := range [][]facts.Facts{{recording("infra")}, {recording("infra"), recording("apps"), recording("edge")}} {
		text := write(t, all...)
		back, err := facts.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(all, back) {
			t.Errorf("got  %+v\nwant %+v", back, all)
		}
		if again := write(t, back...); !bytes.Equal(text, again) {
			t.Errorf("written again it differs:\n%s\n%s", text, again)
		}
	}
}

func TestWriteHeadsEveryDocument(t *testing.T) {
	f := recording("infra")
	f.APIVersion, f.Kind = "", ""
	if text := string(write(t, f)); !strings.Contains(text, "kind: Facts\n") || !strings.Contains(text, "apiVersion: "+facts.APIVersion+"\n") {
		t.Error(text)
	}
	if err := facts.Write(failing{}, []facts.Facts{f}); err == nil || !strings.Contains(err.Error(), "infra") || !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("no space left")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
func (failing) Read([]byte) (int, error)  { return 0, errFull }

const head = "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Facts\n"

func TestReadSeparators(t *testing.T) {
	one := string(write(t, recording("infra")))
	for name, text := range map[string]string{
		"leading marker":   "---\n" + one,
		"trailing marker":  one + "---\n",
		"comment before":   "# recorded at noon\n---\n" + one,
		"two":              one + "---\n" + one,
		"marker with tail": one + "---  \n" + one,
		"commented marker": one + "--- # apps\n" + one,
		"end marker":       one + "...\n---\n" + one,
		"windows":          strings.ReplaceAll(one+"---\n"+one, "\n", "\r\n"),
	} {
		want := strings.Count(text, "kind: Facts")
		if name == "comment before" {
			text = strings.TrimPrefix(text, "# recorded at noon\n---\n")
		}
		all, err := facts.Read(strings.NewReader(text))
		if err != nil || len(all) != want {
			t.Errorf("%s: %d recordings of %d, %v", name, len(all), want, err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	good := string(write(t, recording("infra")))
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "verify --record"},
		"only markers":      {"---\n---\n \n", "no recording"},
		"other kind":        {strings.Replace(good, "kind: Facts", "kind: Fleet", 1), `"Fleet"`},
		"other version":     {strings.Replace(good, "v1alpha1", "v9", 1), "v9"},
		"unknown field":     {head + "cluster: infra\nsurprise: 1\n", "surprise"},
		"unknown deep":      {head + "cluster: infra\nlive:\n  nodes:\n  - {name: a, redy: true}\n", "redy"},
		"field twice":       {head + "cluster: infra\ncluster: apps\n", "cluster"},
		"wrong type":        {head + "cluster: infra\nlive: {nodes: 3}\n", "nodes"},
		"not YAML":          {"\t{", "document 1"},
		"HTML":              {"<html>", "document 1"},
		"a list":            {"- 1\n", "document 1"},
		"no cluster":        {head, "names no cluster"},
		"second is broken":  {good + "---\nkind: Facts\n", "document 2"},
		"tab in the second": {good + "---\n\tx\n", "document 2"},
	} {
		all, err := facts.Read(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || all != nil {
			t.Errorf("%s: got %d recordings, %v; want an error with %q", name, len(all), err, c.want)
		}
	}
	if _, err := facts.Read(failing{}); !errors.Is(err, errFull) {
		t.Errorf("a broken reader: %v", err)
	}
	if _, err := facts.Read(endless{}); err == nil || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("an endless file: %v", err)
	}
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
	}
	return len(p), nil
}

func TestReadCleans(t *testing.T) {
	f := recording("infra")
	f.Live.Version = "v1\x1b[31m"
	all, err := facts.Read(bytes.NewReader(write(t, f)))
	if err != nil || all[0].Live.Version != `v1\x1b[31m` {
		t.Errorf("%+v, %v", all, err)
	}
}

// FuzzRead holds of any text that is read: it is clean, and written and read again it is the same.
func FuzzRead(f *testing.F) {
	f.Add(write(f, recording("infra"), recording("apps")))
	f.Add([]byte(head + "cluster: \"a\\e[31m\"\n"))
	f.Add([]byte(head + "cluster: &a [*a]\n"))
	f.Add([]byte("--- \n" + head + "cluster: x\n...\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := facts.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		text := write(t, all...)
		back, err := facts.Read(bytes.NewReader(text))
		if err != nil || !bytes.Equal(text, write(t, back...)) {
			t.Errorf("%v\n%s", err, text)
		}
	})
}
