package answer

import (
	"bytes"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/cilium/cilium/api/v1/health/models"
	format "github.com/cilium/cilium/pkg/health/client"
)

// Health is what cilium-health knows: whether each node and its health endpoint answer.
func (a *Agent) Health() *models.HealthStatusResponse {
	r := &models.HealthStatusResponse{
		Local:         &models.SelfStatus{Name: a.cluster() + "/" + a.Node},
		ProbeInterval: "1m36.566274746s",
		Timestamp:     a.ago(96*time.Second, a.Node, "health").Format(time.RFC3339),
	}
	for _, p := range a.World.Nodes {
		answers := p.Agent && !a.Deaf[p.Name]
		endpoint, host := a.path(p, a.address(p, "health"), answers), a.path(p, p.IP, answers)
		r.Nodes = append(r.Nodes, &models.NodeStatus{
			Name: a.cluster() + "/" + p.Name, Endpoint: endpoint,
			HealthEndpoint: &models.EndpointStatus{PrimaryAddress: endpoint, SecondaryAddresses: []*models.PathStatus{}},
			Host:           &models.HostStatus{PrimaryAddress: host, SecondaryAddresses: []*models.PathStatus{}},
		})
	}
	return r
}

func (a *Agent) path(p Peer, ip string, reachable bool) *models.PathStatus {
	probe := func(kind string) *models.ConnectivityStatus {
		s := &models.ConnectivityStatus{
			LastProbed: a.ago(96*time.Second, a.Node, p.Name).Format(time.RFC3339),
			Latency:    300000 + a.number(900000, a.Node, p.Name, kind),
		}
		if !reachable {
			s.Status, s.Latency = "Connection timed out", 0
		}
		return s
	}
	return &models.PathStatus{IP: ip, HTTP: probe("http"), Icmp: probe("icmp")}
}

// HealthText is the same for people.
func (a *Agent) HealthText(verbose bool) string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 2, 0, 3, ' ', 0)
	format.FormatHealthStatusResponse(w, a.Health(), true, verbose, 0)
	if err := w.Flush(); err != nil {
		return fmt.Sprintln(err)
	}
	return out.String()
}
