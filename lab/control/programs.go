package control

import (
	"fmt"
	"strconv"

	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

func (c Cluster) spec(program string, args ...string) process.Spec {
	return process.Spec{Name: c.Name + "/" + program, Path: c.Program(program), Args: args}
}

func (c Cluster) local(p state.Port) string { return fmt.Sprintf("127.0.0.1:%d", c.port(p)) }

func (c Cluster) etcd() process.Spec {
	client, peer := "http://"+c.local(state.EtcdClient), "http://"+c.local(state.EtcdPeer)
	return c.spec("etcd",
		"--name=lab", "--data-dir="+c.Path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=lab="+peer,
	)
}

func (c Cluster) apiserver() process.Spec {
	return c.spec("kube-apiserver",
		"--etcd-servers=http://"+c.local(state.EtcdClient),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--secure-port="+strconv.Itoa(c.port(state.APIServer)),
		"--tls-cert-file="+c.Path("pki", "serving.crt"), "--tls-private-key-file="+c.Path("pki", "serving.key"),
		"--client-ca-file="+c.Path("pki", "ca.crt"), "--cert-dir="+c.Path("pki"),
		"--token-auth-file="+c.Path("pki", "tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+c.Path("pki", "sa.key"),
		"--service-account-signing-key-file="+c.Path("pki", "sa.key"),
		"--service-cluster-ip-range="+c.ServiceCIDR, "--allow-privileged",
		"--kubelet-preferred-address-types=ExternalIP",
		"--audit-policy-file="+c.Path("pki", "audit-policy.yaml"), "--audit-log-path="+c.Path("audit.log"), "--audit-log-maxsize=1000",
	)
}

func (c Cluster) controllerManager() process.Spec {
	return c.spec("kube-controller-manager",
		"--kubeconfig="+Kubeconfig(c.Dir, c.Name, "kcm"), "--leader-elect=false", "--secure-port=0", "--cert-dir="+c.Path("pki"),
		"--service-account-private-key-file="+c.Path("pki", "sa.key"), "--root-ca-file="+c.Path("pki", "ca.crt"),
		"--node-monitor-grace-period=24h", "--allocate-node-cidrs", "--cluster-cidr="+c.PodCIDR,
		"--service-cluster-ip-range="+c.ServiceCIDR, "--concurrent-gc-syncs=5", "--kube-api-qps=200", "--kube-api-burst=400",
	)
}

func (c Cluster) scheduler() process.Spec {
	return c.spec("kube-scheduler",
		"--kubeconfig="+Kubeconfig(c.Dir, c.Name, "scheduler"), "--leader-elect=false", "--secure-port=0", "--cert-dir="+c.Path("pki"),
		"--kube-api-qps=200", "--kube-api-burst=400",
	)
}

// kwok answers exec by running commands on this machine from its own PATH, where the agents' programs come first.
func (c Cluster) kwok() process.Spec {
	s := c.spec("kwok",
		"--kubeconfig="+Kubeconfig(c.Dir, c.Name, "kubelet"), "--manage-all-nodes", "--node-lease-duration-seconds=40",
		"--node-ip=127.0.0.1", "--node-port="+strconv.Itoa(c.port(state.Kubelet)), "--server-address="+c.local(state.Kubelet),
		"--tls-cert-file="+c.Path("pki", "serving.crt"), "--tls-private-key-file="+c.Path("pki", "serving.key"),
		"--cidr="+c.PodCIDR, "--enable-crds=Stage,ClusterExec,Exec,ClusterLogs,Logs,ClusterPortForward,PortForward",
	)
	bin := "agent-bin"
	if c.Settings.Real() {
		bin = "exec-bin"
	}
	s.Env = []string{"PATH=" + c.Dir.Join(bin) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return s
}

// player plays the parts that no program of the cluster can play here: agents and operator.
func (c Cluster) player() process.Spec {
	return process.Spec{
		Name: c.Name + "/player", Path: c.Self, Args: []string{"--state", string(c.Dir), "play", c.Name}, Inherit: true,
	}
}

// flux are Flux's controllers, the fetching one first.
func (c Cluster) flux() []process.Spec {
	controller := func(name string, health, metrics state.Port, more ...string) process.Spec {
		s := c.spec(name, append([]string{
			"--watch-all-namespaces", "--log-level=info", "--log-encoding=json", "--kube-api-qps=500", "--kube-api-burst=1000",
			"--health-addr=" + c.local(health), "--metrics-addr=" + c.local(metrics),
		}, more...)...)
		s.Env = []string{
			"KUBECONFIG=" + Kubeconfig(c.Dir, c.Name, name), "RUNTIME_NAMESPACE=flux-system", "TMPDIR=" + c.Path("flux", name),
		}
		return s
	}
	return []process.Spec{
		controller("source-controller", state.SourceHealth, state.SourceMetrics,
			"--storage-path="+c.Path("flux", "storage"), "--storage-addr="+c.local(state.SourceHTTP), "--storage-adv-addr="+c.local(state.SourceHTTP)),
		controller("kustomize-controller", state.KustomizeHealth, state.KustomizeMetrics),
		controller("helm-controller", state.HelmHealth, state.HelmMetrics, "--graceful-shutdown-timeout=2s"),
	}
}

// FluxFolders are the folders that Flux's controllers expect to find.
func (c Cluster) FluxFolders() []string {
	return []string{
		c.Path("flux", "storage"), c.Path("flux", "source-controller"), c.Path("flux", "kustomize-controller"), c.Path("flux", "helm-controller"),
	}
}
