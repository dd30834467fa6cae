package check_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// operation is one of RFC 6902: add, remove or replace, at a JSON pointer.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// apply makes one operation on a document of maps, lists and scalars. As in RFC 6902 it is an error to remove or
// replace what is not there.
func (o operation) apply(doc any) (any, error) {
	var keys []string
	for _, key := range strings.Split(o.Path, "/")[1:] {
		keys = append(keys, strings.NewReplacer("~1", "/", "~0", "~").Replace(key))
	}
	if len(keys) == 0 || !slices.Contains([]string{"add", "remove", "replace"}, o.Op) {
		return nil, fmt.Errorf("%s %q: not an operation", o.Op, o.Path)
	}
	out, err := o.at(doc, keys)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", o.Op, o.Path, err)
	}
	return out, nil
}

func (o operation) at(doc any, keys []string) (any, error) {
	switch v := doc.(type) {
	case map[string]any:
		return o.inMap(v, keys)
	case []any:
		return o.inList(v, keys)
	}
	return nil, fmt.Errorf("nothing can be below %v", doc)
}

func (o operation) inMap(m map[string]any, keys []string) (any, error) {
	key := keys[0]
	below, there := m[key]
	if !there && (len(keys) > 1 || o.Op != "add") {
		return nil, fmt.Errorf("no %q", key)
	}
	if len(keys) > 1 {
		changed, err := o.at(below, keys[1:])
		m[key] = changed
		return m, err
	}
	if o.Op == "remove" {
		delete(m, key)
		return m, nil
	}
	m[key] = o.Value
	return m, nil
}

func (o operation) inList(list []any, keys []string) (any, error) {
	if keys[0] == "-" && len(keys) == 1 && o.Op == "add" {
		return append(list, o.Value), nil
	}
	i, err := strconv.Atoi(keys[0])
	if err != nil || i < 0 || i >= len(list) {
		return nil, fmt.Errorf("no element %q of %d", keys[0], len(list))
	}
	switch {
	case len(keys) > 1:
		list[i], err = o.at(list[i], keys[1:])
		return list, err
	case o.Op == "remove":
		return slices.Delete(list, i, i+1), nil
	case o.Op == "add":
		return slices.Insert(list, i, o.Value), nil
	}
	list[i] = o.Value
	return list, nil
}
