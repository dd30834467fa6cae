package act

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// bootstrapped is a cluster with a release of two revisions, and what belongs to it.
func bootstrapped(t *testing.T) *api {
	t.Helper()
	a := newAPI()
	for revision := range 2 {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		fmt.Fprintf(w, `{"config":{"a":%d,"password":%q},"manifest":"kind: ConfigMap # %d\n"}`, revision+1, canary, revision+1)
		_ = w.Close()
		name := fmt.Sprintf("sh.helm.release.v1.cilium.v%d", revision+1)
		put(a, "/api/v1/namespaces/kube-system/secrets/"+name, map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
			"metadata": map[string]any{
				"name": name, "namespace": "kube-system", "labels": map[string]any{"owner": "helm", "name": "cilium", "version": fmt.Sprint(revision + 1)},
				"managedFields": []any{map[string]any{"manager": "helm"}},
			},
			"data": map[string]any{"release": base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(zipped.Bytes())))},
		})
	}
	put(a, "/api/v1/namespaces/kube-system/secrets/cilium-ca", map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "cilium-ca", "namespace": "kube-system"},
		"data": map[string]any{"ca.key": base64.StdEncoding.EncodeToString([]byte("key of the ca")), "ca.crt": "YQ=="},
	})
	put(a, configPath, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "cilium-config", "namespace": "kube-system"}, "data": map[string]any{"cluster-name": "infra"}})
	a.put(podsPath+"/cilium-1", podText("cilium-1", "u1"))
	a.put(releasePath, helmRelease(`"suspend":true`))
	return a
}

func put(a *api, path string, o map[string]any) {
	text, _ := json.Marshal(o)
	a.put(path, string(text))
}

// kept are the files below dir: their names, and whether others may read them.
func kept(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if want := map[bool]fs.FileMode{true: fs.ModeDir | 0o700, false: 0o600}[e.IsDir()]; info.Mode() != want && path != dir {
			t.Errorf("%s is %s, want %s", path, info.Mode(), want)
		}
		if !e.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestBackup(t *testing.T) {
	a := bootstrapped(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "state", "infra-1")
	if err := open(t, a).Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"README.txt", "certificates.sha256", "cilium-config.yaml", "flux.yaml", "manifest.yaml", "pods.yaml",
		"release-records/sh.helm.release.v1.cilium.v1.yaml", "release-records/sh.helm.release.v1.cilium.v2.yaml", "values.yaml",
	}
	if got := kept(t, filepath.Join(parent, "state")); !slices.Equal(got, prefixed("infra-1/", want)) {
		t.Errorf("%q", got)
	}
	for name, part := range map[string]string{
		"values.yaml": "a: 2\npassword: " + canary + "\n", "manifest.yaml": "kind: ConfigMap # 2\n", "cilium-config.yaml": "cluster-name: infra",
		"pods.yaml":           `- {name: cilium-1, uid: u1, node: infra-1, started: "", restarts: 0}`,
		"flux.yaml":           "suspend: true",
		"certificates.sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  kube-system/cilium-ca/ca.crt\n",
		"README.txt":          "helm --kube-context infra -n kube-system rollback cilium 2",
		"release-records/sh.helm.release.v1.cilium.v1.yaml": "type: helm.sh/release.v1",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), part) {
			t.Errorf("%s lacks %q: %v\n%s", name, part, err, text)
		}
		if strings.Contains(string(text), "managedFields") || strings.Contains(string(text), "resourceVersion") {
			t.Errorf("%s cannot be applied again:\n%s", name, text)
		}
		if strings.Contains(string(text), "key of the ca") || strings.Contains(string(text), base64.StdEncoding.EncodeToString([]byte("key of the ca"))) {
			t.Errorf("%s has a private key", name)
		}
	}
	if len(a.writes()) > 0 {
		t.Errorf("it wrote %v", a.writes())
	}
	if err := open(t, a).Backup(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "it exists already") {
		t.Errorf("over another: %v", err)
	}
}

func prefixed(with string, all []string) (out []string) {
	for _, s := range all {
		out = append(out, with+s)
	}
	return out
}

// TestBackupOfNothing says what there was not.
func TestBackupOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	if err := open(t, newAPI()).Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.txt"))
	if err != nil || !strings.Contains(string(text), "Helm had no record of the release.") || strings.Contains(string(text), "rollback cilium") || !strings.Contains(string(text), "There was nothing for cilium-config.yaml") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestBackupIsWholeOrNot fails each request and each write in turn: nothing is left behind.
func TestBackupIsWholeOrNot(t *testing.T) {
	whole := bootstrapped(t)
	if err := open(t, whole).Backup(t.Context(), filepath.Join(t.TempDir(), "b")); err != nil {
		t.Fatal(err)
	}
	for n := range whole.requests {
		a := bootstrapped(t)
		seen := 0
		a.before = func(request) *http.Response {
			if seen++; seen == n+1 {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `User "me" cannot`)
			}
			return nil
		}
		parent := t.TempDir()
		err := open(t, a).Backup(t.Context(), filepath.Join(parent, "b"))
		if left, _ := os.ReadDir(parent); err == nil || !strings.Contains(err.Error(), "forbidden") || len(left) > 0 {
			t.Errorf("request %d (%s): %v, left %v", n, a.requests[n], err, left)
		}
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, whole).Backup(t.Context(), filepath.Join(plain, "b")); err == nil {
		t.Error("below a file")
	}
	all := []file{{name: "a/x"}, {name: "b/y"}, {name: "README.txt"}}
	for n := range all { // a name that is taken cannot be written: what was written before goes
		parent := t.TempDir()
		err := write(filepath.Join(parent, "b"), append(slices.Clone(all[:n+1]), all[n]))
		left, failed := os.ReadDir(parent)
		if failed != nil || err == nil || !strings.Contains(err.Error(), "nothing was kept of it") || len(left) > 0 {
			t.Errorf("write %d: %v, left %v, %v", n+1, err, left, failed)
		}
	}
	parent := t.TempDir() // what stands where the backup is to go stays
	if err := os.MkdirAll(filepath.Join(parent, "b", "mine"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := write(filepath.Join(parent, "b"), all)
	left, failed := os.ReadDir(filepath.Join(parent, "b"))
	if failed != nil || err == nil || len(left) != 1 || left[0].Name() != "mine" {
		t.Errorf("a folder in the way: %v, there is %v, %v", err, left, failed)
	}
}
