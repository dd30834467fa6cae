package report_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// made is what a report of a kind holds.
func made(t *testing.T, kind string, doc report.Doc) string {
	t.Helper()
	target, err := report.ParseTarget(kind + "=" + filepath.Join(t.TempDir(), "report"))
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Write(doc); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(target.File)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReportsOfEveryKind(t *testing.T) {
	for _, kind := range report.KindsOf(report.Verification{}) {
		for name, doc := range map[string]report.Verification{"pass": allPass(), "mixed": mixed(), "unreachable": unreachable(), "hostile": hostile()} {
			golden.Assert(t, made(t, kind, doc), name+"."+kind)
		}
	}
}

func TestJUnitHoldsWhateverTheTextIs(t *testing.T) {
	reason := "]]> <script>&\x00\x1b\ufffe\xff " + strings.Repeat("m", 1<<20)
	text := made(t, "junit", verification(clusters("infra"), check.Verdict{
		Check: "CG101", Cluster: "infra", Outcome: check.Fail, Reason: reason,
	}))
	var suites struct {
		Failures int `xml:"failures,attr"`
		Suite    struct {
			Case []struct {
				Failure struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(text), &suites); err != nil {
		t.Fatal(err)
	}
	want := "]]> <script>& " + strings.Repeat("m", 1<<20)
	if got := suites.Suite.Case[0].Failure.Message; got != want {
		t.Errorf("-want +got:\n%.500s", cmp.Diff(want, got))
	}
	if suites.Failures != 1 {
		t.Errorf("%d failures, want 1", suites.Failures)
	}
}

func TestPrometheusQuotesLabels(t *testing.T) {
	v := verification(clusters("a\"b\\c\nd\xff"))
	v.Clusters[0].Taken = time.Time{}
	text := made(t, "prometheus", v)
	if want := `cluster="a\"b\\c\nd` + "\uFFFD" + `",id="CG101"`; !strings.Contains(text, want) {
		t.Errorf("want %s in:\n%s", want, text)
	}
	if strings.Contains(text, "seconds{") {
		t.Errorf("a cluster that was looked at no one knows when has no such series:\n%s", text)
	}
}

func TestParseTarget(t *testing.T) {
	for _, s := range []string{"", "junit", "junit=", "xml=out", "=out", "junit=" + filepath.Join(t.TempDir(), "no", "out")} {
		if target, err := report.ParseTarget(s); err == nil {
			t.Errorf("%q: want an error, got %v", s, target)
		}
	}
	_, err := report.ParseTarget("xml=out")
	for _, kind := range report.KindsOf(report.Verification{}) {
		if !strings.Contains(err.Error(), kind) {
			t.Errorf("%v: does not name %s", err, kind)
		}
	}
	var targets report.Targets
	if targets.Set("junit=a=b") != nil || targets.Set("xml=c") == nil || targets.String() != "junit=a=b" || targets[0].File != "a=b" {
		t.Errorf("a flag's value: now %v", targets)
	}
}

func TestTargetReplacesItsFileWhole(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real.xml"), filepath.Join(dir, "link.xml")
	write(t, file, "what it was before")
	if err := os.Symlink("real.xml", link); err != nil {
		t.Fatal(err)
	}
	if err := (report.Target{Kind: "junit", File: link}).Write(allPass()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "<?xml") {
		t.Errorf("the file behind the link holds %.40q, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; want 0644", info.Mode(), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("something is left over: %v, %v", names, err)
	}
}

func TestTargetThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	target := report.Target{Kind: "junit", File: filepath.Join(dir, "gone", "x.xml")}
	if err := target.Write(allPass()); err == nil || !strings.Contains(err.Error(), target.File) {
		t.Errorf("want an error that names the file, got %v", err)
	}
	if err := (report.Target{Kind: "junit", File: dir}).Write(allPass()); err == nil {
		t.Error("the file is a directory: want an error")
	}
	if err := (report.Target{Kind: "junit", File: filepath.Join(dir, "x")}).Write(report.NewCheckList(nil)); err == nil {
		t.Error("a list of checks has no junit form: want an error")
	}
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("something is left over: %v", names)
	}
	if err := (report.Target{Kind: "junit", File: os.DevNull}).Write(allPass()); err != nil {
		t.Errorf("what is no ordinary file is written to as it is: %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced", os.DevNull)
	}
}

// A pipe is written to, whatever names it: behind /dev/stdout there may be one, and a report must not take its place.
func TestTargetWritesIntoAPipe(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "stdout")
	if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", write.Fd()), link); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(link); err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	if err := (report.Target{Kind: "junit", File: link}).Write(allPass()); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 5)
	if _, err := read.Read(head); err != nil || string(head) != "<?xml" {
		t.Errorf("the pipe holds %q, %v", head, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("something else is where the link was: %v, %v", info, err)
	}
}
