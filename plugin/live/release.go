package live

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// MaxRelease bounds what a release record may inflate to, in bytes. Cilium's is about 2 MiB.
const MaxRelease = 32 << 20

// maxStrangers bounds how many releases that sound like Cilium's are looked into.
const maxStrangers = 8

var secretResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// seeReleases lists the labels of Helm's records where Cilium's release and a misnamed second one would be: in Cilium's
// namespace and in Flux's. Contents are megabytes; only those of releases that sound like Cilium's are looked into.
func seeReleases(ctx context.Context, g *gatherer) error {
	e := g.options.Expect
	namespaces := slices.Compact([]string{e.Cilium.Namespace, e.Flux.Namespace})
	some := make([][]facts.Record, len(namespaces))
	err := atOnce(len(namespaces), func(i int) (err error) {
		some[i], err = g.records(ctx, namespaces[i])
		return err
	})
	if err != nil {
		return err
	}
	all := slices.Concat(some...)
	if err := g.strangers(ctx, all); err != nil {
		return err
	}
	var search *facts.RecordSearch
	if !slices.ContainsFunc(all, func(r facts.Record) bool { return r.Namespace == e.Cilium.Namespace && r.Release == e.Cilium.Release }) {
		search = g.search(ctx)
	}
	all = sorted(all, func(r facts.Record) string { return fmt.Sprintf("%s/%s %012d", r.Namespace, r.Release, r.Revision) })
	g.note(func(f *facts.Facts) { f.Live.Records, f.Live.Search = all, search })
	return nil
}

// records are those of a namespace that sound like Cilium's.
func (g *gatherer) records(ctx context.Context, namespace string) ([]facts.Record, error) {
	var all []facts.Record
	err := paged("owner=helm", func(o metav1.ListOptions) (string, error) {
		list, err := g.meta.Resource(secretResource).Namespace(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			if r := record(&list.Items[i]); strings.Contains(r.Release, g.options.Expect.Cilium.Release) {
				all = append(all, r)
			}
		}
		return list.Continue, nil
	})
	return all, err
}

// strangers reads which chart releases other than Cilium's own were made of, from their newest records.
func (g *gatherer) strangers(ctx context.Context, all []facts.Record) error {
	e := g.options.Expect.Cilium
	newest := map[string]int{}
	for i, r := range all {
		name := r.Namespace + "/" + r.Release
		if at, ok := newest[name]; name != e.Namespace+"/"+e.Release && (!ok || r.Revision > all[at].Revision) {
			newest[name] = i
		}
	}
	for n, name := range slices.Sorted(maps.Keys(newest)) {
		if n == maxStrangers {
			break
		}
		r := all[newest[name]]
		contents, _, err := g.contents(ctx, r)
		if err != nil {
			return fmt.Errorf("read Secret %s/%s: %w", r.Namespace, r.Secret, err)
		}
		for i := range all {
			if all[i].Namespace == r.Namespace && all[i].Release == r.Release {
				all[i].Chart = contents.Chart
			}
		}
	}
	return g.compare(ctx, all)
}

func record(m *metav1.PartialObjectMetadata) facts.Record {
	revision, _ := strconv.Atoi(m.Labels["version"])
	modified := m.CreationTimestamp.UTC()
	for _, label := range []string{"createdAt", "modifiedAt"} {
		if seconds, err := strconv.ParseInt(m.Labels[label], 10, 64); err == nil {
			if t := time.Unix(seconds, 0).UTC(); t.After(modified) {
				modified = t
			}
		}
	}
	return facts.Record{
		Namespace: m.Namespace, Secret: m.Name, Release: m.Labels["name"], Revision: revision,
		Status: m.Labels["status"], Modified: modified,
	}
}

// seeRelease reads the newest record of Cilium's release.
func seeRelease(ctx context.Context, g *gatherer) error {
	e := g.options.Expect.Cilium
	var own []facts.Record
	g.mu.Lock()
	for _, r := range g.facts.Live.Records {
		if r.Release == e.Release && r.Namespace == e.Namespace {
			own = append(own, r)
		}
	}
	g.mu.Unlock()
	if len(own) == 0 {
		return nil
	}
	newest := slices.MaxFunc(own, func(a, b facts.Record) int { return cmp.Compare(a.Revision, b.Revision) })
	contents, config, err := g.contents(ctx, newest)
	if err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Release, g.supplied = contents, config })
	return nil
}

// contents are what a record holds, and its values with their secrets.
func (g *gatherer) contents(ctx context.Context, r facts.Record) (*facts.ReleaseContents, values.Tree, error) {
	secret, err := g.recordSecret(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	contents, config, err := decodeRelease(secret)
	if err != nil {
		return nil, nil, fmt.Errorf("read release record %s/%s: %w", r.Namespace, r.Secret, err)
	}
	return contents, config, nil
}

// storedRelease is the part of Helm's record (3 and 4) that is of use here.
type storedRelease struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Version   int    `json:"version"`
	Info      struct {
		Status       string    `json:"status"`
		LastDeployed time.Time `json:"last_deployed"`
	} `json:"info"`
	Chart struct {
		Metadata struct {
			Name       string `json:"name"`
			Version    string `json:"version"`
			AppVersion string `json:"appVersion"`
		} `json:"metadata"`
		Values values.Tree `json:"values"`
	} `json:"chart"`
	Config      values.Tree `json:"config"`
	Manifest    string      `json:"manifest"`
	ApplyMethod string      `json:"apply_method"`
}

func decodeRelease(secret *core.Secret) (*facts.ReleaseContents, values.Tree, error) {
	plain, err := inflate(secret.Data["release"])
	if err != nil {
		return nil, nil, err
	}
	var r storedRelease
	if err := json.Unmarshal(plain, &r); err != nil {
		return nil, nil, errors.New("not Helm's JSON") // the decoder's own error may quote values
	}
	return &facts.ReleaseContents{
		Namespace: r.Namespace, Name: r.Name, Revision: r.Version, Status: r.Info.Status,
		Chart: r.Chart.Metadata.Name, ChartVersion: r.Chart.Metadata.Version, AppVersion: r.Chart.Metadata.AppVersion,
		ApplyMethod: r.ApplyMethod, Deployed: r.Info.LastDeployed.UTC(), Workloads: workloadsOf(r.Manifest, r.Namespace),
		Values: facts.Redact(r.Config), Defaults: facts.Redact(r.Chart.Values),
	}, r.Config, nil
}

// inflate undoes Helm's encoding, base64 around gzip, bounded: Helm's own decoder inflates whatever it is given.
func inflate(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errors.New("has no key release")
	}
	packed, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil {
		return nil, errors.New("not base64")
	}
	if !bytes.HasPrefix(packed, []byte{0x1f, 0x8b, 0x08}) {
		return packed, nil // Helm wrote records without gzip once, and still reads them
	}
	size, err := inflated(packed, io.Discard)
	if err != nil {
		return nil, err
	}
	plain := bytes.NewBuffer(make([]byte, 0, size))
	_, err = inflated(packed, plain)
	return plain.Bytes(), err
}

// inflated writes what packed inflates to, and says how much that is. To nowhere first, a bomb costs time and no memory.
func inflated(packed []byte, to io.Writer) (int64, error) {
	unzip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return 0, errors.New("not gzip")
	}
	n, err := io.Copy(to, io.LimitReader(unzip, MaxRelease+1))
	switch {
	case n > MaxRelease:
		return 0, fmt.Errorf("inflates to more than %d MiB", MaxRelease>>20)
	case err != nil:
		return 0, errors.New("its gzip is damaged")
	}
	return n, nil
}
