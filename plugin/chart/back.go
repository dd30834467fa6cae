package chart

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// ErrNoBootstrap: every record that Helm has of the release was made by Flux.
var ErrNoBootstrap = errors.New("every record that Helm still has of the release was made by Flux")

// Back is what Helm would do to go back to a revision of Cilium's release, and what is there: the manifest that the
// cluster has from Helm now, the revision's, and the objects of both. Revision 0 is the newest that Flux did not make;
// ErrNoBootstrap is the error where there is none. It is nil where Helm has no record at all, and To is 0 where the
// newest record is such a one already, and deployed: then After are the names of what it holds. Objects and errors are
// masked.
func (s *Session) Back(ctx context.Context, revision int) (*facts.Rendered, error) {
	out, err := s.back(ctx, revision)
	switch {
	case errors.Is(err, ErrNoBootstrap):
		return nil, err
	case err != nil:
		return nil, s.Masker.Error(err)
	}
	return out, nil
}

func (s *Session) back(ctx context.Context, revision int) (*facts.Rendered, error) {
	h, err := s.history(ctx)
	if err != nil || len(h.stored) == 0 {
		return nil, err
	}
	newest, err := h.record(0)
	if err != nil {
		return nil, err
	}
	out := &facts.Rendered{
		Release: h.namespace + "/" + h.name, Revision: newest.Revision, KubeVersion: s.cluster.version, Unknown: slices.Clone(s.cluster.unknown),
	}
	made, err := byFlux(newest)
	if err != nil {
		return nil, err
	}
	if !made && newest.Info.Status == "deployed" { // gone back already, or Helm has gone on without Flux
		out.By, out.LiveSeen, out.Method = fmt.Sprintf("revision %d", newest.Revision), true, methodOf(newest)
		out.After, err = names(newest, h.namespace, s.cluster)
		return out, err
	}
	to, err := h.target(revision)
	if err != nil {
		return nil, err
	}
	out.To = to.Revision
	from, err := h.from(to)
	if err != nil {
		return nil, err
	}
	out.By, out.ChartFrom = fmt.Sprintf("revision %d", to.Revision), "the release's record"
	out.Chart, out.ChartVersion, out.Method = to.Chart.Metadata.Name, to.Chart.Metadata.Version, methodOf(to)
	if out.Before, err = parse(from.Manifest, h.namespace, s.cluster); err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d: %w", from.Revision, err)
	}
	if out.After, err = parse(to.Manifest, h.namespace, s.cluster); err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d: %w", to.Revision, err)
	}
	seen := &sight{asked: map[string]bool{}, found: map[string]facts.Object{}}
	s.look(ctx, slices.Concat(out.Before, out.After), seen)
	seen.report(out)
	for i := range out.Live {
		asHelm(&out.Live[i])
	}
	s.mask(out)
	return out, nil
}

// asHelm has manager helm, who applies on the way back, own what is his under the name that impact knows an applier by:
// what he gives up goes, and what helm-controller gives up after him.
func asHelm(o *facts.Object) {
	for i := range o.Owners {
		if o.Owners[i].Manager == "helm" {
			o.Owners[i].Manager = "helm-controller"
		}
	}
}

// history is every record of a release, newest first; what has been decoded stays so.
type history struct {
	namespace, name string
	stored          []stored
	learn           func(*Record)
}

type stored struct {
	secret   string
	revision int
	data     string
	record   *Record
}

