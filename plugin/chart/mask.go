package chart

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// shortest is the length of a text that is worth looking for inside others.
const shortest = 6

// Masker puts a mask over secrets: the same over the same secret, another over another one, and none that tells
// anything. Its key lives as long as it does.
type Masker struct {
	key    []byte
	inside []string // texts to be masked wherever they stand, longest first
}

// NewMasker knows those trees' secrets: what facts.Redact would mask of them.
func NewMasker(trees ...values.Tree) *Masker {
	m := &Masker{key: make([]byte, sha256.Size)}
	_, _ = rand.Read(m.key) // never fails
	for _, t := range trees {
		m.Learn(t, facts.Redact(t))
	}
	return m
}

// Learn makes secret what redacted has masked of plain.
func (m *Masker) Learn(plain, redacted values.Tree) {
	m.learn(map[string]any(plain), map[string]any(redacted))
	m.sort()
}

// Secret makes every text below v a secret: what came from a Secret.
func (m *Masker) Secret(v any) {
	m.all(v)
	m.sort()
}

func (m *Masker) sort() {
	slices.SortFunc(m.inside, func(a, b string) int { return len(b) - len(a) })
	m.inside = slices.Compact(m.inside)
}

func (m *Masker) all(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, below := range v {
			m.all(below)
		}
	case []any:
		for _, below := range v {
			m.all(below)
		}
	case string:
		if len(v) >= shortest && v != facts.Redacted {
			m.inside = append(m.inside, forms(v)...)
		}
	}
}

// learn finds what the redacted tree has masked.
func (m *Masker) learn(plain, redacted any) {
	switch p := plain.(type) {
	case map[string]any:
		r, _ := redacted.(map[string]any)
		for key := range p {
			m.learn(p[key], r[key])
		}
	case []any:
		r, _ := redacted.([]any)
		for i := range min(len(p), len(r)) {
			m.learn(p[i], r[i])
		}
	case string:
		if redacted == facts.Redacted {
			m.all(p)
		}
	}
}

func (m *Masker) mask(text string) string {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(text))
	return "<redacted " + hex.EncodeToString(h.Sum(nil)[:4]) + ">"
}

// Text masks what of a text is a secret.
func (m *Masker) Text(s string) string {
	for _, secret := range m.inside {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, m.mask(secret))
		}
	}
	return s
}

// Error is err without secrets. What it wraps is lost.
func (m *Masker) Error(err error) error {
	if err == nil {
		return nil
	}
	text := facts.RedactText(m.Text(err.Error()))
	for _, kind := range []error{ErrRender, ErrNoChart, ErrRefused, ErrUnreachable} {
		if errors.Is(err, kind) {
			return &maskedError{text, kind}
		}
	}
	return errors.New(text)
}

type maskedError struct {
	text string
	kind error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.kind }

// Tree is t masked.
func (m *Masker) Tree(t values.Tree) values.Tree {
	if t == nil {
		return nil
	}
	out, _ := m.value(map[string]any(t), map[string]any(facts.Redact(t))).(map[string]any)
	return out
}

func (m *Masker) value(plain, redacted any) any {
	switch p := plain.(type) {
	case map[string]any:
		r, _ := redacted.(map[string]any)
		out := make(map[string]any, len(p))
		for key := range p {
			out[m.name(key)] = m.value(p[key], r[key])
		}
		return out
	case []any:
		r, _ := redacted.([]any)
		out := make([]any, len(p))
		for i := range p {
			if i < len(r) {
				out[i] = m.value(p[i], r[i])
			}
		}
		return out
	case string:
		if redacted == facts.Redacted {
			return m.mask(p)
		}
		return m.Text(p)
	}
	if redacted == facts.Redacted {
		return m.mask(values.Tree{"v": plain}.Text("v"))
	}
	return plain
}

// Object is o masked; of a Secret, all that it holds.
func (m *Masker) Object(o facts.Object) facts.Object {
	data, isSecret := o.Body["data"].(map[string]any)
	isSecret = isSecret && o.Kind == "Secret"
	o = m.named(o)
	o.Body = m.Tree(o.Body)
	if isSecret {
		masked := make(map[string]any, len(data))
		for key, v := range data {
			masked[key] = m.mask(values.Tree{"v": v}.Text("v"))
		}
		o.Body["data"] = masked
	}
	return o
}
