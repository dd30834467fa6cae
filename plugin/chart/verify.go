package chart

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
)

// Verification is what a source asks of a chart's signature. A nil *Verification asks for none.
type Verification struct {
	keys       [][]byte // in PEM; empty: keyless
	identities []sourcev1.OIDCIdentityMatch
	root       []byte // of trust, JSON; empty: the public Sigstore's
	logs       int    // certificate transparency logs that a certificate must be in
	// why it cannot be verified from here, a sentence's end; empty: it can.
	why string
	// done is the digest that source-controller says it has verified, for the very same demand.
	done string
}

// How a chart came by its trust; the middle one is no statement that anything is wrong.
const (
	verifiedHere  = "signature verified"
	verifiedThere = "signature verified by source-controller"
)

// verification is what a source's object asks for, with the Secrets that it names.
func (s *Session) verification(ctx context.Context, owner, namespace string, asked *sourcev1.OCIRepositoryVerification) *Verification {
	if asked == nil {
		return nil
	}
	v := &Verification{identities: asked.MatchOIDCIdentity, logs: 1}
	w := wants{owner: owner, namespace: namespace}
	if asked.Provider != "" && asked.Provider != "cosign" {
		v.why = "signatures of " + asked.Provider + " are not verified here"
		return v
	}
	if ref := asked.TrustedRootSecretRef; ref != nil {
		data, err := s.keysOf(ctx, namespace, ref.Name, func(key string) bool { return key == "trusted_root.json" })
		if err != nil {
			v.why = missing("Secret", w, ref.Name, err)
			return v
		}
		v.root = data[0]
	}
	if ref := asked.SecretRef; ref != nil {
		keys, err := s.keysOf(ctx, namespace, ref.Name, func(key string) bool { return strings.HasSuffix(key, ".pub") })
		if err != nil {
			v.why = missing("Secret", w, ref.Name, err)
		}
		v.keys = keys
	}
	return v
}

func (s *Session) keysOf(ctx context.Context, namespace, name string, is func(key string) bool) ([][]byte, error) {
	secret, err := s.secret(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for key, value := range secret.Data {
		if is(key) {
			out = append(out, value)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("it holds no key to verify with")
	}
	return out, nil
}

// verifiedAs is the digest that the cluster's source-controller has verified as an OCIRepository asks.
func (s *Session) verifiedAs(ctx context.Context, namespace, name string) (string, *sourcev1.OCIRepositoryVerification) {
	var o sourcev1.OCIRepository
	if err := s.object(ctx, nil, sourcev1.OCIRepositoryKind, namespace, name, &o); err != nil || o.Status.Artifact == nil {
		return "", nil
	}
	said := apimeta.FindStatusCondition(o.Status.Conditions, sourcev1.SourceVerifiedCondition)
	if said == nil || said.Status != "True" || said.ObservedGeneration != o.Generation {
		return "", nil
	}
	revision := o.Status.Artifact.Revision
	return revision[strings.LastIndex(revision, "@")+1:], o.Spec.Verify
}

// trust takes source-controller's word, where it was asked for the same.
func (v *Verification) trust(asked *sourcev1.OCIRepositoryVerification, digest string, by *sourcev1.OCIRepositoryVerification) {
	if v != nil && equality.Semantic.DeepEqual(asked, by) {
		v.done = digest
	}
}

// registry verifies an image's signatures: those that cosign keeps as bundles that refer to it, and where there are
// none those of a tag beside it. What it returns says how it came to trust, or why it cannot tell.
func (v *Verification) registry(ctx context.Context, f *Fetcher, image name.Digest, options []remote.Option) (how, unverified string, err error) {
	if v == nil {
		return "", "", nil
	}
	if v.why != "" {
		return v.leave(image, v.why)
	}
	trust, err := v.verifiers(ctx, f)
	if err != nil {
		return v.leave(image, err.Error())
	}
	all, err := signatures(image, options)
	if err != nil {
		return "", "", err
	}
	if len(all) == 0 {
		return "", "", fmt.Errorf("%w: it has no signature, and the source asks for one", ErrRefused)
	}
	digest, err := hex.DecodeString(strings.TrimPrefix(image.DigestStr(), "sha256:"))
	if err != nil {
		return "", "", fmt.Errorf("%w: its digest is no SHA-256", ErrRefused)
	}
	var reasons []string
	for _, one := range all {
		for _, t := range trust {
			err := one.verify(t, digest, image.DigestStr())
			if err == nil {
				return verifiedHere, "", nil
			}
			reasons = append(reasons, err.Error())
		}
	}
	slices.Sort(reasons)
	return "", "", fmt.Errorf("%w: none of its %d signatures is what the source asks for: %s",
		ErrRefused, len(all), strings.Join(slices.Compact(reasons), "; "))
}

// leave leaves the verification to Flux: done, where it has said so of that digest.
func (v *Verification) leave(image name.Digest, why string) (how, unverified string, err error) {
	if v.done != "" && v.done == image.DigestStr() {
		return verifiedThere, "", nil
	}
	return "", "the chart's signature could not be verified from here, Flux will: " + why, nil
}

// truster is one way to trust: a key, or identities that a root of trust vouches for.
type truster struct {
	verifier *verify.Verifier
	policy   []verify.PolicyOption
	keyed    bool
}

func (v *Verification) verifiers(ctx context.Context, f *Fetcher) ([]truster, error) {
	if len(v.keys) > 0 {
		return keyed(v.keys)
	}
	material, err := v.material(ctx, f)
	if err != nil {
		return nil, err
	}
	options := []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)}
	if v.logs > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(v.logs))
	}
	t := truster{}
	if t.verifier, err = verify.NewVerifier(material, options...); err != nil {
		return nil, fmt.Errorf("prepare verification: %w", err)
	}
	for _, match := range v.identities {
		identity, err := verify.NewShortCertificateIdentity("", match.Issuer, "", match.Subject)
		if err != nil {
			return nil, fmt.Errorf("the identity that the source asks for cannot be matched: %w", err)
		}
		t.policy = append(t.policy, verify.WithCertificateIdentity(identity))
	}
	if len(t.policy) == 0 {
		t.policy = append(t.policy, verify.WithoutIdentitiesUnsafe()) // as source-controller: any identity will do
	}
	return []truster{t}, nil
}

// material is the root of trust: the source's own, or the public Sigstore's.
func (v *Verification) material(ctx context.Context, f *Fetcher) (root.TrustedMaterial, error) {
	if len(v.root) > 0 {
		given, err := root.NewTrustedRootFromJSON(v.root)
		if err != nil {
			return nil, errors.New("the root of trust that the source names cannot be read")
		}
		return given, nil
	}
	options := tuf.DefaultOptions().WithContext(ctx)
	if f.Cache == "" {
		options = options.WithDisableLocalCache()
	} else {
		options = options.WithCachePath(filepath.Join(f.Cache, "sigstore"))
	}
	public, err := root.FetchTrustedRootWithOptions(options)
	if err != nil {
		return nil, fmt.Errorf("fetch the public Sigstore's root of trust: %w", worded(err))
	}
	return public, nil
}
