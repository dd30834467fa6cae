package cli

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
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

// discreet moves what is secret in a server's address to where secrets are kept: the address is shown, recorded and logged. Go
// gives a name and password in it precedence over a token; a query is never sent. An address that cannot be read is an
// error, which does not repeat it.
func discreet(config *rest.Config) error {
	tls := config.Insecure || config.CAFile != "" || len(config.CAData) > 0 || config.CertFile != "" || len(config.CertData) > 0
	at, _, err := rest.DefaultServerURL(config.Host, "", schema.GroupVersion{}, tls)
	if err != nil {
		return errors.New("the server's address is neither a URL nor host:port; see: kubectl config view")
	}
	if at.User == nil && at.RawQuery == "" && at.Fragment == "" {
		return nil
	}
	if at.User != nil {
		config.Username = at.User.Username()
		config.Password, _ = at.User.Password()
		config.BearerToken, config.BearerTokenFile = "", ""
	}
	at.User, at.RawQuery, at.Fragment = nil, "", ""
	config.Host = at.String()
	return nil
}

func text(flag *string) string {
	if flag == nil {
		return ""
	}
	return *flag
}