// history lists the records of Cilium's release.
func (s *Session) history(ctx context.Context) (*history, error) {
	h := &history{namespace: s.expect.Cilium.Namespace, name: s.expect.Cilium.Release}
	h.learn = func(r *Record) { s.Masker.Learn(r.Config, facts.Redact(r.Config)) }
	s.brought.Do(func() { s.bring(ctx) })
	secrets := s.cluster.dynamic.Resource(secretResource).Namespace(h.namespace)
	list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + h.name})
	if err != nil {
		return nil, fmt.Errorf("list the records of release %s/%s: %w", h.namespace, h.name, err)
	}
	for _, item := range list.Items {
		n, err := strconv.Atoi(item.GetLabels()["version"])
		if err != nil {
			continue
		}
		data, _, _ := unstructuredText(item.Object, "data", "release")
		h.stored = append(h.stored, stored{secret: item.GetName(), revision: n, data: data})
	}
	slices.SortFunc(h.stored, func(a, b stored) int { return cmp.Compare(b.revision, a.revision) })
	return h, nil
}

// record is the i-th newest, with all that it holds.
func (h *history) record(i int) (*Record, error) {
	at := &h.stored[i]
	if at.record != nil {
		return at.record, nil
	}
	packed, err := base64.StdEncoding.DecodeString(at.data)
	if err == nil {
		at.record, err = DecodeRecord(packed)
	}
	if err != nil {
		return nil, fmt.Errorf("read release record %s/%s: %w", h.namespace, at.secret, err)
	}
	h.learn(at.record)
	return at.record, nil
}

// target is the revision that was asked for, or the newest that was ever deployed and that Flux did not make.
func (h *history) target(revision int) (*Record, error) {
	for i, at := range h.stored {
		if revision != 0 && at.revision != revision {
			continue
		}
		r, err := h.record(i)
		if err != nil || revision != 0 {
			return r, err
		}
		made, err := byFlux(r)
		if err != nil {
			return nil, err
		}
		if !made && (r.Info.Status == "deployed" || r.Info.Status == "superseded") {
			return r, nil
		}
	}
	if revision == 0 {
		return nil, ErrNoBootstrap
	}
	return nil, fmt.Errorf("Helm has no record of revision %d of release %s/%s any more; put it back from the backup, then go on: kubectl -n %s apply --server-side -f BACKUP/release-records/",
		revision, h.namespace, h.name, h.namespace)
}

// from is the newest record whose manifest is not the target's: a rollback that did not come to its end has made one
// with the target's, and the cluster still has what was there before.
func (h *history) from(to *Record) (*Record, error) {
	for i, at := range h.stored {
		if at.revision <= to.Revision {
			break
		}
		r, err := h.record(i)
		if err != nil || r.Manifest != to.Manifest {
			return r, err
		}
	}
	return h.record(0)
}

// byFlux tells whether helm-controller made a record: it labels every object.
func byFlux(r *Record) (bool, error) {
	all, err := bodies(r.Manifest)
	if err != nil {
		return false, fmt.Errorf("read the manifest of revision %d: %w", r.Revision, err)
	}
	if len(all) == 0 {
		return false, nil
	}
	labels, _, _ := unstructured.NestedStringMap(all[0], "metadata", "labels")
	_, made := labels["helm.toolkit.fluxcd.io/name"]
	return made, nil
}

// Objects are the names of what the release's newest record holds; none where Helm has no record.
func (s *Session) Objects(ctx context.Context) ([]facts.Object, error) {
	h, err := s.history(ctx)
	if err != nil || len(h.stored) == 0 {
		return nil, s.Masker.Error(err)
	}
	newest, err := h.record(0)
	if err != nil {
		return nil, s.Masker.Error(err)
	}
	all, err := names(newest, h.namespace, s.cluster)
	return all, s.Masker.Error(err)
}

// names are those of what a record's manifest holds.
func names(r *Record, namespace string, c *cluster) ([]facts.Object, error) {
	all, err := parse(r.Manifest, namespace, c)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d: %w", r.Revision, err)
	}
	for i, o := range all {
		all[i] = facts.Object{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
	}
	return all, nil
}

// methodOf is how a revision was applied.
func methodOf(r *Record) string {
	if r.ApplyMethod == facts.ServerSide {
		return facts.ServerSide
	}
	return facts.ClientSide
}
