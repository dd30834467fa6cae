package check_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// fields is where each part stands in facts.Live. What a check does not need is emptied by it.
var fields = map[facts.Part][]string{
	facts.Version:         {"Version"},
	facts.Nodes:           {"Nodes"},
	facts.DaemonSets:      {"DaemonSets"},
	facts.Deployments:     {"Deployments", "StatefulSets"},
	facts.Pods:            {"Pods"},
	facts.Config:          {"Config"},
	facts.Settings:        {"Settings"},
	facts.Releases:        {"Records", "Search"},
	facts.Release:         {"Release"},
	facts.Certificates:    {"Certificates"},
	facts.CRDs:            {"CRDs"},
	facts.GatewayClasses:  {"GatewayClasses"},
	facts.ServiceMonitors: {"ServiceMonitors"},
	facts.Agents:          {"Agents"},
	facts.BGP:             {"BGP"},
	facts.Probing:         {"Probe"},
	facts.Streaming:       {"Streams"},
	facts.HelmReleases:    {"HelmReleases", "Uses", "Elsewhere"},
	facts.Controllers:     {"Controllers"},
	facts.Kustomizations:  {"Kustomizations"},
	facts.FluxAPIs:        {"FluxAPIs"},
	facts.Identity:        {"UID"},
	facts.Sources:         {"Sources"},
	facts.Fields:          {"Fields"},
	facts.Intended:        {"Intent"},
	facts.Health:          {"Health"},
	facts.Relay:           {"Relays"},
	facts.Tunnels:         {"Tunnels"},
	facts.Targets:         {"Scraping"},
	facts.Issuers:         {"Issuers"},
	facts.Fetches:         {"Fetches"},
	facts.Fetching:        {"Fetching"},
	facts.Mirrors:         {"Mirrored"},
	facts.Issuing:         {"Issuance"},
	facts.Tree:            {}, // facts.Git, as a whole
}

// masked is f with nothing left of what was seen but those parts.
func masked(f facts.Facts, parts []facts.Part) facts.Facts {
	out := reflect.New(reflect.TypeFor[facts.Live]()).Elem()
	for _, part := range parts {
		for _, field := range fields[part] {
			out.FieldByName(field).Set(reflect.ValueOf(f.Live).FieldByName(field))
		}
	}
	f.Live = out.Interface().(facts.Live)
	f.Seen = parts
	if !slices.Contains(parts, facts.Tree) {
		f.Git = nil
	}
	return f
}

func TestEveryFieldOfLiveBelongsToOnePart(t *testing.T) {
	seen := map[string]facts.Part{}
	for part, names := range fields {
		for _, name := range names {
			if other, twice := seen[name]; twice {
				t.Errorf("%s belongs to %s and to %s", name, part, other)
			}
			seen[name] = part
		}
	}
	for i := range reflect.TypeFor[facts.Live]().NumField() {
		if name := reflect.TypeFor[facts.Live]().Field(i).Name; seen[name] == "" {
			t.Errorf("facts.Live.%s belongs to no part", name)
		}
	}
	for _, c := range check.All() {
		for _, part := range c.Needs {
			if _, known := fields[part]; !known {
				t.Errorf("%s needs %s: say where that stands in the facts", c.ID, part)
			}
		}
	}
}

var (
	idText    = regexp.MustCompile(`^CG([1-9]|1[0-9])[0-9]{2}$`)
	sentence  = regexp.MustCompile(`^\S.*[^.\s]$`)
	paragraph = regexp.MustCompile(`(?s)^[A-Z` + "`" + `0-9a-z].*[.)]$`)
)

