package chart

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/encoding/protojson"
)

// signable is a registry with the fixture, whose signatures a test makes.
type signable struct {
	t      *testing.T
	url    string
	digest name.Digest
	chart  v1.Image
}

func newSignable(t *testing.T) *signable {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://")+"/charts/cilium", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	s := &signable{t: t, url: "oci://" + repo.Name(), chart: image(t)}
	digest, err := s.chart.Digest()
	if err == nil {
		err = remote.Write(repo.Tag("1.20.2"), s.chart)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.digest = repo.Digest(digest.String())
	return s
}

// payload is what cosign signs of an image with that digest.
func payload(digest string) []byte {
	return []byte(`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"` + digest + `"},"type":"cosign container image signature"},"optional":null}`)
}

// beside keeps a signature as cosign 2 does: under a tag of its own.
func (s *signable) beside(payload []byte, notes map[string]string) {
	s.t.Helper()
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer(payload, simpleSigning), Annotations: notes,
	})
	if err == nil {
		err = remote.Write(s.digest.Context().Tag(strings.Replace(s.digest.DigestStr(), ":", "-", 1)+".sig"), image)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// attached keeps a bundle as cosign 3 does: as an image that refers to the chart's.
func (s *signable) attached(b *bundlepb.Bundle) {
	s.t.Helper()
	b.MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	text, err := protojson.Marshal(b)
	if err != nil {
		s.t.Fatal(err)
	}
	subject, err := remote.Head(s.digest)
	if err != nil {
		s.t.Fatal(err)
	}
	made, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.MediaType(b.MediaType)),
		static.NewLayer(text, types.MediaType(b.MediaType)))
	if err != nil {
		s.t.Fatal(err)
	}
	refers, ok := mutate.Subject(made, *subject).(v1.Image)
	if !ok {
		s.t.Fatal("no image")
	}
	digest, err := refers.Digest()
	if err == nil {
		err = remote.Write(s.digest.Context().Digest(digest.String()), refers)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *signable) fetch(v *Verification) (*Fetched, error) {
	return (&Fetcher{Places: []Source{}}).Fetch(context.Background(), Source{URL: s.url, Tag: "1.20.2", Insecure: true, Verify: v})
}

// refused insists on a refusal that says why.
func refused(t *testing.T, err error, why string) {
	t.Helper()
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) {
		t.Errorf("got %v, want a refusal: %s", err, why)
	}
}

func newKey(t *testing.T) (signature.Signer, []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, private), public(t, private.Public())
}

