package facts

import (
	"strconv"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Level makes alike what of two trees cannot be compared, and says where that is: at a path where both have a secret
// and at least one of the two was recorded without it. A secret beside a value that is none stays a difference: Redact
// judges both by the same key. Neither argument is changed.
func Level(a, b values.Tree) (x, y values.Tree, hidden []values.Path) {
	l := leveller{}
	p, q := l.maps("", a, Redact(a), b, Redact(b))
	return p, q, l.hidden
}

type leveller struct{ hidden []values.Path }

func (l *leveller) maps(path values.Path, a, redactedA, b, redactedB map[string]any) (x, y map[string]any) {
	x, y = make(map[string]any, len(a)), make(map[string]any, len(b))
	for key, v := range a {
		x[key] = v
	}
	for key, v := range b {
		y[key] = v
		if was, both := a[key]; both {
			x[key], y[key] = l.value(path.Child(key), was, redactedA[key], v, redactedB[key])
		}
	}
	return x, y
}

func (l *leveller) value(path values.Path, a, redactedA, b, redactedB any) (x, y any) {
	if redactedA == Redacted && redactedB == Redacted && (a == Redacted || b == Redacted) {
		l.hidden = append(l.hidden, path)
		return Redacted, Redacted
	}
	p, isMap := a.(map[string]any)
	q, both := b.(map[string]any)
	if isMap && both {
		redactedP, _ := redactedA.(map[string]any)
		redactedQ, _ := redactedB.(map[string]any)
		return l.maps(path, p, redactedP, q, redactedQ)
	}
	list, isList := a.([]any)
	other, both := b.([]any)
	if !isList || !both || len(list) != len(other) {
		return a, b
	}
	redactedList, _ := redactedA.([]any)
	redactedOther, _ := redactedB.([]any)
	out, outOther := make([]any, len(list)), make([]any, len(list))
	for i := range list {
		out[i], outOther[i] = l.value(path.Child(strconv.Itoa(i)), list[i], redactedList[i], other[i], redactedOther[i])
	}
	return out, outOther
}
