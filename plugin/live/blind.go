package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// timedOut is a request that our own patience ended.
type timedOut struct {
	after time.Duration
	host  string
}

func (t timedOut) Error() string {
	return fmt.Sprintf("timed out after %s: no answer from %s", t.after, t.host)
}

// timeout replaces an error that our deadline caused by one that says so.
func (g *gatherer) timeout(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return timedOut{after: g.options.Timeout, host: g.facts.Server}
	}
	return err
}

// unreachable tells whether err means that nobody answered at all, so that further requests are futile.
func unreachable(err error) bool {
	var byUs timedOut
	if errors.As(err, &byUs) || errors.Is(err, context.Canceled) {
		return true
	}
	var status apierrors.APIStatus
	return !errors.As(err, &status)
}

// reason words why a part could not be seen. The three kinds that users must tell apart come first: forbidden (with
// the verb that the API server names), unreachable, and timed out. Equal causes give equal words, whatever was asked.
func reason(err error) string {
	var byUs timedOut
	var asked *url.Error
	var network net.Error
	switch {
	case errors.As(err, &byUs):
		return byUs.Error()
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case apierrors.IsForbidden(err), strings.Contains(err.Error(), " is forbidden: User "): // a refused upgrade to a stream is plain text
		return "forbidden: " + said(err)
	case apierrors.IsUnauthorized(err):
		return "unauthorized: the API server does not accept the credentials of this context; log in again"
	case errors.As(err, &asked):
		return "unreachable: " + facts.RedactText(asked.Err.Error())
	case errors.As(err, &network):
		return "unreachable: " + facts.RedactText(network.Error())
	}
	return facts.RedactText(err.Error())
}

// said is the API server's own sentence without the part that repeats the object's name.
func said(err error) string {
	text := err.Error()
	if i := strings.Index(text, "User "); i >= 0 {
		return text[i:]
	}
	return text
}
