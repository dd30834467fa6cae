package chart

import (
	"crypto/tls"
	"strings"
	"testing"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// TestGeneratorsAreHelms: charts cannot tell ours from Helm's, neither by what they make nor by what they refuse.
func TestGeneratorsAreHelms(t *testing.T) {
	for name, text := range map[string]string{
		"self-signed": `{{ $c := genSelfSignedCert "a" (list "10.0.0.1") (list "a.b") 7 }}{{ $c.Cert }}|{{ $c.Key }}`,
		"signed":      `{{ $c := genSignedCert "a" nil (list "a.b") 7 (genCA "ca" 7) }}{{ $c.Cert }}|{{ $c.Key }}`,
		"a bad name":  `{{ genSelfSignedCert "a" (list "no address") nil 7 }}`,
		"a bad CA":    `{{ genSignedCert "a" nil nil 7 (buildCustomCert ("x" | b64enc) ("y" | b64enc)) }}`,
	} {
		t.Run(name, func(t *testing.T) {
			run := func(more template.FuncMap) (string, error) {
				var out strings.Builder
				err := template.Must(template.New("").Funcs(sprig.TxtFuncMap()).Funcs(more).Parse(text)).Execute(&out, nil)
				return out.String(), err
			}
			ours, err := run(generators())
			_, want := run(nil)
			if (err != nil) != (want != nil) {
				t.Fatalf("got error %v, Helm's %v", err, want)
			}
			if want != nil {
				return
			}
			cert, key, _ := strings.Cut(ours, "|")
			if _, err := tls.X509KeyPair([]byte(cert), []byte(key)); err != nil {
				t.Error(err)
			}
			again, err := run(generators())
			if other, otherKey, _ := strings.Cut(again, "|"); err != nil || other == cert || otherKey == key {
				t.Errorf("twice the same, or %v", err)
			}
		})
	}
}
