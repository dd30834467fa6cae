package live

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// telling is the length from which a Secret's text is looked for wherever it stands: shorter ones stand there by chance.
const telling = 6

// plainKeys are keys of cilium-config whose values are no secret, though a Secret may have brought them: checks compare
// them with the release's values.
var plainKeys = []string{
	"cluster-name", "cluster-id", "routing-mode", "tunnel-protocol", "ipam", "kube-proxy-replacement", "datapath-mode", "policy-default-local-cluster",
	"ipv4-native-routing-cidr", "ipv6-native-routing-cidr", "cluster-pool-ipv4-cidr", "prometheus-serve-addr", "bpf-lb-mode", "bpf-lb-acceleration",
}

// secretive masks in the release's values, and in cilium-config, what valuesFrom Secrets of its HelmRelease brought: by
// their paths, and by their texts wherever they stand. Where such a Secret may not be read, every value is masked that the
// HelmRelease's inline values do not explain, and that is no word of the chart's own.
func (g *gatherer) secretive(ctx context.Context) {
	release := g.facts.Live.Release
	if release == nil || g.supplied == nil {
		return
	}
	if !slices.Contains(g.options.Parts, facts.HelmReleases) {
		_ = g.each(ctx, helmReleaseResource, g.composes) // who may not list them is told so by their own part
	}
	words := g.words(release.Defaults)
	for _, hr := range g.composers {
		known, dark := g.brought(ctx, hr, words)
		m := masking{words: words, texts: known.texts, dark: dark}
		release.Values = m.tree(g.supplied, release.Values, known.marks, inlineOf(hr))
		g.coverConfig(m)
	}
}

// composes keeps a HelmRelease that manages Cilium's release and takes values from Secrets.
func (g *gatherer) composes(o *unstructured.Unstructured) error {
	var hr helmv2.HelmRelease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &hr); err != nil {
		return nil // its own part says so
	}
	secret := slices.ContainsFunc(hr.Spec.ValuesFrom, func(r helmv2.ValuesReference) bool { return r.Kind == "Secret" })
	if e := g.options.Expect; secret && (hr.GetReleaseName() == e.Cilium.Release || hr.Name == e.Flux.HelmRelease) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.composers = append(g.composers, &hr)
	}
	return nil
}

func inlineOf(hr *helmv2.HelmRelease) map[string]any {
	var tree map[string]any
	if hr.Spec.Values == nil || json.Unmarshal(hr.Spec.Values.Raw, &tree) != nil {
		return nil
	}
	return tree
}

// words are the texts that are no secret wherever they come from.
func (g *gatherer) words(defaults values.Tree) map[string]bool {
	all := map[string]bool{"true": true, "false": true, "": true}
	if c := g.facts.Live.Config; c != nil {
		for _, key := range plainKeys {
			all[c.Data[key]] = true
		}
	}
	eachText(map[string]any(defaults), func(s string) { all[s] = true })
	delete(all, facts.Redacted)
	return all
}

// told is what Secrets brought: texts, and a tree whose leaves mark the paths.
type told struct {
	texts []string
	marks map[string]any
}

// brought reads the Secrets that a HelmRelease takes values from; dark tells that one may not be read.
func (g *gatherer) brought(ctx context.Context, hr *helmv2.HelmRelease, words map[string]bool) (known told, dark bool) {
	known.marks = map[string]any{}
	learn := func(s string) {
		for _, text := range append(strings.Split(s, "\n"), s) {
			if text = strings.TrimSpace(text); len(text) >= telling && !words[text] {
				known.texts = append(known.texts, text)
			}
		}
	}
	for _, ref := range hr.Spec.ValuesFrom {
		if ref.Kind != "Secret" {
			continue
		}
		secret, err := g.core.Secrets(hr.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			dark = dark || !apierrors.IsNotFound(err)
			continue
		}
		data := secret.Data[ref.GetValuesKey()]
		if ref.TargetPath != "" {
			learn(string(data))
			mark(known.marks, ref.TargetPath)
			continue
		}
		var tree map[string]any
		if yaml.Unmarshal(data, &tree) != nil {
			dark = true // helm-controller cannot read it either, now
			continue
		}
		eachText(tree, learn)
		known.marks, _ = merged(known.marks, tree).(map[string]any)
	}
	return known, dark
}

