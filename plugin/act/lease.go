package act

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Name is that of a handover's Lease and of its journal's ConfigMap, both in Flux's namespace.
const Name = "cilium-gitops-handover"

// The times of a lock. Whoever holds it gives it up before anybody else may take it.
const (
	leaseLasts = 15 * time.Second // others may take it when nothing has renewed it for so long
	giveUp     = 12 * time.Second // its holder has lost it when it could not renew it for so long
	renewEvery = 5 * time.Second
	retryAfter = time.Second // after a renewal that failed, and between two looks at somebody else's
)

// Held says that another handover holds the lock.
type Held struct {
	Holder string    // who, as it calls itself
	Since  time.Time // by its clock
}

func (h *Held) Error() string {
	return fmt.Sprintf("take the lock: %s holds it since %s; it is free %s after that process has ended; see what it does: flux handover status",
		h.Holder, h.Since.UTC().Format(time.RFC3339), leaseLasts)
}

// Lease is the lock of one cluster while it is ours. It is renewed until Release, or until it is lost.
type Lease struct {
	c     *Cluster
	lock  *resourcelock.LeaseLock
	stop  context.CancelFunc
	done  chan struct{} // closed when renewing has ended
	lost  chan struct{}
	once  sync.Once
	valid time.Time // when the last request that renewed it began
	mine  resourcelock.LeaderElectionRecord
}

// Lock takes the cluster's lock as identity, which nobody else may use. Where a handover that lives holds it, the error
// is a *Held: at once where its last renewal is recent by our clock, or when it is seen to renew. Clocks may differ by
// hours: a lock that looks old is watched for as long as it lasts, and taken over only when nothing renewed it
// meanwhile.
func (c *Cluster) Lock(ctx context.Context, identity string) (*Lease, error) {
	l := &Lease{c: c, done: make(chan struct{}), lost: make(chan struct{}), lock: &resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Name: Name, Namespace: c.options.Expect.Flux.Namespace},
		Client:    c.leases, LockConfig: resourcelock.ResourceLockConfig{Identity: identity}, Labels: ownLabels(),
	}}
	var err error
	for range 3 { // others may come and go between our look and our write
		var again bool
		if again, err = l.try(ctx); !again {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(c.life)
	l.stop = stop
	go l.keep(background)
	return l, nil
}

// ownLabels mark what is this tool's own in a cluster.
func ownLabels() map[string]string { return map[string]string{"app.kubernetes.io/managed-by": manager} }

func (l *Lease) ref() handover.Ref {
	return handover.Ref{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: l.lock.LeaseMeta.Namespace, Name: Name}
}

// try takes the lock if it is free. again tells that it may be worth looking anew, whatever the error.
func (l *Lease) try(ctx context.Context) (again bool, err error) {
	record, raw, err := l.look(ctx)
	if apierrors.IsNotFound(err) {
		return l.taken(l.write(ctx, 0, l.lock.Create), "create")
	}
	if err != nil {
		return false, l.c.failed("take the lock", l.ref(), "get", err)
	}
	if record.HolderIdentity != "" && record.HolderIdentity != l.lock.Identity() {
		if held := l.others(ctx, record, raw); held != nil {
			return false, held
		}
	}
	return l.taken(l.write(ctx, record.LeaderTransitions+1, l.lock.Update), "update")
}

// taken judges the answer to a write that takes the lock.
func (l *Lease) taken(err error, verb string) (again bool, _ error) {
	return isConflict(err) || apierrors.IsNotFound(err) || err != nil && passing(err), l.c.failed("take the lock", l.ref(), verb, err)
}

func (l *Lease) look(ctx context.Context) (record *resourcelock.LeaderElectionRecord, raw []byte, err error) {
	err = l.c.read(ctx, func() error {
		record, raw, err = l.lock.Get(ctx)
		return err
	})
	return record, raw, err
}

// others returns nil when the lock that somebody else has is dead, and else why it cannot be taken.
func (l *Lease) others(ctx context.Context, record *resourcelock.LeaderElectionRecord, raw []byte) error {
	held := &Held{Holder: facts.Text(record.HolderIdentity), Since: record.AcquireTime.Time}
	lasts := max(leaseLasts, min(time.Duration(record.LeaseDurationSeconds)*time.Second, 4*leaseLasts))
	if age := l.c.clock.Since(record.RenewTime.Time); age.Abs() < lasts {
		return held
	}
	l.c.options.Tell(fmt.Sprintf("%s holds the lock and looks gone: watching for %s whether it renews", held.Holder, lasts))
	first := string(raw)
	for end := l.c.clock.Now().Add(lasts); l.c.clock.Now().Before(end); {
		select {
		case <-l.c.clock.After(min(retryAfter, end.Sub(l.c.clock.Now()))):
		case <-ctx.Done():
			return ctx.Err()
		}
		record, now, err := l.look(ctx)
		switch {
		case apierrors.IsNotFound(err), err == nil && record.HolderIdentity == "":
			return nil
		case err != nil:
			return l.c.failed("watch the lock", l.ref(), "get", err)
		case string(now) != first:
			return &Held{Holder: facts.Text(record.HolderIdentity), Since: record.AcquireTime.Time}
		}
	}
	return nil
}

// write makes the lock ours by create or update.
func (l *Lease) write(ctx context.Context, transitions int, do func(context.Context, resourcelock.LeaderElectionRecord) error) error {
	now := l.c.clock.Now()
	record := resourcelock.LeaderElectionRecord{
		HolderIdentity: l.lock.Identity(), LeaseDurationSeconds: int(leaseLasts / time.Second),
		AcquireTime: metav1.NewTime(now), RenewTime: metav1.NewTime(now), LeaderTransitions: transitions,
	}
	within, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	if err := do(within, record); err != nil {
		return err
	}
	l.valid, l.mine = now, record
	return nil
}

// Lost is closed when the lock could not be renewed for so long that others may soon take it, or when somebody has it.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// errTaken: the lock is not ours any more.
var errTaken = errors.New("somebody else has the lock")

// keep renews the lock until ctx ends or the lock is lost.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.done)
	wait := renewEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.c.clock.After(wait):
		}
		left := giveUp - l.c.clock.Since(l.valid)
		err := errTaken
		if left > 0 {
			err = l.renew(ctx, left)
		}
		switch {
		case err == nil:
			wait = renewEvery
		case ctx.Err() != nil:
			return
		case errors.Is(err, errTaken), l.c.clock.Since(l.valid) >= giveUp:
			close(l.lost)
			return
		default:
			l.c.options.Tell("renew the lock: " + reason(err))
			wait = min(retryAfter, giveUp-l.c.clock.Since(l.valid))
		}
	}
}

