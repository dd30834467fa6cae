package fakeapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	core "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// watcher is one stream of a resource's changes.
type watcher struct {
	to       asked
	selector labels.Selector
	events   chan []byte
}

// Watches counts the streams that are open.
func (c *Cluster) Watches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watchers)
}

// watch streams the changes from now on, in JSON. What there is already has to be listed.
func (c *Cluster) watch(w http.ResponseWriter, r *http.Request) {
	to, ok := parse(r.URL.Path)
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	c.mu.Lock()
	_, served := c.all[to.resource]
	c.mu.Unlock()
	if refusal := failed(http.StatusNotFound, metav1.StatusReasonNotFound); !ok || !served || err != nil {
		w.Header().Set("Content-Type", refusal.kind)
		w.WriteHeader(refusal.code)
		_, _ = w.Write(refusal.body)
		return
	}
	if r.URL.Query().Get("sendInitialEvents") != "" {
		refusal := failed(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)
		w.Header().Set("Content-Type", refusal.kind)
		w.WriteHeader(refusal.code)
		_, _ = w.Write(refusal.body)
		return
	}
	one := &watcher{to: to, selector: selector, events: make(chan []byte, 64)}
	c.mu.Lock()
	c.watchers[one] = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.watchers, one)
		c.mu.Unlock()
	}()
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusOK)
	flush, _ := w.(http.Flusher)
	flush.Flush()
	for {
		select {
		case event := <-one.events:
			_, _ = w.Write(event)
			flush.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// Restart has the first pod that selector matches replaced by another container, and tells all who watch. It returns
// the pod's name.
func (c *Cluster) Restart(selector string) (string, error) {
	wanted, err := labels.Parse(selector)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, o := range c.all["v1/pods"].items {
		p, _ := o.(*core.Pod)
		if p == nil || !wanted.Matches(labels.Set(p.Labels)) || len(p.Status.ContainerStatuses) == 0 {
			continue
		}
		p = p.DeepCopy()
		c.serial++
		p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		p.ResourceVersion = strconv.Itoa(c.serial)
		p.Status.ContainerStatuses[0].RestartCount++
		c.all["v1/pods"].items[i] = p
		c.answers = map[string]answer{}
		return p.Name, c.tell(asked{resource: "v1/pods", namespace: p.Namespace}, p)
	}
	return "", nil
}

// tell streams a change to those who watch for it; the lock is held.
func (c *Cluster) tell(of asked, p *core.Pod) error {
	m, err := apimeta.Accessor(p)
	if err != nil {
		return err
	}
	event, err := json.Marshal(map[string]any{"type": "MODIFIED", "object": p})
	if err != nil {
		return err
	}
	for w := range c.watchers {
		if w.to.resource == of.resource && (w.to.namespace == "" || w.to.namespace == of.namespace) && w.selector.Matches(labels.Set(m.GetLabels())) {
			w.events <- append(event, '\n')
		}
	}
	return nil
}
