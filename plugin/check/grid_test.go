package check_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// healthyFile is a whole cluster on which every check passes, or is skipped for a reason that is given there.
const healthyFile = "testdata/healthy.yaml"

// fixture is testdata/ID/CASE.yaml: the healthy cluster, patched, and what the check is to say of it.
type fixture struct {
	Want     check.Outcome    `json:"want"`
	Reason   string           `json:"reason,omitempty"`   // a part of the verdict's reason
	Evidence []check.Evidence `json:"evidence,omitempty"` // parts of three texts that stand in one piece of evidence
	Absent   []string         `json:"absent,omitempty"`   // what no piece of evidence may mention
	Patch    []operation      `json:"patch"`

	id    check.ID
	file  string
	facts facts.Facts
}

var healthyJSON = sync.OnceValues(func() ([]byte, error) {
	data, err := os.ReadFile(healthyFile)
	if err != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(data)
})

// healthyDoc is the healthy cluster as maps and lists, fresh for each patch.
func healthyDoc(t testing.TB) map[string]any {
	t.Helper()
	data, err := healthyJSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if doc["base"] == nil {
		doc["base"] = copied(t, doc["live"]) // a healthy cluster is as it was
	}
	return doc
}

func copied(t testing.TB, value any) any {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func healthy(t testing.TB) facts.Facts {
	t.Helper()
	return toFacts(t, healthyDoc(t))
}

func toFacts(t testing.TB, doc any) facts.Facts {
	t.Helper()
	f, err := decode(doc)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// decode does with a document what facts.Read does with a recording: it is strict, and what comes out is clean.
func decode(doc any) (facts.Facts, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return facts.Facts{}, err
	}
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	var f facts.Facts
	err = strict.Decode(&f)
	facts.Clean(&f)
	return f, err
}

// TestHealthyIsARecording holds the base of all fixtures to what users' recordings are held to.
func TestHealthyIsARecording(t *testing.T) {
	data, err := os.ReadFile(healthyFile)
	if err != nil {
		t.Fatal(err)
	}
	all, err := facts.Read(bytes.NewReader(data))
	want := healthy(t)
	want.Base = nil
	if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], want) {
		t.Errorf("%d recordings, %v", len(all), err)
	}
}

// fixtures are all there are, the healthy cluster first, once for each check.
func fixtures(t testing.TB) []fixture {
	t.Helper()
	var all []fixture
	base := healthy(t)
	for _, c := range check.All() {
		all = append(all, fixture{id: c.ID, file: healthyFile, facts: base})
	}
	files, err := filepath.Glob("testdata/CG*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		all = append(all, readFixture(t, file))
	}
	return all
}

func readFixture(t testing.TB, file string) fixture {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	x := fixture{id: check.ID(filepath.Base(filepath.Dir(file))), file: file}
	if err := yaml.UnmarshalStrict(data, &x); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if first, _, _ := strings.Cut(string(data), "\n"); !strings.HasPrefix(first, "# ") || len(first) < 12 {
		t.Errorf("%s: its first line must say in words what the case is", file)
	}
	if !bytes.Contains(data, []byte("\nwant: ")) {
		t.Errorf("%s: wants nothing", file)
	}
	var doc any = healthyDoc(t)
	for _, o := range x.Patch {
		if doc, err = o.apply(doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	x.facts = toFacts(t, doc)
	return x
}

func byID(t testing.TB, id check.ID) check.Check {
	t.Helper()
	for _, c := range check.All() {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("there is no check %s", id)
	return check.Check{}
}

func run(c check.Check, f facts.Facts) check.Verdict { return check.Run(f, []check.Check{c})[0] }

func TestFixtures(t *testing.T) {
	for _, x := range fixtures(t) {
		t.Run(fmt.Sprintf("%s/%s", x.id, strings.TrimSuffix(filepath.Base(x.file), ".yaml")), func(t *testing.T) {
			v := run(byID(t, x.id), x.facts)
			if v.Check != x.id || v.Cluster != "infra" {
				t.Errorf("verdict of %s on %s", v.Check, v.Cluster)
			}
			if v.Outcome != x.Want || !strings.Contains(v.Reason, x.Reason) {
				t.Errorf("got %s: %s\n%+v\nwant %s: %s", v.Outcome, v.Reason, v.Evidence, x.Want, x.Reason)
			}
			for _, want := range x.Evidence {
				if !slices.ContainsFunc(v.Evidence, func(e check.Evidence) bool { return holds(e, want) }) {
					t.Errorf("no evidence holds %+v; there is %+v", want, v.Evidence)
				}
			}
			for _, absent := range x.Absent {
				if text := fmt.Sprint(v.Evidence); strings.Contains(text, absent) {
					t.Errorf("evidence must not mention %q: %s", absent, text)
				}
			}
			tellsWhy(t, v)
		})
	}
}

func holds(e, want check.Evidence) bool {
	return strings.Contains(e.Where, want.Where) && strings.Contains(e.Got, want.Got) && strings.Contains(e.Want, want.Want)
}

// tellsWhy holds every verdict to what a reader needs: a reason, and evidence unless it passed or was skipped.
func tellsWhy(t *testing.T, v check.Verdict) {
	t.Helper()
	if v.Reason == "" {
		t.Error("the verdict gives no reason")
	}
	if v.Outcome > check.Skip && len(v.Evidence) == 0 {
		t.Errorf("%s without evidence", v.Outcome)
	}
	for _, e := range v.Evidence {
		if e.Where == "" || e.Got == "" {
			t.Errorf("evidence that says nothing: %+v", e)
		}
	}
}