// renew renews the lock once, and tells by errTaken that it is somebody else's, or gone.
func (l *Lease) renew(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := l.c.clock.Now()
	record := l.mine
	record.RenewTime = metav1.NewTime(began)
	err := l.lock.Update(ctx, record)
	if apierrors.IsConflict(err) { // perhaps by ourselves: the answer to the last renewal was lost
		now, _, lookErr := l.lock.Get(ctx)
		switch {
		case apierrors.IsNotFound(lookErr), lookErr == nil && now.HolderIdentity != l.lock.Identity():
			return errTaken
		case lookErr != nil:
			return lookErr
		}
		err = l.lock.Update(ctx, record)
	}
	if apierrors.IsNotFound(err) {
		return errTaken
	}
	if err == nil {
		l.valid = began
	}
	return err
}

// Release gives the lock back: it deletes the Lease or, where that is forbidden, clears its holder. What is no longer
// ours it leaves alone.
func (l *Lease) Release(ctx context.Context) (err error) {
	l.once.Do(func() {
		l.stop()
		<-l.done
		err = l.give(ctx)
	})
	return err
}

func (l *Lease) give(ctx context.Context) error {
	leases := l.c.leases.Leases(l.lock.LeaseMeta.Namespace)
	for range 3 {
		now, err := leases.Get(ctx, Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && (now.Spec.HolderIdentity == nil || *now.Spec.HolderIdentity != l.lock.Identity()) {
			return nil
		}
		if err != nil {
			return l.c.failed("give back the lock", l.ref(), "get", err)
		}
		err = leases.Delete(ctx, Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &now.UID, ResourceVersion: &now.ResourceVersion}})
		if apierrors.IsForbidden(err) {
			now.Spec.HolderIdentity = new(string)
			_, err = leases.Update(ctx, now, metav1.UpdateOptions{FieldManager: manager})
		}
		if err == nil || apierrors.IsNotFound(err) {
			return nil
		}
		if !apierrors.IsConflict(err) {
			return l.c.failed("give back the lock", l.ref(), "delete", err)
		}
	}
	return nil // somebody else writes it: it is theirs
}
