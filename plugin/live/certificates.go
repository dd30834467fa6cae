package live

import (
	"crypto/x509"
	"encoding/pem"

	core "k8s.io/api/core/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// certificates reads the public half of a TLS Secret; keys are not touched.
func certificates(s core.Secret) []facts.Certificate {
	var all []facts.Certificate
	for _, key := range []string{"ca.crt", "tls.crt"} {
		data, ok := s.Data[key]
		if !ok {
			continue
		}
		out := facts.Certificate{Secret: s.Namespace + "/" + s.Name, Key: key}
		block, _ := pem.Decode(data)
		if block == nil {
			out.Broken = "not PEM"
			all = append(all, out)
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			out.Broken = "not a certificate"
			all = append(all, out)
			continue
		}
		out.Subject, out.NotBefore, out.NotAfter = c.Subject.CommonName, c.NotBefore.UTC(), c.NotAfter.UTC()
		all = append(all, out)
	}
	return all
}