func TestRowsAreComplete(t *testing.T) {
	features := fleet.Default().Features
	seen := map[check.ID]bool{}
	titles := map[string]check.ID{}
	for _, c := range check.All() {
		if !idText.MatchString(string(c.ID)) || seen[c.ID] {
			t.Errorf("%q is no ID, or is used twice", c.ID)
			continue
		}
		seen[c.ID] = true
		if digits := string(c.ID)[2:]; c.AC != "AC-"+digits[:len(digits)-2] {
			t.Errorf("%s belongs to %s: its hundreds say otherwise", c.ID, c.AC)
		}
		if titles[c.Title] != "" {
			t.Errorf("%s has the title of %s", c.ID, titles[c.Title])
		}
		titles[c.Title] = c.ID
		if !slices.Contains(check.Phases(), c.Phase) {
			t.Errorf("%s: %q is no phase", c.ID, c.Phase)
		}
		if !sentence.MatchString(c.Title) || !strings.Contains(c.Title, " ") || strings.Contains(c.Title, "\n") {
			t.Errorf("%s: title %q is not one sentence without a full stop", c.ID, c.Title)
		}
		for what, text := range map[string]string{"hint": c.Hint, "about": c.About} {
			if !paragraph.MatchString(text) {
				t.Errorf("%s: %s %q is not a paragraph", c.ID, what, text)
			}
		}
		if !strings.HasPrefix(c.Manual, "kubectl ") && !strings.HasPrefix(c.Manual, "helm ") {
			t.Errorf("%s: manual %q is not a command", c.ID, c.Manual)
		}
		if c.Judge == nil || len(c.Needs) == 0 {
			t.Errorf("%s judges nothing", c.ID)
		}
		if _, known := features[c.Feature]; c.Feature != "" && !known {
			t.Errorf("%s: no fleet knows the feature %q", c.ID, c.Feature)
		}
	}
	folders, err := filepath.Glob("testdata/CG*")
	if err != nil || len(folders) != len(seen) || len(seen) == 0 {
		t.Errorf("%d checks, and fixtures of %d: %v", len(seen), len(folders), err)
	}
}

func TestAllIsSortedByID(t *testing.T) {
	number := func(c check.Check) int {
		var n int
		if _, err := fmt.Sscanf(string(c.ID), "CG%d", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if !slices.IsSortedFunc(check.All(), func(a, b check.Check) int { return number(a) - number(b) }) {
		t.Error("not sorted")
	}
}

// TestEveryCheckHasFixtures wants of each check a case that passes and one that fails, and of each folder a check.
func TestEveryCheckHasFixtures(t *testing.T) {
	outcomes := map[check.ID]map[check.Outcome]bool{}
	for _, x := range fixtures(t) {
		if outcomes[x.id] == nil {
			outcomes[x.id] = map[check.Outcome]bool{}
		}
		outcomes[x.id][x.Want] = true
	}
	known := map[string]bool{"healthy.yaml": true, "fuzz": true}
	for _, c := range check.All() {
		known[string(c.ID)] = true
		// What only tells of trouble to come warns and never fails on what was seen.
		bad := check.Fail
		if c.ID == "CG106" || c.ID == "CG206" || c.ID == "CG503" || c.ID == "CG709" {
			bad = check.Warn
		}
		if !outcomes[c.ID][check.Pass] || !outcomes[c.ID][bad] {
			t.Errorf("%s: write testdata/%s/fail.yaml and, where it does not pass on a healthy cluster, pass.yaml; see %s", c.ID, c.ID, healthyFile)
		}
	}
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("testdata/%s belongs to no check: IDs are never reused, and never renamed", e.Name())
		}
	}
}

func TestSameVerdictOnWhatACheckNeeds(t *testing.T) {
	for _, x := range fixtures(t) {
		c := byID(t, x.id)
		same(t, x.file+" masked to its needs", run(c, x.facts), run(c, masked(x.facts, c.Needs)))
	}
}

