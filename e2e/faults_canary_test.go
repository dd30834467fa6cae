//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// canaries are secrets, by the place where they are planted. None may come out anywhere.
var canaries = map[string]string{
	"the kubeconfig":       "c4n4ry-kubeconfig-Zx91",
	"the release's values": "c4n4ry-release-Yw82",
	"cluster-settings":     "c4n4ry-settings-Xv73",
	"a Secret for values":  "c4n4ry-valuesfrom-Wu64",
	"an innocent key":      "c4n4ry-license-Us46",
	"a list":               "c4n4ry-listitem-Tr37",
	"a key with a dot":     "c4n4ry-dotted-Sq28",
	"what a server says":   "c4n4ry-said-Vt55",
}

// plant puts canaries into both clusters: into the record of the bootstrap's release, the settings, and a Secret that
// the HelmRelease's values come from.
func (l *lab) plant(t *testing.T, tree string) {
	t.Helper()
	for _, cluster := range []string{"infra", "apps"} {
		kubectl := func(args ...string) string {
			return l.must(t, "", "kubectl", append([]string{"--context", cluster}, args...)...)
		}
		kubectl("-n", "flux-system", "patch", "configmap", "cluster-settings", "--type=merge", "-p", fmt.Sprintf(`{"data":{"API_TOKEN":%q}}`, canaries["cluster-settings"]))
		kubectl("-n", "kube-system", "create", "secret", "generic", "cilium-more-values", "--from-literal=values.yaml="+fromSecret())
		name := strings.TrimSpace(kubectl("-n", "kube-system", "get", "secrets", "-l", "owner=helm,name=cilium,status=deployed", "-o", "name"))
		packed := kubectl("-n", "kube-system", "get", name, "-o", "jsonpath={.data.release}")
		patch := filepath.Join(t.TempDir(), "patch.json") // too long for an argument
		if err := os.WriteFile(patch, fmt.Appendf(nil, `{"data":{"release":%q}}`, withCanary(t, packed)), 0o600); err != nil {
			t.Fatal(err)
		}
		kubectl("-n", "kube-system", "patch", name, "--type=merge", "--patch-file", patch)
	}
	file := filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	from := "\nspec:\n  valuesFrom:\n    - {kind: Secret, name: cilium-more-values}\n"
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "\nspec:\n", from, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	l.must(t, tree, "git", "commit", "-q", "-am", "Values of a Secret") // a plan is made of a commit
}

// fromSecret are values that no template reads: under a key that says that it is a secret, and under keys that do not.
func fromSecret() string {
	return "clustermesh: {apiserver: {tls: {server: {key: " + canaries["a Secret for values"] + "}}}}\n" +
		"license: " + canaries["an innocent key"] + "\n" +
		"more: {env: [{name: PLAIN, value: x}, {name: ALIBABA_CLOUD_AK, value: " + canaries["a list"] + "}]}\n" +
		"labels: {\"example.org/kvstore-opt\": " + canaries["a key with a dot"] + "}\n"
}

// withCanary is a record of Helm's, as a Secret has it, whose values hold a private key.
func withCanary(t *testing.T, packed string) string {
	t.Helper()
	once, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := base64.StdEncoding.DecodeString(string(once))
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(twice))
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.NewDecoder(zip).Decode(&record); err != nil {
		t.Fatal(err)
	}
	record["config"].(map[string]any)["tls"] = map[string]any{"ca": map[string]any{"key": canaries["the release's values"]}}
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text)
	_ = w.Close()
	return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(out.Bytes())))
}

// search runs commands and looks for canaries in what they say and write.
type search struct {
	l, indiscreet *lab
	tree, out     string
	result        faultproxy.Result
}

func newSearch(t *testing.T, l *lab, tree string) *search {
	t.Helper()
	s := &search{tree: tree, out: t.TempDir()}
	s.l, _ = l.behind(t, faultproxy.At(-1, faultproxy.None))
	s.indiscreet, _ = l.behind(t, faultproxy.At(-1, faultproxy.None), indiscreet)
	return s
}

