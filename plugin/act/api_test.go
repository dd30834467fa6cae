package act

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// api is an API server in memory, as far as this package asks one: objects by path, resourceVersions, preconditions,
// watches. It runs on no network, so that time can be a test's own. Field managers it does not know: what server-side
// apply makes of them is tried on real ones.
type api struct {
	mu       sync.Mutex
	objects  map[string]map[string]any // by path
	version  int
	oldest   int // watches from before it are gone
	log      []event
	streams  []*stream
	requests []request
	// before may answer instead; after hears what was answered and may lose it.
	before func(request) *http.Response
	after  func(request) error
}

type request struct {
	method, path, query, kind, body string
}

func (r request) String() string { return r.method + " " + r.path }

type event struct {
	kind, path string
	version    int
	object     map[string]any
}

type stream struct {
	root, selector string
	pipe           *io.PipeWriter
	events         chan event
	ended          chan struct{}
	partial        bool
}

func newAPI() *api { return &api{objects: map[string]map[string]any{}, version: 100} }

// open is a Cluster over it.
func open(t *testing.T, a *api, change ...func(*Options)) *Cluster {
	t.Helper()
	options := Options{Context: "infra", UserAgent: "test", Expect: facts.Expect{
		Cilium: facts.Names{Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator"},
		Flux: facts.FluxNames{
			Namespace: "flux-system", Kustomization: "cilium-core", HelmRelease: "cilium", HelmReleaseNamespace: "kube-system",
			Source: "cilium-charts", Settings: "cluster-settings",
		},
	}}
	for _, f := range change {
		f(&options)
	}
	c, err := Open(t.Context(), &rest.Config{Host: "http://api", Transport: a}, options)
	if err != nil {
		t.Fatal(err)
	}
	c.patience.Duration = 0
	return c
}

// put makes an object what it is, as somebody else.
func (a *api) put(path, text string) {
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.store(path, o)
}

// object is what is stored at path; nil where nothing is.
func (a *api) object(path string) map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.objects[path]
}

// remove deletes as somebody else.
func (a *api) remove(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(path)
}

// asked are the requests that match, oldest first.
func (a *api) asked(prefix string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, r := range a.requests {
		if strings.HasPrefix(r.String(), prefix) {
			all = append(all, r.String())
		}
	}
	return all
}

// writes are all requests that are no reads.
func (a *api) writes() (all []request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.requests {
		if r.method != http.MethodGet {
			all = append(all, r)
		}
	}
	return all
}

func (a *api) store(path string, o map[string]any) {
	a.version++
	kind := "MODIFIED"
	meta, _ := o["metadata"].(map[string]any)
	if old, ok := a.objects[path]; ok {
		meta["uid"] = old["metadata"].(map[string]any)["uid"]
	} else {
		kind = "ADDED"
		if meta["uid"] == nil {
			meta["uid"] = fmt.Sprintf("uid-%d", a.version)
		}
	}
	meta["resourceVersion"] = strconv.Itoa(a.version)
	a.objects[path] = o
	a.tell(event{kind, path, a.version, o})
}

func (a *api) drop(path string) {
	if o, ok := a.objects[path]; ok {
		a.version++
		delete(a.objects, path)
		o = clone(o)
		o["metadata"].(map[string]any)["resourceVersion"] = strconv.Itoa(a.version)
		a.tell(event{"DELETED", path, a.version, o})
	}
}

func clone(o map[string]any) map[string]any { return runtime.DeepCopyJSON(normal(o)) }

func normal(o map[string]any) (out map[string]any) {
	text, _ := json.Marshal(o)
	_ = json.Unmarshal(text, &out)
	return out
}

func (a *api) tell(e event) {
	a.log = append(a.log, e)
	for _, s := range a.streams {
		s.events <- e
	}
}

