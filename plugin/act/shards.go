package act

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// What a journal's baseline and proof come to, of a cluster of thousands of nodes, is kept apart: in ConfigMaps of their
// own, NAME-1 to NAME-8, which the journal's own names by number, size and digest. It is in them before the journal says
// so, and what the journal says is in them is not written over: a process that dies in between leaves a journal that can
// be read.

// inline is how many bytes, packed, of baseline and proof a journal has in itself: all of up to some 3,000 pods.
const inline = 256 << 10

// partKey is where such a ConfigMap has its stretch of bytes.
const partKey = "part.zst"

// storedJournal is a journal as it is stored.
type storedJournal struct {
	handover.Journal `json:",inline"`

	Apart *keptApart `json:"apart,omitempty"`
}

// keptApart is what is kept apart of a journal; a nil piece is in the journal itself, or not there.
type keptApart struct {
	Base  *piece `json:"base,omitempty"`
	Proof *piece `json:"proof,omitempty"`
}

// piece is one thing that is kept apart: its bytes follow each other in Count ConfigMaps, the first of which has number
// First.
type piece struct {
	First  int    `json:"first"`
	Count  int    `json:"count"`
	Size   int    `json:"size"` // of all bytes
	SHA256 string `json:"sha256"`
}

// frozen is what a facts.Live packs to. It is not changed once a journal has it, so that it is packed once.
type frozen struct {
	of    *facts.Live
	bytes []byte
	text  int // how long it was before it was packed
}

// packLive packs live; the one that was packed last is remembered in was.
func packLive(was *frozen, live *facts.Live) (*frozen, error) {
	if live == nil || was != nil && was.of == live {
		return was, nil
	}
	text, err := json.Marshal(live)
	if err != nil {
		return nil, err
	}
	out, err := compress(text)
	if err != nil {
		return nil, err
	}
	return &frozen{of: live, bytes: out, text: len(text)}, nil
}

// packing is a journal ready to be stored: its own document, and what ConfigMaps of their own are to hold, by number.
type packing struct {
	main  []byte
	fence []byte // the document without what the parts are yet to hold; nil where there are none
	parts map[int][]byte
	// pieces are the digests of what the parts hold, by the number of the first.
	pieces map[string]int
}

// packed makes a journal ready to be stored.
func (k *Journal) packed(j *handover.Journal) (*packing, error) {
	var err error
	if k.base, err = packLive(k.base, j.Base); err != nil {
		return nil, err
	}
	if k.proof, err = packLive(k.proof, j.Proof); err != nil {
		return nil, err
	}
	size := 0
	if j.Base != nil {
		size += len(k.base.bytes)
	}
	if j.Proof != nil {
		size += len(k.proof.bytes)
	}
	if size <= inline {
		main, err := pack(j)
		return &packing{main: main}, err
	}
	d := storedJournal{Journal: *j, Apart: &keptApart{}}
	d.Base, d.Proof = nil, nil
	p := &packing{parts: map[int][]byte{}, pieces: map[string]int{}}
	next := 1
	if j.Base != nil {
		d.Apart.Base = p.cut(&next, k.base.bytes)
	}
	if j.Proof != nil {
		d.Apart.Proof = p.cut(&next, k.proof.bytes)
	}
	if next-1 > handover.JournalParts {
		return nil, fmt.Errorf("its baseline and its proof take %d ConfigMaps, and there are %d", next-1,
			handover.JournalParts)
	}
	if p.main, err = packDocument(d); err != nil {
		return nil, err
	}
	p.fence, err = k.fence(d)
	return p, err
}

// cut spreads bytes over parts, from number *next on.
func (p *packing) cut(next *int, all []byte) *piece {
	sum := sha256.Sum256(all)
	out := &piece{First: *next, Size: len(all), SHA256: hex.EncodeToString(sum[:])}
	for len(all) > 0 {
		n := min(len(all), MaxPacked)
		p.parts[*next] = all[:n]
		all = all[n:]
		*next++
		out.Count++
	}
	p.pieces[out.SHA256] = out.First
	return out
}

// fence is d without the pieces of which a part is not stored yet; nil where all are.
func (k *Journal) fence(d storedJournal) ([]byte, error) {
	kept := *d.Apart
	whole := true
	for _, of := range []**piece{&kept.Base, &kept.Proof} {
		if *of != nil && k.stands[(*of).SHA256] != (*of).First {
			*of, whole = nil, false
		}
	}
	if whole {
		return nil, nil
	}
	d.Apart = &kept
	return packDocument(d)
}

// part is the name of the ConfigMap with that number.
func (k *Journal) part(n int) handover.Ref {
	ref := k.ref()
	ref.Name = handover.JournalPart(k.name, n)
	return ref
}

