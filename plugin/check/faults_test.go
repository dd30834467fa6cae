package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// spoil puts text behind every text of a document that may be anybody's: times are left alone, and where key is not
// empty all but the texts of that name.
func spoil(v any, at, key, text string) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = spoil(v[name], name, key, text)
		}
	case []any:
		for i := range v {
			v[i] = spoil(v[i], at, key, text)
		}
	case string:
		if !strings.HasPrefix(v, "20") && (key == "" || key == at) {
			return v + text
		}
	}
	return v
}

// TestFault_R15_HostileText judges a recording whose every text is hostile: what comes out is neutralised, and bounded.
func TestFault_R15_HostileText(t *testing.T) {
	var result faultproxy.Result
	for name, c := range map[string]struct {
		text, key, shown string
		verdicts         int // that show it, at least
	}{
		"a terminal's escapes":        {"\x1b[2J", "", `\x1b[2J`, 5},
		"a terminal's title":          {"\x1b]0;owned\x07", "", `\x1b]0;owned\x07`, 5},
		"a control of eight bits":     {"\u009b31m", "", `\x9b31m`, 5},
		"a carriage return":           {"\rall is well", "", `\x0dall is well`, 5},
		"a bidirectional override":    {"\u202e", "", `\u202e`, 5},
		"an isolate that is not left": {"\u2066", "", `\u2066`, 5},
		"a line separator":            {"\u2028", "", `\u2028`, 5},
		"messages of a megabyte":      {strings.Repeat("m", 1<<20), "message", "bytes in all)", 1},
	} {
		doc := healthyDoc(t)
		spoil(doc["live"], "", c.key, c.text)
		doc["context"] = "infra" + c.text[:1]
		shown := 0
		for _, v := range check.Run(toFacts(t, doc), check.All()) {
			text := fmt.Sprintf("%v", v)
			if strings.ContainsAny(text, "\x1b\x07\r\u202e\u2066\u2028\u009b") {
				t.Errorf("%s: %s lets it through: %q", name, v.Check, text)
			}
			if longest := (len(v.Evidence)*3 + 1) * (facts.MaxText + 1<<10); len(text) > longest {
				t.Errorf("%s: %s says %d bytes", name, v.Check, len(text))
			}
			if strings.Contains(text, c.shown) {
				shown++
			}
		}
		if shown < c.verdicts {
			t.Errorf("%s: only %d verdicts show what was there: the test shows nothing", name, shown)
		}
		result.Add(name, "neutralised, bounded")
	}
	result.Keep(t, "plugin/check", "R15")
}

// TestFault_R23_CertificatesComeBack: Flux corrects the certificates that Helm makes, again and again. Verify names the
// Secrets and the rule that finds the line in Git; of a Flux that does not say what drifts, it says that Flux is at it.
func TestFault_R23_CertificatesComeBack(t *testing.T) {
	var result faultproxy.Result
	for file, named := range map[string]bool{"certificates-loop-fail": true, "correcting-fail": false} {
		x := readFixture(t, "testdata/CG203/"+file+".yaml")
		v := run(byID(t, x.id), x.facts)
		text := fmt.Sprint(v)
		if v.Outcome != check.Fail || !strings.Contains(v.Reason, "Flux corrects drift") {
			t.Errorf("%s: %+v", file, v)
		}
		if strings.Contains(text, "Secret/kube-system/hubble-server-certs") != named || strings.Contains(text, "CGL224") != named {
			t.Errorf("%s: %+v", file, v)
		}
		if strings.Contains(v.Reason, "come back for ever") != named {
			t.Errorf("%s: %s", file, v.Reason)
		}
		if !strings.Contains(byID(t, x.id).Hint, "CGL224") {
			t.Errorf("the hint does not name the rule: %s", byID(t, x.id).Hint)
		}
		result.Add(map[bool]string{true: "Drifted=True of Hubble's Secrets", false: "drift is corrected, by a Flux that does not say of what"}[named],
			map[bool]string{true: "CG203 fails, names the Secrets and CGL224", false: "CG203 fails, names the correction"}[named])
	}
	result.Keep(t, "plugin/check", "R23")
}
