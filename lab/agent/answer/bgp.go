package answer

import (
	"errors"

	"github.com/cilium/cilium/api/v1/models"
)

// BGPPeers are the agent's BGP sessions. The lab has no BGP configuration, so there are none but by a fault; with the control plane
// off the agent says so.
func (a *Agent) BGPPeers() ([]*models.BgpPeer, error) {
	if !a.on("enable-bgp-control-plane") {
		return nil, errors.New("Error: cannot get peers list: [GET /bgp/peers][501] getBgpPeersDisabled \"BGP Control Plane disabled\"")
	}
	if !a.Fault.PeerIdle {
		return []*models.BgpPeer{}, nil
	}
	return []*models.BgpPeer{{LocalAsn: 64512, PeerAsn: 64513, PeerAddress: "172.20.0.1", PeerPort: 179, SessionState: "idle"}}, nil
}

// BGPText is the table of BGPPeers, of which there is only the head.
func BGPText([]*models.BgpPeer) string {
	return "Local AS   Peer AS   Peer Address   Session   Uptime   Family   Received   Advertised\n"
}