func TestEveryNeedIsNeeded(t *testing.T) {
	all := fixtures(t)
	for _, c := range check.All() {
		for i, part := range c.Needs {
			others := slices.Delete(slices.Clone(c.Needs), i, i+1)
			if !slices.ContainsFunc(all, func(x fixture) bool {
				return x.id == c.ID && len(x.facts.Blind)+len(x.facts.Declined) == 0 &&
					!reflect.DeepEqual(run(c, x.facts), run(c, masked(x.facts, others)))
			}) {
				t.Errorf("%s says that it needs %s, but no fixture shows that it does", c.ID, part)
			}
		}
	}
}

func TestSameVerdictInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(24, 7))
	for _, x := range fixtures(t)[len(check.All())-1:] { // the healthy cluster once
		checks := check.All()
		straight := map[check.ID]check.Verdict{}
		for _, v := range check.Run(x.facts, checks) {
			straight[v.Check] = v
		}
		random.Shuffle(len(checks), func(i, j int) { checks[i], checks[j] = checks[j], checks[i] })
		for _, v := range check.Run(shuffled(x.facts, random), checks) {
			same(t, fmt.Sprintf("%s, %s in another order", x.file, v.Check), sorted(straight[v.Check]), sorted(v))
		}
	}
}

// shuffled is f with every list of Live in another order.
func shuffled(f facts.Facts, random *rand.Rand) facts.Facts {
	live := reflect.ValueOf(&f.Live).Elem()
	for i := range live.NumField() {
		if list := live.Field(i); list.Kind() == reflect.Slice {
			list.Set(reflect.AppendSlice(reflect.Zero(list.Type()), list))
			random.Shuffle(list.Len(), reflect.Swapper(list.Interface()))
		}
	}
	return f
}

// sorted is v with its evidence in a fixed order: lists that are recorded are sorted already.
func sorted(v check.Verdict) check.Verdict {
	v.Evidence = slices.Clone(v.Evidence)
	slices.SortFunc(v.Evidence, func(a, b check.Evidence) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return v
}

func same(t *testing.T, what string, want, got check.Verdict) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func TestNothingPassesUnseen(t *testing.T) {
	base := healthy(t)
	const why = `forbidden: User "viewer" cannot list resource`
	for _, c := range check.All() {
		for _, part := range c.Needs {
			f := base
			f.Blind = map[facts.Part]string{part: why}
			v := run(c, f)
			if v.Outcome != check.Unknown || !strings.Contains(v.Reason, string(part)) ||
				!slices.Contains(v.Evidence, check.Evidence{Where: string(part), Got: why}) {
				t.Errorf("%s, blind to %s: %+v", c.ID, part, v)
			}
			f.Declined = map[facts.Part]string{part: "--no-exec"}
			if v := run(c, f); v.Outcome != check.Skip || !strings.Contains(v.Reason, "--no-exec") {
				t.Errorf("%s, %s declined: %+v", c.ID, part, v)
			}
			if c.Feature == "" {
				continue
			}
			f.Declined = nil
			f.Expect.Features = map[string]string{c.Feature: fleet.Off}
			if v := run(c, f); v.Outcome != check.Skip || !strings.Contains(v.Reason, c.Feature) {
				t.Errorf("%s, blind to %s, but %s is off: %+v", c.ID, part, c.Feature, v)
			}
		}
		f := base
		f.Blind = map[facts.Part]string{}
		for part := range fields {
			if !slices.Contains(c.Needs, part) {
				f.Blind[part] = why
			}
		}
		same(t, fmt.Sprintf("%s, blind to what it does not need", c.ID), run(c, base), run(c, f))
	}
}

func TestNeeds(t *testing.T) {
	all := check.Needs(check.All(), nil)
	if !slices.IsSorted(all) || !slices.Contains(all, facts.BGP) || !slices.Contains(all, facts.Pods) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("all checks together need %v", all)
	}
	off := check.Needs(check.All(), map[string]string{"bgp": fleet.Off, "wireguard": fleet.Required})
	if slices.Contains(off, facts.BGP) || !slices.Contains(off, facts.Agents) {
		t.Errorf("without BGP: %v", off)
	}
}