func signer(t *testing.T, private crypto.PrivateKey) signature.Signer {
	t.Helper()
	s, err := signature.LoadSigner(private, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func public(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	text, err := cryptoutils.MarshalPublicKeyToPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sign(t *testing.T, s signature.Signer, message []byte) []byte {
	t.Helper()
	out, err := s.SignMessage(strings.NewReader(string(message)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func note(sig []byte) map[string]string {
	return map[string]string{noteSignature: base64.StdEncoding.EncodeToString(sig)}
}

func TestSignaturesByKey(t *testing.T) {
	own, ownKey := newKey(t)
	_, otherKey := newKey(t)
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := newSignable(t)
	refused(t, second(s.fetch(&Verification{keys: [][]byte{ownKey}})), "has no signature")
	over := payload(s.digest.DigestStr())
	s.beside(over, note(sign(t, own, over)))
	if f, err := s.fetch(&Verification{keys: [][]byte{otherKey, ownKey}}); err != nil || !strings.HasSuffix(f.From, ", "+verifiedHere) || f.unverified != "" {
		t.Errorf("%+v, %v", f, err)
	}
	refused(t, second(s.fetch(&Verification{keys: [][]byte{otherKey}})), "none of its 1 signatures")
	if f, err := s.fetch(&Verification{keys: [][]byte{[]byte("no key")}}); err != nil || !strings.Contains(f.unverified, "cannot be read") {
		t.Errorf("a key that is none: %+v, %v", f, err)
	}
	ed := signer(t, edPrivate)
	s.beside(over, note(sign(t, ed, over)))
	if _, err := s.fetch(&Verification{keys: [][]byte{public(t, edPublic)}}); err != nil {
		t.Error(err)
	}
	of := payload("sha256:" + strings.Repeat("0", 64))
	s.beside(of, note(sign(t, own, of)))
	refused(t, second(s.fetch(&Verification{keys: [][]byte{ownKey}})), "another image")
	s.beside(over, note([]byte("nonsense")))
	refused(t, second(s.fetch(&Verification{keys: [][]byte{ownKey}})), "none of its 1 signatures")
}

func second[T any](_ T, err error) error { return err }

// statement is what cosign 3 signs of an image with that digest.
func statement(t *testing.T, digest string) []byte {
	t.Helper()
	out, err := json.Marshal(map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": map[string]any{},
		"subject": []any{map[string]any{"name": "", "digest": map[string]any{"sha256": strings.TrimPrefix(digest, "sha256:")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const inToto = "application/vnd.in-toto+json"

// envelope is a statement with a signature over both its type and itself.
func envelope(t *testing.T, s signature.Signer, body []byte) *dssepb.Envelope {
	t.Helper()
	over := "DSSEv1 " + number(len(inToto)) + " " + inToto + " " + number(len(body)) + " " + string(body)
	return &dssepb.Envelope{PayloadType: inToto, Payload: body, Signatures: []*dssepb.Signature{{Sig: sign(t, s, []byte(over))}}}
}

func number(n int) string { text, _ := json.Marshal(n); return string(text) }

func TestBundlesByKey(t *testing.T) {
	own, ownKey := newKey(t)
	_, otherKey := newKey(t)
	for name, c := range map[string]struct {
		digest string
		key    []byte
		why    string
	}{
		"by the key":       {key: ownKey},
		"by another key":   {key: otherKey, why: "none of its 1 signatures"},
		"of another image": {key: ownKey, digest: "sha256:" + strings.Repeat("0", 64), why: "none of its 1 signatures"},
	} {
		s := newSignable(t)
		if c.digest == "" {
			c.digest = s.digest.DigestStr()
		}
		s.attached(&bundlepb.Bundle{
			VerificationMaterial: &bundlepb.VerificationMaterial{Content: &bundlepb.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{}}},
			Content:              &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: envelope(t, own, statement(t, c.digest))},
		})
		_, err := s.fetch(&Verification{keys: [][]byte{c.key}})
		switch {
		case c.why != "":
			refused(t, err, c.why)
		case err != nil:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSignaturesByIdentity: a certificate, and a log that it stands in, vouch for who signed.
func TestSignaturesByIdentity(t *testing.T) {
	const who, issuer = "https://github.com/cilium/cilium/.github/workflows/images.yaml@refs/tags/v1.20.2", "https://token.actions.githubusercontent.com"
	authority, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	material := trusted(t, authority)
	stranger, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	s := newSignable(t)
	over := payload(s.digest.DigestStr())
	s.beside(over, keyless(t, authority, who, issuer, over))
	match := func(issuer, subject string) []sourcev1.OIDCIdentityMatch {
		return []sourcev1.OIDCIdentityMatch{{Issuer: "^nobody$", Subject: "^nobody$"}, {Issuer: issuer, Subject: subject}}
	}
	cilium := match("^https://token.actions.githubusercontent.com$", "^https://github.com/cilium/cilium/.*$")
	if f, err := s.fetch(&Verification{root: material, identities: cilium}); err != nil || !strings.HasSuffix(f.From, ", "+verifiedHere) {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := s.fetch(&Verification{root: material}); err != nil {
		t.Errorf("any identity: %v", err)
	}
	refused(t, second(s.fetch(&Verification{root: material, identities: match(".*", "^https://github.com/somebody/.*$")})), "none of its 1 signatures")
	refused(t, second(s.fetch(&Verification{root: trusted(t, stranger), identities: cilium})), "none of its 1 signatures")
	refused(t, second(s.fetch(&Verification{root: material, identities: cilium, logs: 1})), "none of its 1 signatures")
	without := keyless(t, authority, who, issuer, over)
	delete(without, noteLog)
	s.beside(over, without)
	refused(t, second(s.fetch(&Verification{root: material, identities: cilium})), "no receipt")
}

// trusted is an authority's root of trust, without the log of certificates: those that it makes are in none.
func trusted(t *testing.T, authority *ca.VirtualSigstore) []byte {
	t.Helper()
	logs := map[string]*root.TransparencyLog{}
	for id, one := range authority.RekorLogs() {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		one.ID = raw
		logs[id] = one
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, authority.FulcioCertificateAuthorities(), nil, nil, logs)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keyless signs over as somebody, in cosign's annotations.
func keyless(t *testing.T, authority *ca.VirtualSigstore, who, issuer string, over []byte) map[string]string {
	t.Helper()
	made, err := authority.Sign(who, issuer, over)
	if err != nil {
		t.Fatal(err)
	}
	content, err := made.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	verification, err := made.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := cryptoutils.MarshalCertificateToPEM(verification.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := made.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	entry := entries[0].TransparencyLogEntry()
	var l logged
	l.Payload.Body, l.Payload.Time, l.Payload.Index = entry.GetCanonicalizedBody(), entry.GetIntegratedTime(), entry.GetLogIndex()
	l.Payload.Log = hex.EncodeToString(entry.GetLogId().GetKeyId())
	l.Promise, err = authority.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(l.Payload.Body), IntegratedTime: l.Payload.Time, LogIndex: l.Payload.Index, LogID: l.Payload.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	notes := note(content.Signature())
	notes[noteCertificate], notes[noteLog] = string(certificate), string(receipt)
	return notes
}

// TestLeftToFlux: what cannot be verified from here is unknown, unless source-controller has verified the very digest.
func TestLeftToFlux(t *testing.T) {
	s := newSignable(t)
	demand := map[string]any{"provider": "notation", "secretRef": named("trust")}
	for name, c := range map[string]struct {
		status  map[string]any
		unknown bool
	}{
		"said nothing": {unknown: true},
		"said so":      {status: verifiedStatus("True", s.digest.DigestStr())},
		"said no":      {status: verifiedStatus("False", s.digest.DigestStr()), unknown: true},
		"of another":   {status: verifiedStatus("True", "sha256:"+strings.Repeat("0", 64)), unknown: true},
	} {
		o := ociRepository(s.url, map[string]any{"insecure": true, "verify": demand})
		if c.status != nil {
			o["status"] = c.status
		}
		r, err := newSession(newCluster(controller(), o)).Render(t.Context(), Want{Release: byRef(), Values: withKey("x")})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := len(r.Unknown) > 0; got != c.unknown || strings.Contains(r.ChartFrom, verifiedThere) == c.unknown {
			t.Errorf("%s: %q, %q", name, r.ChartFrom, r.Unknown)
		}
	}
}

func verifiedStatus(status, digest string) map[string]any {
	return map[string]any{
		"artifact":   map[string]any{"revision": "1.20.2@" + digest, "url": "http://source-controller", "path": "x", "lastUpdateTime": "2026-11-20T08:00:00Z"},
		"conditions": []any{map[string]any{"type": "SourceVerified", "status": status, "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-11-20T08:00:00Z"}},
	}
}

// TestKeysOfASource are taken from the Secret that it names; a chart that nobody signed is refused, never rendered.
func TestKeysOfASource(t *testing.T) {
	own, ownKey := newKey(t)
	s := newSignable(t)
	objects := []map[string]any{
		controller(), withData("Secret", "kube-system", "keys", map[string]string{"cosign.pub": string(ownKey)}),
		ociRepository(s.url, map[string]any{"insecure": true, "verify": map[string]any{"provider": "cosign", "secretRef": named("keys")}}),
	}
	render := func() error {
		_, err := newSession(newCluster(objects...)).Render(t.Context(), Want{Release: byRef(), Values: withKey("x")})
		return err
	}
	refused(t, render(), "has no signature")
	over := payload(s.digest.DigestStr())
	s.beside(over, note(sign(t, own, over)))
	if err := render(); err != nil {
		t.Error(err)
	}
	objects[1] = withData("Secret", "kube-system", "keys", map[string]string{"other": "x"})
	r, err := newSession(newCluster(objects...)).Render(t.Context(), Want{Release: byRef(), Values: withKey("x")})
	if err != nil || len(r.Unknown) != 1 || !strings.Contains(r.Unknown[0], "no key to verify with") {
		t.Errorf("%+v, %v", r, err)
	}
}