// indiscreet is an API server that answers every fifth request by an error that quotes credentials.
func indiscreet(next http.Handler) http.Handler {
	var n atomic.Int64
	said := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500,"message":"failed calling webhook: Post \"https://admin:%[1]s@hook.example.org/x?token=%[1]s\": password: %[1]s; Authorization: Bearer %[1]s"}`, canaries["what a server says"])
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%5 == 0 && r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, said)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// reading runs every command that only reads, as it is and on a server that is indiscreet.
func (s *search) reading(t *testing.T) {
	t.Helper()
	out := func(name string) string { return filepath.Join(s.out, name) }
	both := []string{"--context", "infra,apps"}
	one := []string{"--context", "infra"}
	for _, c := range [][]string{
		slices.Concat([]string{"kubectl-cilium_gitops", "verify", "-o", "wide", "-v", "6", "--record", out("facts.yaml")}, both),
		slices.Concat([]string{"kubectl-cilium_gitops", "verify", "-o", "json", "--report", "html=" + out("v.html"), "--report", "markdown=" + out("v.md"), "--report", "junit=" + out("v.xml"),
			"--report", "prometheus=" + out("v.prom"), "--report", "openreports=" + out("v.yaml")}, both),
		slices.Concat([]string{"kubectl-cilium_gitops", "diff", "-o", "json"}, both),
		slices.Concat([]string{"kubectl-cilium_gitops", "diff", "--what", "manifests"}, one),
		slices.Concat([]string{"kubectl-cilium_gitops", "diff", "--what", "impact", "--report", "html=" + out("i.html")}, one),
		slices.Concat([]string{"kubectl-cilium_gitops", "compare", "-o", "yaml"}, both),
		slices.Concat([]string{"kubectl-cilium_gitops", "scaffold", "--output", out("tree")}, both),
		slices.Concat([]string{"kubectl-cilium_gitops", "scaffold", "--dry-run"}, both),
		{"kubectl-cilium_gitops", "verify", "--from", out("facts.yaml")},
		{"kubectl-cilium_gitops", "lint", "."},
		slices.Concat([]string{"flux-handover", "plan", "--save", out("plan.yaml")}, one),
		slices.Concat([]string{"flux-handover", "plan", "-o", "json"}, both),
		slices.Concat([]string{"flux-handover", "status"}, both),
		{"flux-handover", "runbook", "--output", out("runbook")},
	} {
		r := s.run(t, s.l, c)
		if r.code == 2 {
			t.Errorf("%v: exit code 2: it is not tried\n%s", c, r.stderr)
		}
		s.run(t, s.indiscreet, c)
	}
}

// after runs what there is once a cluster was handed over.
func (s *search) after(t *testing.T) {
	t.Helper()
	one := []string{"--context", "infra"}
	out := func(name string) string { return filepath.Join(s.out, name) }
	for _, c := range [][]string{
		slices.Concat([]string{"flux-handover", "status", "-o", "json"}, one),
		slices.Concat([]string{"flux-handover", "report", "--report", "html=" + out("h.html"), "--evidence", out("e.yaml")}, one),
		slices.Concat([]string{"flux-handover", "report", "-o", "markdown"}, one),
		slices.Concat([]string{"flux-handover", "drill", "drift-object", "--yes"}, one),
		slices.Concat([]string{"flux-handover", "cleanup"}, one),
		slices.Concat([]string{"flux-handover", "rollback", "--to", "bootstrap", "--yes"}, one),
		slices.Concat([]string{"kubectl-cilium_gitops", "verify", "-o", "json"}, one),
	} {
		if r := s.run(t, s.l, c); r.code > 1 || r.code == 1 && c[1] != "cleanup" && c[1] != "verify" { // 1: something is left over, or fails after a way back
			t.Errorf("%v: exit code %d: it is not tried\n%s%s", c, r.code, r.stderr, r.stdout)
		}
	}
}

func (s *search) run(t *testing.T, l *lab, c []string) result {
	t.Helper()
	r := l.run(t, s.tree, c[0], c[1:]...)
	s.look(t, strings.Join(c, " "), r.stdout+r.stderr)
	for where := range canaries {
		s.result.Add("a command over a canary in "+where, fmt.Sprintf("exit code %d, no canary", r.code))
	}
	return r
}

// look searches a text for every canary in every form.
func (s *search) look(t *testing.T, what, text string) {
	t.Helper()
	for where, secret := range canaries {
		if how := told(text, secret, 3); how != "" {
			t.Errorf("%s: the canary of %s comes out, %s", what, where, how)
		}
	}
}

// files searches what was written. The backup of a run is the record as it was: only its owner may read it.
func (s *search) files(t *testing.T) {
	t.Helper()
	seen := 0
	for _, dir := range []string{s.out, s.l.variable("XDG_STATE_HOME")} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			seen++
			if strings.Contains(path, "backup") {
				if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v %v", path, info.Mode(), err)
				}
				return nil
			}
			s.look(t, path, string(text))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 15 {
		t.Errorf("only %d files were written", seen)
	}
}

var blobs = regexp.MustCompile(`[A-Za-z0-9+/]{16,}={0,2}`)

// told says in which form a secret stands in a text, if it does: as it is, in base64, packed, or within one another.
func told(text, secret string, depth int) string {
	if strings.Contains(text, secret) {
		return "as it is"
	}
	for shift := range 3 { // base64 looks otherwise where the secret does not begin a group
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		if strings.Contains(text, whole[(shift*8+5)/6:len(whole)-4]) {
			return "in base64"
		}
	}
	if depth == 0 {
		return ""
	}
	for _, run := range blobs.FindAllString(text, -1) {
		packed, err := base64.StdEncoding.DecodeString(run)
		if err != nil {
			continue
		}
		if zip, err := gzip.NewReader(bytes.NewReader(packed)); err == nil {
			packed, _ = io.ReadAll(io.LimitReader(zip, 1<<24))
		}
		if how := told(string(packed), secret, depth-1); how != "" {
			return how + ", packed"
		}
	}
	return ""
}
