package cli

import (
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
)

// of is the way to one context's cluster, as kubectl's flags make it. kubectl's own code reads the kubeconfig anew for each,
// which takes longer than 200 clusters' answers.
func (c *Clusters) of(raw clientapi.Config, context string) (*rest.Config, error) {
	flags := c.flags
	over := &clientcmd.ConfigOverrides{ClusterDefaults: clientcmd.ClusterDefaults, CurrentContext: context, Timeout: text(flags.Timeout)}
	over.Context.Cluster, over.Context.AuthInfo = text(flags.ClusterName), text(flags.AuthInfoName)
	over.ClusterInfo = clientapi.Cluster{
		Server: text(flags.APIServer), TLSServerName: text(flags.TLSServerName), CertificateAuthority: text(flags.CAFile),
		InsecureSkipTLSVerify: flags.Insecure != nil && *flags.Insecure, DisableCompression: flags.DisableCompression != nil && *flags.DisableCompression,
		ProxyURL: text(flags.ProxyURL),
	}
	over.AuthInfo = clientapi.AuthInfo{
		ClientCertificate: text(flags.CertFile), ClientKey: text(flags.KeyFile), Token: text(flags.BearerToken),
		Impersonate: text(flags.Impersonate), ImpersonateUID: text(flags.ImpersonateUID),
	}
	if flags.ImpersonateGroup != nil {
		over.AuthInfo.ImpersonateGroups = *flags.ImpersonateGroup
	}
	if flags.ImpersonateUserExtra != nil {
		for _, pair := range *flags.ImpersonateUserExtra {
			key, value, ok := strings.Cut(pair, "=")
			if !ok {
				continue
			}
			if over.AuthInfo.ImpersonateUserExtra == nil {
				over.AuthInfo.ImpersonateUserExtra = map[string][]string{}
			}
			over.AuthInfo.ImpersonateUserExtra[key] = append(over.AuthInfo.ImpersonateUserExtra[key], value)
		}
	}
	return clientcmd.NewNonInteractiveClientConfig(raw, context, over, nil).ClientConfig()
}

func text(flag *string) string {
	if flag == nil {
		return ""
	}
	return *flag
}
