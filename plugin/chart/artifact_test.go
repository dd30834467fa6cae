package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
)

// treeWith is a packed tree with the fixture below charts/, and those files.
func treeWith(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	add := func(name string, text []byte) error {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err := w.Write(text)
		return err
	}
	from := os.DirFS("testdata")
	err := fs.WalkDir(from, "cilium", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return add("charts/"+path, text)
	})
	for name, text := range files {
		err = errors.Join(err, add(name, []byte(text)))
	}
	if err = errors.Join(err, w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func serving(t *testing.T, text []byte) string {
	t.Helper()
	return "http://" + answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }) + "/x.tar.gz"
}

func sourceObject(kind, name string, spec, status map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": "kube-system", "generation": int64(3)}, "spec": spec, "status": status,
	}
}

func artifactStatus(url, digest, revision string) map[string]any {
	return map[string]any{
		"observedGeneration": int64(3),
		"artifact":           map[string]any{"url": url, "digest": "sha256:" + digest, "revision": revision, "path": "x", "lastUpdateTime": "2026-11-20T08:00:00Z"},
	}
}

func byTemplate(kind string, more map[string]any) map[string]any {
	spec := map[string]any{"chart": "./charts/cilium", "sourceRef": map[string]any{"kind": kind, "name": "tree"}}
	for key, value := range more {
		spec[key] = value
	}
	return helmRelease(map[string]any{"chart": map[string]any{"spec": spec}})
}

const commit = "main@sha1:0123456789abcdef0123456789abcdef01234567"

// TestChartsOfTrees: from a GitRepository and a Bucket, with the version and the values that source-controller makes.
func TestChartsOfTrees(t *testing.T) {
	text := treeWith(t, map[string]string{"values/a.yaml": "cluster: {name: a, id: 7}\n", "values/b.yaml": "cluster: {name: b}\n"})
	url := serving(t, text)
	for name, c := range map[string]struct {
		kind    string
		more    map[string]any
		version string
	}{
		"Git":          {"GitRepository", nil, "1.20.2"},
		"a bucket":     {"Bucket", nil, "1.20.2"},
		"by revision":  {"GitRepository", map[string]any{"reconcileStrategy": "Revision"}, "1.20.2+0123456789ab"},
		"values files": {"GitRepository", map[string]any{"valuesFiles": []any{"charts/cilium/values.yaml", "values/a.yaml", "./values/b.yaml"}}, "1.20.2+1"},
		"some of them": {"GitRepository", map[string]any{"valuesFiles": []any{"charts/cilium/values.yaml", "values/none.yaml", "values/a.yaml"}, "ignoreMissingValuesFiles": true}, "1.20.2+1"},
	} {
		s := newSession(newCluster(sourceObject(c.kind, "tree", map[string]any{}, artifactStatus(url, hexSum(text), commit))))
		r, err := s.Render(t.Context(), Want{Release: byTemplate(c.kind, c.more), Values: withKey("x")})
		if err != nil || r.ChartVersion != c.version || r.Chart != "cilium" || !strings.HasPrefix(r.ChartFrom, c.kind+" kube-system/tree at main@sha1:") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// TestABuiltChart is taken as source-controller has built it, where it was built of the same.
func TestABuiltChart(t *testing.T) {
	packed := archive(t)
	spec := map[string]any{"chart": "./charts/cilium", "sourceRef": map[string]any{"kind": "GitRepository", "name": "tree"}, "interval": "1h"}
	built := sourceObject("HelmChart", "kube-system-cilium", spec, artifactStatus(serving(t, packed), hexSum(packed), "1.20.2+3"))
	tree := sourceObject("GitRepository", "tree", map[string]any{}, artifactStatus("http://127.0.0.1:1/x", hexSum(packed), commit))
	s := newSession(newCluster(built, tree))
	if r, err := s.Render(t.Context(), Want{Release: byTemplate("GitRepository", nil), Values: withKey("x")}); err != nil || r.ChartFrom != "HelmChart kube-system/kube-system-cilium at 1.20.2+3" {
		t.Errorf("%+v, %v", r, err)
	}
	_, err := s.Render(t.Context(), Want{Release: byTemplate("GitRepository", map[string]any{"chart": "./charts/other"}), Values: withKey("x")})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("one that was built of something else was taken: %v", err)
	}
}

// TestWhatIsWrongWithAnArtifact is said for what it is, with what to do about it.
func TestWhatIsWrongWithAnArtifact(t *testing.T) {
	text := treeWith(t, nil)
	url := serving(t, text)
	inside := "http://source-controller.flux-system.svc.cluster.local./gitrepository/kube-system/tree/x.tar.gz"
	for name, c := range map[string]struct {
		status map[string]any
		path   string
		kind   error
		want   string
	}{
		"nothing fetched":        {status: map[string]any{}, want: "has fetched nothing yet"},
		"another sum":            {status: artifactStatus(url, strings.Repeat("0", 64), commit), kind: ErrRefused, want: "sha256"},
		"no such path":           {status: artifactStatus(url, hexSum(text), commit), path: "./charts/none", kind: ErrNoChart, want: "at that path"},
		"a path that leads out":  {status: artifactStatus(url, hexSum(text), commit), path: "../../../../etc", kind: ErrNoChart, want: "at that path"},
		"of the cluster's own":   {status: artifactStatus(inside, hexSum(text), commit), kind: ErrUnreachable, want: "kubectl -n flux-system port-forward svc/source-controller 8080:80"},
		"an address that is not": {status: artifactStatus("http://127.0.0.1:1/x", hexSum(text), commit), kind: ErrUnreachable, want: "--chart"},
	} {
		more := map[string]any{}
		if c.path != "" {
			more["chart"] = c.path
		}
		s := newSession(newCluster(sourceObject("GitRepository", "tree", map[string]any{}, c.status)))
		_, err := s.Render(t.Context(), Want{Release: byTemplate("GitRepository", more), Values: withKey("x")})
		if err == nil || !strings.Contains(err.Error(), c.want) || c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestThroughTheAPIServer: an address of the cluster's own is asked for through the API server, where it lets one.
func TestThroughTheAPIServer(t *testing.T) {
	text := treeWith(t, nil)
	asked := ""
	s := served("GitRepository", "GitRepository kube-system/tree", &meta.Artifact{
		URL: "http://source-controller.flux-system.svc.cluster.local./a/b.tar.gz", Digest: "sha256:" + hexSum(text), Revision: commit,
	})
	s.Artifact.Tree, s.Artifact.Path = true, "charts/cilium"
	s.Artifact.Through = func(_ context.Context, namespace, service, path string) (io.ReadCloser, error) {
		asked = namespace + " " + service + " " + path
		return io.NopCloser(bytes.NewReader(text)), nil
	}
	f, err := (&Fetcher{}).Fetch(t.Context(), s)
	if err != nil || f.Chart.Name() != "cilium" || asked != "flux-system source-controller /a/b.tar.gz" {
		t.Errorf("%+v, %v, asked for %q", f, err, asked)
	}
}