// keepParts stores what is kept apart, and remembers that it is.
func (k *Journal) keepParts(ctx context.Context, j *handover.Journal, p *packing) error {
	for sum, first := range k.stands {
		if p.pieces[sum] != first {
			delete(k.stands, sum) // it may be written over from now on
		}
	}
	for n := 1; n <= len(p.parts); n++ {
		if err := k.keepPart(ctx, j, k.part(n), p.parts[n]); err != nil {
			return k.c.failed("keep a part of the journal in", k.part(n), "update", err)
		}
	}
	k.stands = p.pieces
	return nil
}

// keepPart creates one ConfigMap or replaces what it holds. Whoever calls it has just written the journal's own, by which
// it is known that nobody else keeps one.
func (k *Journal) keepPart(ctx context.Context, j *handover.Journal, ref handover.Ref, data []byte) error {
	maps := k.c.core.ConfigMaps(ref.Namespace)
	cm := &core.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: ref.Name, Namespace: ref.Namespace, Labels: ownLabels()},
		Data:       map[string]string{"run": j.Run, "of": k.name}, BinaryData: map[string][]byte{partKey: data},
	}
	is, err := k.partStored(ctx, ref)
	switch {
	case apierrors.IsNotFound(err):
		_, err = maps.Create(ctx, cm, metav1.CreateOptions{FieldManager: manager})
		return err
	case err != nil:
		return err
	case is.Data["run"] == j.Run && bytes.Equal(is.BinaryData[partKey], data):
		return nil
	}
	cm.ResourceVersion = is.ResourceVersion
	_, err = maps.Update(ctx, cm, metav1.UpdateOptions{FieldManager: manager})
	return err
}

func (k *Journal) partStored(ctx context.Context, ref handover.Ref) (cm *core.ConfigMap, err error) {
	err = k.c.read(ctx, func() error {
		cm, err = k.c.core.ConfigMaps(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	return cm, err
}

// fetch reads what a journal keeps apart.
func (k *Journal) fetch(ctx context.Context, d *storedJournal) error {
	k.stands = map[string]int{}
	if d.Apart == nil {
		return nil
	}
	for _, of := range []struct {
		what string
		*piece
		to **facts.Live
	}{{"baseline", d.Apart.Base, &d.Base}, {"proof", d.Apart.Proof, &d.Proof}} {
		if of.piece == nil {
			continue
		}
		live, err := k.assemble(ctx, d.Run, *of.piece)
		if err != nil {
			return fmt.Errorf("its %s: %w", of.what, err)
		}
		*of.to = live
		k.stands[of.SHA256] = of.First
	}
	return nil
}

// assemble reads one thing that is kept apart. Its parts may be whoever's: their number and size are bounded, and what they
// hold together has to be what the journal says.
func (k *Journal) assemble(ctx context.Context, run string, p piece) (*facts.Live, error) {
	if p.First < 1 || p.Count < 1 || p.First+p.Count-1 > handover.JournalParts || p.Size < 1 ||
		p.Size > p.Count*MaxPacked {
		return nil, fmt.Errorf("it is said to be in %d ConfigMaps from number %d on, with %d bytes", p.Count,
			p.First, p.Size)
	}
	var all []byte
	for n := p.First; n < p.First+p.Count; n++ {
		ref := k.part(n)
		cm, err := k.partStored(ctx, ref)
		switch {
		case apierrors.IsNotFound(err):
			return nil, fmt.Errorf("its part %s is missing", ref)
		case err != nil:
			return nil, k.c.failed("read a part of the journal in", ref, "get", err)
		case cm.Data["run"] != run:
			return nil, fmt.Errorf("its part %s is of run %q, not of %s", ref, facts.Text(cm.Data["run"]), run)
		}
		if all = append(all, cm.BinaryData[partKey]...); len(all) > p.Size {
			break
		}
	}
	if sum := sha256.Sum256(all); len(all) != p.Size || hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("the parts from %s on do not hold what was kept there", k.part(p.First))
	}
	text, err := neutralText(all)
	if err != nil {
		return nil, err
	}
	live := &facts.Live{}
	if err := json.Unmarshal(text, live); err != nil {
		return nil, errors.New("it is not of a baseline's schema")
	}
	return live, nil
}

// Room tells whether the journal of a run with this baseline can be kept to the end, when every pod is another by then: nil
// where it can.
func (k *Journal) Room(j *handover.Journal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	if k.base, err = packLive(k.base, j.Base); err != nil || j.Base == nil {
		return err
	}
	later := len(k.base.bytes) + len(k.base.bytes)/4
	parts := (len(k.base.bytes)+MaxPacked-1)/MaxPacked + (later+MaxPacked-1)/MaxPacked
	if parts > handover.JournalParts || k.base.text+k.base.text/4 > MaxJournal {
		return fmt.Errorf("the cluster is too large for a journal: "+
			"a baseline of %d bytes, %d packed, and a proof beside it do not fit into %d ConfigMaps",
			k.base.text, len(k.base.bytes), handover.JournalParts)
	}
	return nil
}
