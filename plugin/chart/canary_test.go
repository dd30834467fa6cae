package chart

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// blobs are runs of base64 that may hold something.
var blobs = regexp.MustCompile(`[A-Za-z0-9+/]{16,}={0,2}`)

// leaks are the ways in which a secret stands in a text: as it is, encoded, and packed, within one another.
func leaks(text, secret string, depth int) []string {
	var out []string
	for how, form := range map[string]string{
		"raw": secret, "quoted": strings.Trim(fmt.Sprintf("%q", secret), `"`), "hex": hex.EncodeToString([]byte(secret)),
		"escaped": url.QueryEscape(secret),
	} {
		if strings.Contains(text, form) {
			out = append(out, how)
		}
	}
	for shift := range 3 { // base64 looks otherwise where the secret does not begin a group
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		inner := whole[(shift*8+5)/6 : len(whole)-4]
		if strings.Contains(text, inner) {
			out = append(out, fmt.Sprintf("base64, %d in", shift))
		}
	}
	if depth == 0 {
		return out
	}
	for _, run := range blobs.FindAllString(text, -1) {
		packed, err := base64.StdEncoding.DecodeString(run)
		if err != nil {
			continue
		}
		zip, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			continue
		}
		plain, _ := io.ReadAll(io.LimitReader(zip, 1<<20))
		out = append(out, leaks(string(plain), secret, depth-1)...)
	}
	return out
}

// TestLeaksAreFound: the search itself finds what it is for.
func TestLeaksAreFound(t *testing.T) {
	inside := []byte("password: " + canary)
	for name, text := range map[string]string{
		"raw": canary, "base64": base64.StdEncoding.EncodeToString([]byte(canary)), "base64 of a line": base64.StdEncoding.EncodeToString(inside),
		"gzip": string(packed(t, inside)), "hex": hex.EncodeToString(inside),
	} {
		if len(leaks("before "+text+" after", canary, 2)) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
	if got := leaks("nothing to be seen here", canary, 2); len(got) > 0 {
		t.Errorf("found %v in nothing", got)
	}
}

// TestFault_R19_Canaries: a secret, wherever it comes from, is in nothing that leaves the package, however a chart handles it.
func TestFault_R19_Canaries(t *testing.T) {
	var result faultproxy.Result
	const fine = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: leak}\ndata:\n"
	tight := map[string]int{} // how often a secret is redacted that the chart keeps to itself
	rendered := func(from, folder string) (*facts.Rendered, error) {
		v := withKey(canary)
		s := newSession(deployed(t, v, facts.ServerSide))
		if from == "the values" {
			s = newSession(newCluster())
			s.Masker.Learn(v, facts.Redact(v))
		}
		return s.Render(t.Context(), Want{Release: helmRelease(map[string]any{}), Values: v, Chart: folder})
	}
	for _, from := range []string{"the release", "the values"} {
		r, err := rendered(from, withLeak(t, "", ""))
		if err != nil {
			t.Fatalf("without a template that lets it out: %v", err)
		}
		tight[from] = strings.Count(asJSON(t, r), "redacted")
	}
	for name, c := range map[string]struct{ template, schema string }{
		"said in a failure":            {template: `{{ fail (printf "bad key %s" .Values.tls.ca.key) }}`},
		"encoded in a failure":         {template: `{{ fail (b64enc .Values.tls.ca.key) }}`},
		"a tree in a failure":          {template: `{{ fail (toYaml .Values) }}`},
		"a tree as JSON in a failure":  {template: `{{ fail (toJson .Values.tls) }}`},
		"an encoded tree in a failure": {template: `{{ fail (b64enc (toYaml .Values.tls)) }}`},
		"quoted in a failure":          {template: `{{ fail (quote .Values.tls.ca.key) }}`},
		"asked for by a wrong name":    {template: `{{ index .Values .Values.tls.ca.key "x" }}`},
		"taken for a number":           {template: `{{ add1 (atoi .Values.tls.ca.key) }}{{ .Values.tls.ca.key.x }}`},
		"not YAML":                     {template: "a: b: {{ .Values.tls.ca.key }}: ["},
		"a template of its own":        {template: `{{ tpl (printf "{{ %s }}" .Values.tls.ca.key) . }}`},
		"refused by a schema":          {schema: `{"properties": {"tls": {"properties": {"ca": {"properties": {"key": {"enum": ["x"]}}}}}}}`},
		"refused by a pattern":         {schema: `{"properties": {"tls": {"properties": {"ca": {"properties": {"key": {"pattern": "^x$"}}}}}}}`},
		"in a ConfigMap":               {template: fine + `  a: {{ .Values.tls.ca.key }}`},
		"in a line":                    {template: fine + `  a: "key={{ .Values.tls.ca.key }};"`},
		"encoded":                      {template: fine + `  a: {{ b64enc .Values.tls.ca.key }}`},
		"a line of it encoded":         {template: fine + `  a: {{ printf "key=%s" .Values.tls.ca.key | b64enc }}`},
		"a tree encoded":               {template: fine + `  a: {{ toYaml .Values.tls | b64enc }}`},
		"a whole file":                 {template: fine + "  a: |\n{{ toYaml .Values | indent 4 }}"},
		"as a name":                    {template: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.tls.ca.key }}}"},
		"as a key":                     {template: fine + `  {{ .Values.tls.ca.key }}: a`},
		"as a kind":                    {template: "apiVersion: v1\nkind: {{ .Values.tls.ca.key }}\nmetadata: {name: leak}"},
	} {
		folder := withLeak(t, c.template, c.schema)
		for from := range tight {
			r, err := rendered(from, folder)
			text := asJSON(t, r)
			if got := leaks(fmt.Sprint(err)+"\n"+text, canary, 2); len(got) > 0 {
				t.Errorf("%s, from %s: %v in %.300s", name, from, got, fmt.Sprint(err))
			}
			outcome := "rendered, no canary"
			if fails := !strings.HasPrefix(c.template, "apiVersion"); fails {
				outcome = "an error, no canary"
				if err == nil || !strings.Contains(err.Error(), "cilium/templates/leak.yaml") && !strings.Contains(err.Error(), "the specifications of the schema") {
					t.Errorf("%s, from %s: not refused for what it does: %v", name, from, err)
				}
			} else if n := strings.Count(text, "redacted"); err != nil || n <= tight[from] {
				t.Errorf("%s, from %s: the secret is redacted %d times, %d without the template: %v", name, from, n, tight[from], err)
			}
			result.Add("a canary from "+from+", in a chart that lets it out", outcome)
		}
	}
	result.Keep(t, "plugin/chart", "R19")
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withLeak is the fixture in a folder, with one more template and another schema.
func withLeak(t *testing.T, template, schema string) string {
	t.Helper()
	c := fixture(t)
	if template != "" {
		c.Templates = append(c.Templates, &common.File{Name: "templates/leak.yaml", Data: []byte(template)})
	}
	if schema != "" {
		c.Schema = []byte(schema)
	}
	dir := t.TempDir()
	if err := chartutil.SaveDir(c, dir); err != nil {
		t.Fatal(err)
	}
	return dir + "/cilium"
}