// RoundTrip implements http.RoundTripper.
func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	req := request{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, kind: r.Header.Get("Content-Type")}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		req.body = string(text)
	}
	a.mu.Lock()
	a.requests = append(a.requests, req)
	before, after := a.before, a.after
	a.mu.Unlock()
	if before != nil {
		if answer := before(req); answer != nil {
			return answer, nil
		}
	}
	if r.URL.Query().Get("watch") != "" {
		return a.watch(r), nil
	}
	a.mu.Lock()
	answer := a.answer(r, req)
	a.mu.Unlock()
	if after != nil {
		if err := after(req); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (a *api) answer(r *http.Request, req request) *http.Response {
	old := a.objects[req.path]
	switch req.method {
	case http.MethodGet:
		if parts := below(req.path); len(parts)%2 == 1 {
			return a.list(r, parts[len(parts)-1])
		}
		return found(r, old)
	case http.MethodPost:
		return a.create(r, req)
	case http.MethodPut:
		return a.replace(r, req.path, decode(req), old)
	case http.MethodPatch:
		return a.patch(r, req, old)
	case http.MethodDelete:
		return a.delete(r, req, old)
	}
	return refuse(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, "no")
}

// below are the segments of a path below its API version: an odd number of them is a list.
func below(path string) []string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	return parts[min(len(parts), map[string]int{"api": 2, "apis": 3}[parts[0]]):]
}

func found(r *http.Request, o map[string]any) *http.Response {
	if o == nil {
		return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
	}
	if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata") {
		o = map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}
	}
	return answered(http.StatusOK, o)
}

func (a *api) list(r *http.Request, resource string) *http.Response {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
	}
	items := []any{}
	paths := a.paths(r.URL.Path)
	if r.URL.Path == "/api/v1/pods" { // of all namespaces
		paths = slices.DeleteFunc(a.paths("/api/v1/namespaces"), func(path string) bool { return !strings.Contains(path, "/pods/") })
	}
	for _, path := range paths {
		if selector.Matches(labelsOf(a.objects[path])) {
			items = append(items, a.objects[path])
		}
	}
	kind, apiVersion := "List", "v1"
	if strings.HasPrefix(r.URL.Path, "/apis/") {
		apiVersion = strings.Join(strings.Split(r.URL.Path, "/")[2:4], "/")
	}
	if name := map[string]string{
		"pods": "PodList", "secrets": "SecretList", "nodes": "NodeList", "namespaces": "NamespaceList", "services": "ServiceList",
		"configmaps": "ConfigMapList", "leases": "LeaseList",
	}[resource]; name != "" {
		kind = name
	}
	if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata") {
		kind, apiVersion = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	return answered(http.StatusOK, map[string]any{
		"kind": kind, "apiVersion": apiVersion, "metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": items,
	})
}

func (a *api) paths(root string) (paths []string) {
	for path := range a.objects {
		if strings.HasPrefix(path, root+"/") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func labelsOf(o map[string]any) labels.Set {
	set := labels.Set{}
	meta, _ := o["metadata"].(map[string]any)
	all, _ := meta["labels"].(map[string]any)
	for key, value := range all {
		set[key], _ = value.(string)
	}
	return set
}

func (a *api) create(r *http.Request, req request) *http.Response {
	o := decode(req)
	if strings.Contains(req.path, "selfsubjectaccessreviews") {
		return answered(http.StatusCreated, o)
	}
	path := req.path + "/" + o["metadata"].(map[string]any)["name"].(string)
	if a.objects[path] != nil {
		return refuse(http.StatusConflict, metav1.StatusReasonAlreadyExists, "already exists")
	}
	if parts := below(path); len(parts) == 2 && parts[0] == "namespaces" {
		o["metadata"].(map[string]any)["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	}
	a.store(path, o)
	return found(r, o)
}

func (a *api) replace(r *http.Request, path string, o, old map[string]any) *http.Response {
	if old == nil {
		return found(r, nil)
	}
	if asked := o["metadata"].(map[string]any)["resourceVersion"]; asked != nil && asked != "" && asked != old["metadata"].(map[string]any)["resourceVersion"] {
		return refuse(http.StatusConflict, metav1.StatusReasonConflict, "the object has been modified")
	}
	a.store(path, o)
	return found(r, o)
}

func (a *api) patch(r *http.Request, req request, old map[string]any) *http.Response {
	text, _ := json.Marshal(old)
	var err error
	switch req.kind {
	case "application/apply-patch+yaml":
		var o map[string]any
		_ = json.Unmarshal([]byte(req.body), &o)
		if old == nil {
			a.store(req.path, o)
			return found(r, o)
		}
		fallthrough
	case "application/merge-patch+json", "application/strategic-merge-patch+json": // of maps both mean the same
		text, err = jsonpatch.MergePatch(text, []byte(req.body))
	case "application/json-patch+json":
		var p jsonpatch.Patch
		if p, err = jsonpatch.DecodePatch([]byte(req.body)); err == nil && old != nil {
			text, err = p.Apply(text)
		}
	}
	if old == nil {
		return found(r, nil)
	}
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, err.Error())
	}
	var o map[string]any
	_ = json.Unmarshal(text, &o)
	return a.replace(r, req.path, o, old)
}

func (a *api) delete(r *http.Request, req request, old map[string]any) *http.Response {
	if old == nil {
		return found(r, nil)
	}
	o := &metav1.DeleteOptions{}
	if _, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(req.body), nil, o); err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
	}
	meta := old["metadata"].(map[string]any)
	if p := o.Preconditions; p != nil && (p.UID != nil && string(*p.UID) != meta["uid"] || p.ResourceVersion != nil && *p.ResourceVersion != meta["resourceVersion"]) {
		return refuse(http.StatusConflict, metav1.StatusReasonConflict, "precondition failed")
	}
	a.drop(req.path)
	return answered(http.StatusOK, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
}

// decode reads a body in whichever form it was sent.
func decode(req request) (o map[string]any) {
	if json.Unmarshal([]byte(req.body), &o) == nil {
		return o
	}
	typed, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(req.body), nil, nil)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(typed)
	if err != nil {
		panic(err)
	}
	_ = json.Unmarshal(text, &o)
	return o
}

