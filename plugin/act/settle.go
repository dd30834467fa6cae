package act

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/flux2/v2/pkg/log"
	"github.com/fluxcd/flux2/v2/pkg/status"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// settleEvery is how often the status checker looks.
const settleEvery = time.Second

// Settle returns when all of refs are current, as kstatus has it, or after within with an error that names those that
// are not. It is Flux's own status checker that says so: the one behind `flux install` and `flux bootstrap`.
func (c *Cluster) Settle(ctx context.Context, refs []handover.Ref, within time.Duration) error {
	if len(refs) == 0 {
		return nil
	}
	mapper, err := c.mapper(ctx, refs)
	if err != nil {
		return err
	}
	direct, err := client.New(c.config, client.Options{HTTPClient: c.shared, Mapper: mapper})
	if err != nil {
		return fmt.Errorf("prepare to wait for Flux's objects: %w", err)
	}
	asked := &interruptible{Client: direct, ctx: ctx}
	heard := &verdicts{tell: c.options.Tell, current: map[string]bool{}}
	checker, err := status.NewStatusCheckerWithClient(asked, settleEvery, within, heard)
	if err != nil {
		return fmt.Errorf("prepare to wait for Flux's objects: %w", err)
	}
	var ids []object.ObjMetadata
	for _, ref := range refs {
		ids = append(ids, object.ObjMetadata{
			Namespace: ref.Namespace, Name: ref.Name, GroupKind: schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind(),
		})
	}
	err = checker.Assess(ids...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The checker says all is well as well when its polling ended early: what counts is what it said of each.
	waiting := heard.waiting(refs)
	if err == nil && len(waiting) == 0 {
		return nil
	}
	return c.unsettled(waiting, within, asked.failed(), err)
}

// unsettled names what is not current, and why it could not be looked at, if so. err is the checker's own word.
func (c *Cluster) unsettled(waiting []handover.Ref, within time.Duration, failed, err error) error {
	const text = "wait until Flux's objects are current: "
	if len(waiting) == 0 {
		return fmt.Errorf("%s%w", text, err)
	}
	var names []string
	for _, ref := range waiting {
		names = append(names, ref.String())
	}
	why := ""
	if failed != nil {
		why = " (" + reason(failed) + ")"
	}
	return &failure{
		text:   fmt.Sprintf("%safter %s these are not: %s%s; look at them: %s", text, within, strings.Join(names, ", "), why, c.look(waiting[0])),
		causes: []error{cmp.Or(failed, err)},
	}
}

// generated are kinds that a workload makes of itself, and that the checker looks at as well.
var generated = []handover.Ref{
	{APIVersion: "apps/v1", Kind: "ReplicaSet", Namespace: "any"},
	{APIVersion: "v1", Kind: "Pod", Namespace: "any"},
}

// mapper maps just those kinds, without asking the cluster about all that it serves.
func (c *Cluster) mapper(ctx context.Context, refs []handover.Ref) (meta.RESTMapper, error) {
	refs = slices.Concat(refs, generated)
	var versions []schema.GroupVersion // in which kinds are looked for that are asked for without one, as the checker does
	for _, ref := range refs {
		versions = append(versions, schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupVersion())
	}
	mapper := meta.NewDefaultRESTMapper(versions)
	for _, ref := range refs {
		r, err := c.resource(ctx, ref)
		if err != nil {
			return nil, err
		}
		scope := meta.RESTScopeRoot
		if ref.Namespace != "" {
			scope = meta.RESTScopeNamespace
		}
		one := r.GroupVersion().WithResource(strings.ToLower(ref.Kind))
		mapper.AddSpecific(r.GroupVersion().WithKind(ref.Kind), r, one, scope)
	}
	return mapper, nil
}

// interruptible ends the checker's polling when our context ends, which it does not know, and keeps why its lists fail,
// which it does not tell.
type interruptible struct {
	client.Client

	ctx context.Context
	mu  sync.Mutex
	err error
}

// List implements client.Reader.
func (i *interruptible) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if i.ctx.Err() != nil {
		return context.Canceled // what the checker stops at
	}
	err := i.Client.List(ctx, list, options...)
	i.mu.Lock()
	defer i.mu.Unlock()
	if ctx.Err() == nil {
		i.err = err
	}
	return err
}

func (i *interruptible) failed() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err
}

// verdicts hears what the checker says of each object: its errors name none. It implements Flux's logger.
type verdicts struct {
	log.NopLogger

	tell    func(string)
	mu      sync.Mutex
	current map[string]bool // "cilium helmrelease"
}

// Successf hears of an object that is current: its name and its kind in lower case.
func (v *verdicts) Successf(_ string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current[strings.TrimSuffix(fmt.Sprintln(args...), "\n")] = true
}

// Waitingf and the like are the checker's own words.
func (v *verdicts) Waitingf(format string, args ...any) { v.tell(fmt.Sprintf(format, args...)) }

// waiting are those of refs that were not called current.
func (v *verdicts) waiting(refs []handover.Ref) []handover.Ref {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(refs), func(r handover.Ref) bool {
		return v.current[r.Name+" "+strings.ToLower(r.Kind)]
	})
}
