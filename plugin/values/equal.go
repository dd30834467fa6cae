package values

import (
	"encoding/json"
	"math/big"
)

// Equal tells whether two values are the same to Helm: maps and lists by what they hold, numbers by their value
// however they were decoded, anything else by type and value. The empty map and no map are different.
func Equal(a, b any) bool {
	a, b = plain(a), plain(b)
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalMaps(a, b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	x, isNumber := number(a)
	if y, both := number(b); isNumber && both {
		return x.Cmp(y) == 0
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}

func equalMaps(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for key := range a {
		if _, ok := b[key]; !ok || !Equal(a[key], b[key]) {
			return false
		}
	}
	return true
}

// plain makes a Tree the map that it is.
func plain(v any) any {
	if t, ok := v.(Tree); ok {
		return map[string]any(t)
	}
	return v
}

// number is v exactly, where it is one.
func number(v any) (*big.Rat, bool) {
	switch n := v.(type) {
	case float64:
		r := new(big.Rat).SetFloat64(n)
		return r, r != nil
	case float32:
		r := new(big.Rat).SetFloat64(float64(n))
		return r, r != nil
	case int:
		return new(big.Rat).SetInt64(int64(n)), true
	case int32:
		return new(big.Rat).SetInt64(int64(n)), true
	case int64:
		return new(big.Rat).SetInt64(n), true
	case uint64:
		return new(big.Rat).SetInt(new(big.Int).SetUint64(n)), true
	case json.Number:
		return new(big.Rat).SetString(n.String())
	}
	return nil, false
}
