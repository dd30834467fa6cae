package act

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/util/retry"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// failure is an error in our words: what a cluster says may quote secrets and terminal escapes. The cause is for
// errors.Is and errors.As alone.
type failure struct {
	text   string
	causes []error
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() []error { return f.causes }

// failed words why doing something to ref did not work. verb is the API's, for the command that asks whether it is
// allowed.
func (c *Cluster) failed(doing string, ref handover.Ref, verb string, err error) error {
	var ours *failure
	if err == nil || errors.As(err, &ours) {
		return err
	}
	f := &failure{causes: []error{err}}
	if isConflict(err) {
		f.causes = append(f.causes, handover.ErrConflict)
	}
	f.text = fmt.Sprintf("%s %s: %s; %s", doing, strings.TrimSuffix(ref.String(), "/"), reason(err), c.next(ref, verb, err))
	return f
}

// conflict says that ref is not as an action wants it.
func (c *Cluster) conflict(doing string, ref handover.Ref, why string) error {
	return &failure{
		text:   fmt.Sprintf("%s %s: %s; look at it: %s", doing, ref, why, c.look(ref)),
		causes: []error{handover.ErrConflict},
	}
}

// reason words an error. The kinds that users must tell apart come first.
func reason(err error) string {
	var asked *url.Error
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out: the API server did not answer"
	case apierrors.IsForbidden(err):
		return "forbidden: " + said(err)
	case apierrors.IsUnauthorized(err):
		return "unauthorized: the API server does not accept the credentials of this context"
	case isConflict(err):
		return "somebody else changed it meanwhile"
	case apierrors.IsNotFound(err):
		return "not found"
	case apierrors.IsInvalid(err):
		return "the API server does not accept it: " + invalid(err)
	case errors.As(err, &asked):
		return "unreachable: " + said(asked.Err)
	case errors.As(err, &network):
		return "unreachable: " + said(network)
	}
	return said(err)
}

// said is somebody else's sentence, neutralised. What a Forbidden says before "User" only repeats the object, and what it
// says after "not currently held" is every rule of a role.
func said(err error) string {
	text := err.Error()
	if i := strings.Index(text, "User "); i >= 0 {
		text = text[i:]
	}
	if i := strings.Index(text, "not currently held"); i >= 0 {
		text = text[:i] + "not currently held: it takes the verb escalate of its role, or bind"
	}
	return facts.Text(facts.RedactText(text))
}

// mentioned is how many failures of one action on many objects are told.
const mentioned = 3

// several is one error of what failed of many; nil where nothing did.
func several(failures []error) error {
	failures = slices.DeleteFunc(failures, func(err error) bool { return err == nil })
	if len(failures) <= mentioned {
		return errors.Join(failures...)
	}
	f := &failure{text: errors.Join(failures[:mentioned]...).Error(), causes: failures}
	f.text += fmt.Sprintf("\nand %d objects more", len(failures)-mentioned)
	return f
}

// invalid names the fields that were not accepted, without their values: these may be secret.
func invalid(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return "it says no more"
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" {
			fields = append(fields, facts.Text(cause.Field)+" ("+string(cause.Type)+")")
		}
	}
	if len(fields) == 0 {
		return "it says no more"
	}
	return strings.Join(fields, ", ")
}

// isConflict holds of a write that found another object than it was meant for. Server-side apply says conflict as well
// where another manager owns a field; a patch whose resourceVersion is not the object's says so.
func isConflict(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// next is the command to go on with.
func (c *Cluster) next(ref handover.Ref, verb string, err error) string {
	switch {
	case apierrors.IsForbidden(err) && verb != "":
		return "ask: " + c.kubectl(ref) + "auth can-i " + verb + " " + c.named(ref)
	case apierrors.IsNotFound(err), isConflict(err), apierrors.IsInvalid(err):
		return "look at it: " + c.look(ref)
	}
	return "see whether the cluster answers: " + c.kubectl(handover.Ref{}) + "get --raw /readyz"
}

// look is the command that shows ref.
func (c *Cluster) look(ref handover.Ref) string {
	return c.kubectl(ref) + "get " + c.named(ref) + " -o yaml"
}

// kubectl is the beginning of a command on ref.
func (c *Cluster) kubectl(ref handover.Ref) string {
	text := "kubectl "
	if c.options.Context != "" {
		text += "--context " + c.options.Context + " "
	}
	if ref.Namespace != "" {
		text += "-n " + ref.Namespace + " "
	}
	return text
}

// named is ref as kubectl takes it: "helmrelease.helm.toolkit.fluxcd.io/cilium".
func (c *Cluster) named(ref handover.Ref) string {
	kind := strings.ToLower(ref.Kind)
	if group, _, ok := strings.Cut(ref.APIVersion, "/"); ok {
		kind += "." + group
	}
	if ref.Name == "" {
		return kind
	}
	return kind + "/" + ref.Name
}

// read repeats a read that failed for a reason which may pass, within patience. Reads alone: a write whose answer was
// lost may have been taken.
func (c *Cluster) read(ctx context.Context, do func() error) error {
	patience := c.patience
	return retry.OnError(patience, func(err error) bool { return ctx.Err() == nil && passing(err) }, do)
}

// passing holds of errors that may be gone when asked again.
func passing(err error) bool {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
			apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Code >= 500
	}
	return utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsHTTP2ConnectionLost(err) || utilnet.IsTimeout(err)
}