// TestWhatWasNeverAskedForIsUnknown takes one part at a time out of what a recording has seen.
func TestWhatWasNeverAskedForIsUnknown(t *testing.T) {
	for _, c := range check.All() {
		for _, part := range c.Needs {
			f := healthy(t)
			f.Seen = slices.DeleteFunc(slices.Clone(f.Seen), func(p facts.Part) bool { return p == part })
			v := run(c, f)
			if v.Outcome != check.Unknown || len(v.Evidence) != 1 || v.Evidence[0].Where != string(part) {
				t.Errorf("%s without %s: %s %+v", c.ID, part, v.Outcome, v.Evidence)
			}
		}
	}
}

// TestNothingPassesOnNothing judges a cluster that was seen and is empty: no check has a reason to pass.
func TestNothingPassesOnNothing(t *testing.T) {
	f := healthy(t)
	f.Live, f.Git = facts.Live{}, nil
	for _, v := range check.Run(f, check.All()) {
		if v.Outcome == check.Pass && v.Check != "CG110" { // no kube-proxy is no kube-proxy
			t.Errorf("%s passes on an empty cluster: %s", v.Check, v.Reason)
		}
	}
	for name := range f.Expect.Features {
		f.Expect.Features[name] = fleet.Optional
	}
	for _, v := range check.Run(f, check.All()) {
		if v.Outcome == check.Pass && v.Check != "CG110" {
			t.Errorf("%s passes on an empty cluster where all is optional: %s", v.Check, v.Reason)
		}
	}
	check.Run(facts.Facts{}, check.All()) // no panic
}

// TestOneFieldGone empties each field of the healthy facts in turn, in every element of every list: no judge panics.
func TestOneFieldGone(t *testing.T) {
	f := healthy(t)
	n := 0
	var each func(v reflect.Value)
	each = func(v reflect.Value) {
		_, isTime := v.Interface().(time.Time)
		if v.CanSet() && !v.IsZero() && (isTime || v.Kind() != reflect.Struct) {
			was := reflect.New(v.Type()).Elem()
			was.Set(v)
			v.SetZero()
			for _, verdict := range check.Run(f, check.All()) {
				if verdict.Reason == "" {
					t.Errorf("%s gives no reason", verdict.Check)
				}
			}
			v.Set(was)
			n++
		}
		if isTime {
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				each(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				each(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				each(v.Index(i))
			}
		}
	}
	each(reflect.ValueOf(&f).Elem())
	if n < 1900 {
		t.Errorf("only %d fields were emptied", n)
	}
}

// FuzzJudge removes and changes fields of the healthy cluster: no judge panics, and none speaks without a reason.
func FuzzJudge(f *testing.F) {
	f.Add("/live/pods/0/containers", []byte("null"))
	f.Add("/live/config/data/cluster-name", []byte(`"\\xff(["`))
	f.Add("/live/daemonSets/0/images/0", []byte(`"quay.io:5000/cilium/cilium:v999999999999999999999.1.1"`))
	f.Add("/live/settings/data/SERVICE_CIDR", []byte(`"[null]"`))
	f.Add("/live/nodes/0/podCIDRs/0", []byte(`"::/0"`))
	f.Add("/live/release/values", []byte(`{"hubble":{"relay":[]}}`))
	f.Fuzz(func(t *testing.T, path string, value []byte) {
		if !strings.HasPrefix(path, "/") {
			return
		}
		var to any
		if err := yaml.Unmarshal(value, &to); err != nil {
			return
		}
		doc, err := operation{Op: "replace", Path: path, Value: to}.apply(healthyDoc(t))
		if err != nil {
			return
		}
		changed, err := decode(doc)
		if err != nil {
			return
		}
		for _, v := range check.Run(changed, check.All()) {
			if v.Reason == "" || v.Outcome > check.Skip && len(v.Evidence) == 0 {
				t.Errorf("%s says %s for no reason", v.Check, v.Outcome)
			}
		}
	})
}
