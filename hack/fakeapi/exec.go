package fakeapi

import (
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The channels of remotecommand's protocol v5.channel.k8s.io.
const (
	stdout  = 1
	outcome = 3
)

// exec answers a command in a pod over a WebSocket, as Options.Exec has it.
func (c *Cluster) exec(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // api/v1/namespaces/NAMESPACE/pods/POD/exec
	var said []byte
	found := false
	if c.options.Exec != nil && len(parts) == 7 && parts[4] == "pods" {
		if p := c.podNamed(parts[3], parts[5]); p != nil {
			said, found = c.options.Exec(p.Spec.NodeName, r.URL.Query()["command"])
		}
	}
	if !found {
		refusal := failed(http.StatusNotFound, metav1.StatusReasonNotFound)
		w.Header().Set("Content-Type", refusal.kind)
		w.WriteHeader(refusal.code)
		_, _ = w.Write(refusal.body)
		return
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer socket.Close()
	for _, message := range [][]byte{append([]byte{stdout}, said...), append([]byte{outcome}, `{"metadata":{},"status":"Success"}`...)} {
		if socket.WriteMessage(websocket.BinaryMessage, message) != nil {
			return
		}
	}
	_ = socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	_, _, _ = socket.ReadMessage() // the client closes, too
}

func (c *Cluster) podNamed(namespace, name string) *core.Pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.all["v1/pods"].items {
		if p, _ := o.(*core.Pod); p != nil && p.Namespace == namespace && p.Name == name {
			return p
		}
	}
	return nil
}