// mark marks a path as helm's --set has it; what is in a list marks the list.
func mark(tree map[string]any, path string) {
	path, _, _ = strings.Cut(strings.ReplaceAll(path, `\.`, "\x00"), "[")
	keys := strings.Split(path, ".")
	for i, key := range keys {
		key = strings.ReplaceAll(key, "\x00", ".")
		below, isMap := tree[key].(map[string]any)
		if i == len(keys)-1 {
			tree[key] = true
			return
		}
		if !isMap {
			below = map[string]any{}
			tree[key] = below
		}
		tree = below
	}
}

func merged(a, b any) any {
	one, isMap := a.(map[string]any)
	other, areMaps := b.(map[string]any)
	if !isMap || !areMaps {
		return b
	}
	for key, v := range other {
		one[key] = merged(one[key], v)
	}
	return one
}

func eachText(v any, do func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, below := range v {
			eachText(below, do)
		}
	case []any:
		for _, below := range v {
			eachText(below, do)
		}
	case string:
		do(v)
	}
}

// masking masks values.
type masking struct {
	words map[string]bool
	texts []string
	dark  bool // what nothing explains is masked
}

// tree is redacted, with what plain has of Secrets masked as well.
func (m masking) tree(plain, redacted values.Tree, marks, inline map[string]any) values.Tree {
	out, _ := m.value(map[string]any(plain), map[string]any(redacted), marks, inline, false).(map[string]any)
	return out
}

func (m masking) value(plain, redacted, marks, inline any, marked bool) any {
	switch p := plain.(type) {
	case map[string]any:
		r, _ := redacted.(map[string]any)
		k, isMap := marks.(map[string]any)
		i, _ := inline.(map[string]any)
		out := make(map[string]any, len(p))
		for key := range p {
			below, here := k[key]
			out[key] = m.value(p[key], r[key], below, i[key], marked || here && !isTree(below) || marks != nil && !isMap)
		}
		return out
	case []any:
		r, _ := redacted.([]any)
		i, _ := inline.([]any)
		_, list := marks.([]any)
		out := make([]any, len(p))
		for n := range p {
			var red, in any
			if n < len(r) {
				red = r[n]
			}
			if n < len(i) {
				in = i[n]
			}
			out[n] = m.value(p[n], red, nil, in, marked || list)
		}
		return out
	case bool, nil:
		return redacted
	}
	if redacted == facts.Redacted || m.secret(plain, inline, marked) {
		return facts.Redacted
	}
	return redacted
}

func isTree(v any) bool {
	_, is := v.(map[string]any)
	return is
}

// secret tells whether a value is a Secret's.
func (m masking) secret(plain, inline any, marked bool) bool {
	text, isText := plain.(string)
	if n, isNumber := plain.(float64); isNumber {
		text = strconv.FormatFloat(n, 'f', -1, 64)
	}
	switch {
	case m.words[text]:
		return false
	case isText && m.holds(text):
		return true
	case inline != nil && reflect.DeepEqual(plain, inline):
		return false
	}
	return marked || m.dark
}

// holds tells whether a text has one of a Secret's in it.
func (m masking) holds(text string) bool {
	return slices.ContainsFunc(m.texts, func(secret string) bool { return strings.Contains(text, secret) })
}

// coverConfig masks in cilium-config what holds a Secret's text.
func (g *gatherer) coverConfig(m masking) {
	c := g.facts.Live.Config
	if c == nil {
		return
	}
	for key, text := range c.Data {
		if !m.words[text] && m.holds(text) {
			c.Data[key] = facts.Redacted
		}
	}
}
