package fakeapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	jsonType     = "application/json"
	protobufType = "application/vnd.kubernetes.protobuf"
	// compressed is from which size on an API server compresses an answer, in bytes.
	compressed = 128 << 10
)

// answer is what a request is told, ready to be written.
type answer struct {
	code   int
	kind   string
	packed bool // by gzip
	body   []byte
}

// asked is where a path leads.
type asked struct {
	resource, namespace, name string
}

// parse takes a path apart: "/apis/apps/v1/namespaces/kube-system/deployments/cilium-operator".
func parse(path string) (asked, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	prefix := 2 // api/v1
	if parts[0] == "apis" {
		prefix = 3
	}
	if len(parts) <= prefix {
		return asked{}, false
	}
	group := strings.Join(parts[1:prefix], "/")
	rest := parts[prefix:]
	var a asked
	if rest[0] == "namespaces" && len(rest) > 2 {
		a.namespace, rest = rest[1], rest[2:]
	}
	a.resource = group + "/" + rest[0]
	if len(rest) > 1 {
		a.name = rest[1]
	}
	return a, len(rest) < 3
}

// Requests are all that it was asked, in their order.
func (c *Cluster) Requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// ServeHTTP answers as an API server does.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+r.URL.RequestURI())
	c.mu.Unlock()
	switch {
	case r.URL.Query().Get("watch") != "":
		c.watch(w, r)
		return
	case strings.HasSuffix(r.URL.Path, "/exec"):
		c.exec(w, r)
		return
	}
	given := c.answer(r)
	w.Header().Set("Content-Type", given.kind)
	if given.packed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(given.code)
	_, _ = w.Write(given.body)
}

// answer is made once for all who ask alike.
func (c *Cluster) answer(r *http.Request) answer {
	accept, packs := r.Header.Get("Accept"), strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	key := fmt.Sprint(r.URL.RequestURI(), " ", accept, packs)
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.answers[key]; ok {
		return known
	}
	made := c.make(r, accept)
	if packs && len(made.body) > compressed {
		var out bytes.Buffer
		zip, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		_, _ = zip.Write(made.body)
		_ = zip.Close()
		made.packed, made.body = true, out.Bytes()
	}
	c.answers[key] = made
	return made
}

// make is the answer; the lock is held.
func (c *Cluster) make(r *http.Request, accept string) answer {
	if r.Method != http.MethodGet {
		return failed(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed)
	}
	if r.URL.Path == "/version" {
		body, _ := json.Marshal(map[string]string{"gitVersion": c.version})
		return answer{code: http.StatusOK, kind: jsonType, body: body}
	}
	to, ok := parse(r.URL.Path)
	all, served := c.all[to.resource]
	if !ok || !served {
		return failed(http.StatusNotFound, metav1.StatusReasonNotFound)
	}
	partial := strings.Contains(accept, "as=PartialObjectMetadata")
	if to.name == "" {
		return encode(list(all, to, r, partial, c.serial), accept)
	}
	for _, o := range all.items {
		if m, _ := apimeta.Accessor(o); m.GetName() == to.name && m.GetNamespace() == to.namespace {
			if partial {
				o = reduced(o)
			}
			return encode(named(o, all), accept)
		}
	}
	return failed(http.StatusNotFound, metav1.StatusReasonNotFound)
}

// list is a page of what is selected.
func list(all *collection, to asked, r *http.Request, partial bool, serial int) runtime.Object {
	query := r.URL.Query()
	selector, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		selector = labels.Nothing()
	}
	kind, typed := strings.CutPrefix(query.Get("fieldSelector"), "type=")
	var items []runtime.Object
	for _, o := range all.items {
		m, _ := apimeta.Accessor(o)
		secret, _ := o.(*core.Secret)
		if to.namespace != "" && m.GetNamespace() != to.namespace || !selector.Matches(labels.Set(m.GetLabels())) ||
			typed && (secret == nil || string(secret.Type) != kind) {
			continue
		}
		if partial {
			o = reduced(o)
		}
		items = append(items, o)
	}
	from, _ := strconv.Atoi(query.Get("continue"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	end := len(items)
	next := ""
	if limit > 0 && from+limit < end {
		end = from + limit
		next = strconv.Itoa(end)
	}
	out := all.list()
	if partial {
		out = listOf[metav1.PartialObjectMetadataList]("meta.k8s.io/v1", "PartialObjectMetadataList")()
	}
	_ = apimeta.SetList(out, items[min(from, end):end])
	m, _ := apimeta.ListAccessor(out)
	m.SetContinue(next)
	m.SetResourceVersion(strconv.Itoa(serial))
	return out
}

func reduced(o runtime.Object) runtime.Object {
	m, _ := apimeta.Accessor(o)
	p := apimeta.AsPartialObjectMetadata(m)
	p.SetGroupVersionKind(groupVersionKind("meta.k8s.io/v1", "PartialObjectMetadata"))
	return p
}

// named is a single object that says what it is, which those of a list need not.
func named(o runtime.Object, all *collection) runtime.Object {
	if !o.GetObjectKind().GroupVersionKind().Empty() {
		return o
	}
	kind := all.list().GetObjectKind().GroupVersionKind()
	kind.Kind = strings.TrimSuffix(kind.Kind, "List")
	o = o.DeepCopyObject()
	o.GetObjectKind().SetGroupVersionKind(kind)
	return o
}

func groupVersionKind(apiVersion, kind string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(apiVersion, kind)
}

var toProtobuf = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)

// encode is in protobuf where that is asked for and can be; kinds without types cannot.
func encode(o runtime.Object, accept string) answer {
	_, single := o.(*unstructured.Unstructured)
	_, several := o.(*unstructured.UnstructuredList)
	if strings.Contains(accept, protobufType) && !single && !several {
		var out bytes.Buffer
		if err := toProtobuf.Encode(o, &out); err == nil {
			return answer{code: http.StatusOK, kind: protobufType, body: out.Bytes()}
		}
	}
	body, err := json.Marshal(o)
	if err != nil {
		return failed(http.StatusInternalServerError, metav1.StatusReasonInternalError)
	}
	return answer{code: http.StatusOK, kind: jsonType, body: body}
}

func failed(code int, why metav1.StatusReason) answer {
	body, _ := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Reason: why, Code: int32(code),
		Message: "the server could not find the requested resource",
	})
	return answer{code: code, kind: jsonType, body: body}
}
