//go:build e2e

package e2e

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const shipped = "9.9.9" // a version that was never released

// tools builds krew and its validator from their Go module, into the user's cache, and gives their folder.
func tools(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "cilium-gitops-tools", "krew")
	build := exec.Command("go", "build", "-trimpath", "-o", dir+"/", "sigs.k8s.io/krew/cmd/krew", "sigs.k8s.io/krew/cmd/validate-krew-manifest")
	build.Dir, build.Env = filepath.Join("..", "hack", "tools", "krew"), append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build krew: %v\n%s", err, out)
	}
	return dir
}

// pack writes an archive as a release has it, and gives its SHA-256 in hex.
func pack(t *testing.T, archive, program string) string {
	t.Helper()
	file, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sum := sha256.New()
	zipped := gzip.NewWriter(io.MultiWriter(file, sum))
	packed := tar.NewWriter(zipped)
	for _, name := range []string{"../LICENSE", "../bin/" + program} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := packed.WriteHeader(&tar.Header{Name: filepath.Base(name), Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := packed.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// release packs both programs for this platform and fills the manifests from the checksums, as a release does. Other
// platforms' checksums are those of nothing.
func release(t *testing.T, base string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var sums strings.Builder
	for _, program := range []string{"kubectl-cilium_gitops", "flux-handover"} {
		for _, platform := range []string{"darwin_amd64.tar.gz", "darwin_arm64.tar.gz", "linux_amd64.tar.gz", "linux_arm64.tar.gz", "windows_amd64.zip", "windows_arm64.zip"} {
			name := program + "_" + shipped + "_" + platform
			sum := hex.EncodeToString(make([]byte, sha256.Size-1)) + "aa"
			if strings.HasPrefix(platform, runtime.GOOS+"_"+runtime.GOARCH+".") {
				sum = pack(t, filepath.Join(dir, name), program)
			}
			fmt.Fprintf(&sums, "%s  %s\n", sum, name)
		}
	}
	checksums := filepath.Join(dir, "flux-handover_"+shipped+"_checksums.txt")
	if err := os.WriteFile(checksums, []byte(sums.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	fill := exec.Command("go", "run", "./hack/manifests", "--checksums", checksums, "--output", dir, "--base", base)
	fill.Dir = ".."
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("fill the manifests: %v\n%s", err, out)
	}
	return dir
}

// with is the lab with some variables of its environment set anew.
func (l *lab) with(pairs ...string) *lab {
	other := *l
	other.env = append(append([]string{}, l.env...), pairs...)
	return &other
}

// TestKrew: the real krew installs the plugin from the manifest and a local archive; kubectl runs it and completes it;
// krew's validator accepts the manifest.
func TestKrew(t *testing.T) {
	programs, dir, root := tools(t), release(t, "https://github.com/cilium-gitops/cilium-gitops/releases/download/"), t.TempDir()
	manifest := filepath.Join(dir, "cilium-gitops.yaml") // krew wants the plugin's name
	if err := os.Rename(filepath.Join(dir, "krew-manifest.yaml"), manifest); err != nil {
		t.Fatal(err)
	}
	l := theLab.with("KREW_ROOT="+root, "KREW_NO_UPGRADE_CHECK=1", "PATH="+filepath.Join(root, "bin")+":"+filepath.Dir(theLab.look("kubectl"))+":/usr/bin:/bin")
	l.must(t, "", filepath.Join(programs, "validate-krew-manifest"), "-manifest", manifest, "-skip-install")
	archive := filepath.Join(dir, "kubectl-cilium_gitops_"+shipped+"_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz")
	l.must(t, "", filepath.Join(programs, "krew"), "install", "--manifest", manifest, "--archive", archive)

	installed := filepath.Join(root, "bin", "kubectl-cilium_gitops")
	if target, err := os.Readlink(installed); err != nil || !strings.HasPrefix(target, root) {
		t.Fatalf("krew's link leads to %q, %v", target, err)
	}
	if out := l.must(t, "", "kubectl", "cilium-gitops", "version"); !strings.HasPrefix(out, "kubectl cilium-gitops ") {
		t.Errorf("version: %s", out)
	}
	if help := l.must(t, "", "kubectl", "cilium-gitops", "verify", "--help"); !strings.Contains(help, "  kubectl cilium-gitops verify [flags]") {
		t.Errorf("usage is not as it was typed:\n%s", help)
	}
	l.must(t, "", "kubectl", "cilium-gitops", "completion", "install")
	if _, err := os.Lstat(filepath.Join(root, "bin", "kubectl_complete-cilium_gitops")); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"verify --context in": "infra\n", "explain CG10": "CG108\t", "comp": "compare", "verify --context infra,a": "infra,apps\n",
	} {
		args := append([]string{"__complete", "cilium-gitops"}, strings.Split(words, " ")...)
		if out := l.must(t, "", "kubectl", args...); !strings.Contains(out, want) {
			t.Errorf("Tab after %q: %q", words, out)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "receipts", "cilium-gitops.yaml")); err != nil {
		t.Errorf("krew keeps no receipt: %v", err)
	}
}

// TestFluxPlugin: the real flux installs the plugin from a catalogue, checksum and all, runs it, completes it and lists
// it.
func TestFluxPlugin(t *testing.T) {
	var dir string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file := filepath.Join(dir, filepath.Base(r.URL.Path))
		if r.URL.Path == "/handover.yaml" {
			file = filepath.Join(dir, "flux-plugin.yaml")
		}
		http.ServeFile(w, r, file)
	}))
	defer server.Close()
	dir = release(t, server.URL)
	plugins := t.TempDir()
	l := theLab.with("FLUXCD_PLUGINS="+plugins, "FLUXCD_PLUGIN_CATALOG="+server.URL+"/")
	l.must(t, "", "flux", "plugin", "install", "handover")
	if out := l.must(t, "", "flux", "handover", "version"); !strings.HasPrefix(out, "flux handover ") {
		t.Errorf("version: %s", out)
	}
	if out := l.must(t, "", "flux", "plugin", "list"); !strings.Contains(out, "handover") || !strings.Contains(out, shipped) {
		t.Errorf("flux plugin list: %s", out)
	}
	for words, want := range map[string]string{
		"plan --context in": "infra", "drill drift-": "drift-object", "rollb": "rollback", "plan --strategy a": "adopt",
	} {
		args := append([]string{"__complete", "handover"}, strings.Split(words, " ")...)
		if out := l.must(t, "", "flux", args...); !strings.Contains(out, want) {
			t.Errorf("Tab after %q: %q", words, out)
		}
	}
	l.must(t, "", "flux", "plugin", "uninstall", "handover")
	if out := l.run(t, "", "flux", "handover", "version"); out.code == 0 {
		t.Errorf("it is still there: %s", out.stdout)
	}
}
