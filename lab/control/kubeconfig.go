package control

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// writeKubeconfig writes a kubeconfig with a context for each cluster, named like it.
func writeKubeconfig(dir state.Dir, s state.Settings, path, token string, clusters ...fleet.Cluster) error {
	config := clientcmdapi.NewConfig()
	for _, c := range clusters {
		_, index, err := fleet.Index(c.Name)
		if err != nil {
			return err
		}
		ca, err := os.ReadFile(dir.Cluster(c.Name, "pki", "ca.crt"))
		if err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
		config.Clusters[c.Name] = &clientcmdapi.Cluster{
			Server:                   fmt.Sprintf("https://127.0.0.1:%d", s.Of(index, state.APIServer)),
			CertificateAuthorityData: ca,
		}
		config.AuthInfos["admin@"+c.Name] = &clientcmdapi.AuthInfo{Token: token}
		config.Contexts[c.Name] = &clientcmdapi.Context{Cluster: c.Name, AuthInfo: "admin@" + c.Name}
	}
	config.CurrentContext = clusters[0].Name
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return state.WriteFile(path, raw, 0o600)
}

// writeKubeconfigs writes the user's file, and in each cluster's folder one for every program of it.
func writeKubeconfigs(dir state.Dir, s state.Settings) error {
	if err := writeKubeconfig(dir, s, dir.Kubeconfig(), s.AdminToken, fleet.All()...); err != nil {
		return err
	}
	for _, c := range fleet.All() {
		for _, u := range users() {
			if u.suffix == "" {
				continue
			}
			if err := writeKubeconfig(dir, s, Kubeconfig(dir, c.Name, u.suffix), u.token(s.AdminToken), c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Kubeconfig is the file by which one of a cluster's own programs reaches it; "lab" is the lab's own.
func Kubeconfig(dir state.Dir, cluster, program string) string {
	return dir.Cluster(cluster, "kubeconfigs", program+".yaml")
}
