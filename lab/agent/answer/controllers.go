package answer

import (
	"fmt"
	"time"

	"github.com/cilium/cilium/api/v1/models"
	"github.com/go-openapi/strfmt"
	"github.com/google/uuid"
)

type controller struct {
	name     string
	interval time.Duration
}

func (a *Agent) controllers() models.ControllerStatuses {
	all := []controller{
		{"k8s-heartbeat", 30 * time.Second}, {"proxy-ports-checkpoint", 0}, {"sync-utime", time.Minute}, {"ipcache-inject-labels", 0},
		{"ct-map-pressure", 30 * time.Second}, {"endpoint-periodic-regeneration", 2 * time.Minute},
		{"daemon-validate-config", time.Minute + time.Second}, {"cilium-health-ep", time.Minute}, {"endpoint-gc", 5 * time.Minute},
		{"bpf-map-sync-cilium_lxc", 5 * time.Second}, {"write-cni-file", 0}, {"resolve-labels-/", 0},
		{"cilium-bgp-crd-status-update-job", 0},
	}
	for i := range 5 {
		id := 200 + a.number(3900, a.Node, "endpoint", fmt.Sprint(i))
		all = append(all,
			controller{fmt.Sprintf("endpoint-%d-regeneration-recovery", id), time.Second},
			controller{fmt.Sprintf("resolve-identity-%d", id), 5 * time.Minute},
			controller{fmt.Sprintf("sync-policymap-%d", id), 15 * time.Minute},
			controller{fmt.Sprintf("sync-to-k8s-ciliumendpoint (%d)", id), 10 * time.Second},
		)
	}
	var statuses models.ControllerStatuses
	for _, c := range all {
		statuses = append(statuses, a.controller(c))
	}
	return statuses
}

func (a *Agent) controller(c controller) *models.ControllerStatus {
	last, count := a.Started, int64(1)
	if c.interval > 0 {
		last, count = a.ago(c.interval, a.Node, c.name), 1+int64(a.uptime()/c.interval)
	}
	return &models.ControllerStatus{
		Name:          c.name,
		Configuration: &models.ControllerStatusConfiguration{ErrorRetry: true, Interval: strfmt.Duration(c.interval)},
		Status:        &models.ControllerStatusStatus{LastSuccessTimestamp: strfmt.DateTime(last), SuccessCount: count},
		UUID:          strfmt.UUID(uuid.NewSHA1(uuid.NameSpaceOID, []byte(a.UID+c.name)).String()),
	}
}
