package chart

import (
	"encoding/base64"
	"strings"
	"unicode"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// forms are how a secret may stand in a text: as it is, and in base64, also where it is a part of what was encoded and
// begins anywhere in a group of three bytes. Of those, what depends on the bytes around it is left out.
func forms(secret string) []string {
	out := []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))}
	if len(secret) < wordy {
		return out // what is left of a short one stands in many texts by chance
	}
	for shift := range 3 {
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret + "xxx"))
		from, to := (shift*8+5)/6, (shift+len(secret))*8/6
		out = append(out, whole[from:to])
	}
	return out
}

// wordy is the length from which a text with a digit is taken for no word of Kubernetes'.
const wordy = 8

// name masks secrets in what objects and fields are called by. A secret that may be a word, as "template", is left: were
// it masked, what becomes of the object would be judged wrongly.
func (m *Masker) name(s string) string {
	for _, secret := range m.inside {
		if len(secret) >= wordy && strings.ContainsFunc(secret, unicode.IsDigit) && strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, m.mask(secret))
		}
	}
	return s
}

// named is o with what it is called by masked.
func (m *Masker) named(o facts.Object) facts.Object {
	o.APIVersion, o.Kind, o.Namespace, o.Name = m.name(o.APIVersion), m.name(o.Kind), m.name(o.Namespace), m.name(o.Name)
	return o
}

// around masks what stands beside the objects.
func (m *Masker) around(r *facts.Rendered) *facts.Rendered {
	for i := range r.Unknown {
		r.Unknown[i] = facts.RedactText(m.Text(r.Unknown[i]))
	}
	for i, h := range r.Hooks {
		r.Hooks[i].Kind, r.Hooks[i].Namespace, r.Hooks[i].Name = m.name(h.Kind), m.name(h.Namespace), m.name(h.Name)
	}
	r.ChartFrom = facts.RedactText(m.name(r.ChartFrom))
	return r
}