// watch streams events from the asked resourceVersion on.
func (a *api) watch(r *http.Request) *http.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.URL.Query().Get("sendInitialEvents") != "" {
		return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents is forbidden for watch")
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if from < a.oldest {
		return refuse(http.StatusGone, metav1.StatusReasonExpired, "too old resource version")
	}
	reader, writer := io.Pipe()
	s := &stream{
		root: r.URL.Path, selector: r.URL.Query().Get("labelSelector"), pipe: writer, events: make(chan event, 1000), ended: make(chan struct{}),
		partial: strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata"),
	}
	for _, e := range a.log {
		if e.version > from {
			s.events <- e
		}
	}
	a.streams = append(a.streams, s)
	go s.run(r.Context())
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: reader}
}

func (s *stream) run(ctx context.Context) {
	selector, _ := labels.Parse(s.selector)
	stop := context.AfterFunc(ctx, func() { _ = s.pipe.CloseWithError(ctx.Err()) })
	defer stop()
	for {
		var e event
		select {
		case <-ctx.Done():
			return
		case <-s.ended:
			return
		case e = <-s.events:
		}
		if !strings.HasPrefix(e.path, s.root+"/") || !selector.Matches(labelsOf(e.object)) {
			continue
		}
		o := e.object
		if s.partial {
			o = map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}
		}
		text, _ := json.Marshal(map[string]any{"type": e.kind, "object": o})
		if _, err := s.pipe.Write(text); err != nil {
			return
		}
	}
}

// cut ends every stream with that error; nil is a clean end.
func (a *api) cut(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.streams {
		_ = s.pipe.CloseWithError(err)
		close(s.ended)
	}
	a.streams = nil
}

func answered(code int, o any) *http.Response {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}, Body: io.NopCloser(bytes.NewReader(text))}
}

func refuse(code int, why metav1.StatusReason, text string) *http.Response {
	return answered(code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Message: text, Reason: why, Code: int32(code),
	})
}

var errReset = errors.New("read: connection reset by peer")

func podText(name, uid string) string {
	text, _ := json.Marshal(core.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, Labels: map[string]string{"app.kubernetes.io/part-of": "cilium"}, Annotations: map[string]string{"much": "text"}},
		Spec:       core.PodSpec{NodeName: "infra-1", Containers: []core.Container{{Name: "cilium-agent", Image: "cilium:1", Command: []string{"long"}}}},
	})
	return strings.Replace(string(text), `"name":`, fmt.Sprintf(`"uid":%q,"name":`, uid), 1)
}
