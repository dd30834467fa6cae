package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// domain is the cluster domain that nearly every cluster has. The pod's own search path comes first; where it has none
// this is asked.
const domain = ".cluster.local."

// lookUp asks a DNS server, or the pod's own, for a name: as it is where it ends in a full stop, else by the pod's search
// path as programs in pods do.
func (a *Asker) lookUp(ctx context.Context, t Target) error {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, server string) (net.Conn, error) {
		if t.Address != "" {
			server = t.Address
		}
		return a.dial(ctx, network, server)
	}}
	found, err := resolver.LookupNetIP(ctx, "ip", t.To)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound && strings.HasSuffix(t.To, ".svc") {
		found, err = resolver.LookupNetIP(ctx, "ip", t.To+domain)
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%s has no address", t.To)
	}
	return nil
}

// wordDNS says what a DNS server said, or that it said nothing.
func wordDNS(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "no such name: " + err.Name
	case err.IsTimeout:
		return "no answer"
	}
	return oneLine(err.Err)
}
