package state

import (
	"fmt"
	"hash/fnv"
	"net"
)

// Ports below the range the kernel hands out for outgoing connections, in blocks of one lab each.
const (
	firstPort = 20000
	lastPort  = 30000
	blockSize = 50
)

// Port is a place in a lab's block of ports.
type Port int

// The ports a lab has once; every cluster has its own below.
const (
	Git Port = iota
	Registry
	clusterPorts
)

// The ports of one cluster, see Of.
const (
	APIServer Port = iota
	EtcdClient
	EtcdPeer
	Kubelet
	SourceHTTP
	SourceHealth
	SourceMetrics
	KustomizeHealth
	KustomizeMetrics
	HelmHealth
	HelmMetrics
	perCluster
)

// Port is the number of one of the lab's own ports.
func (s Settings) Port(p Port) int { return s.PortBase + int(p) }

// Of is the number of a port of the cluster with that index, counted from 0.
func (s Settings) Of(index int, p Port) int {
	return s.PortBase + int(clusterPorts) + index*int(perCluster) + int(p)
}

// FindPorts returns the first port of a block that is wholly free. Where the search begins depends on the folder, so
// that two labs that start at once do not meet.
func FindPorts(d Dir) (int, error) {
	hash := fnv.New32a()
	hash.Write([]byte(d))
	blocks := (lastPort - firstPort) / blockSize
	begin := int(hash.Sum32() % uint32(blocks))
	for i := range blocks {
		base := firstPort + (begin+i)%blocks*blockSize
		if BlockFree(base) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("find free ports: every block from %d to %d is in use; stop another lab with `lab down`", firstPort, lastPort)
}

// BlockFree tells whether every port of the block can be listened on.
func BlockFree(base int) bool {
	for p := base; p < base+blockSize; p++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
