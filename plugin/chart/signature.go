package chart

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

const (
	// bundleType begins the type of what cosign attaches to an image since version 3.
	bundleType = "application/vnd.dev.sigstore.bundle"
	// simpleSigning is the type of what cosign has kept beside an image, under a tag of its own.
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	// maxSignatures bounds how many are looked at, maxSignature how large each may be, in bytes.
	maxSignatures = 32
	maxSignature  = 1 << 20
)

// signed is one signature of an image.
type signed struct {
	bundle  *bundle.Bundle    // nil: payload and notes are what there is
	payload []byte            // what was signed: it names the image's digest
	notes   map[string]string // cosign's annotations
}

// signatures are an image's: bundles, and where there are none those of the tag beside it, as cosign looks for them.
func signatures(image name.Digest, options []remote.Option) ([]signed, error) {
	all, err := bundles(image, options)
	if err != nil || len(all) > 0 {
		return all, err
	}
	beside := image.Context().Tag(strings.Replace(image.DigestStr(), ":", "-", 1) + ".sig")
	found, err := remote.Image(beside, options...)
	if refused := (*transport.Error)(nil); errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for its signatures: %w", worded(err))
	}
	manifest, err := found.Manifest()
	if err != nil {
		return nil, fmt.Errorf("read its signatures: %w", err)
	}
	for i, l := range manifest.Layers {
		if string(l.MediaType) != simpleSigning || i >= maxSignatures {
			continue
		}
		payload, err := layerText(found, l.Digest)
		if err != nil {
			return nil, err
		}
		all = append(all, signed{payload: payload, notes: l.Annotations})
	}
	return all, nil
}

func bundles(image name.Digest, options []remote.Option) ([]signed, error) {
	index, err := remote.Referrers(image, options...)
	if err != nil {
		return nil, fmt.Errorf("ask for its signatures: %w", worded(err))
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read its signatures: %w", err)
	}
	var all []signed
	for _, m := range manifest.Manifests {
		if !strings.HasPrefix(m.ArtifactType, bundleType) || len(all) >= maxSignatures {
			continue
		}
		found, err := remote.Image(image.Context().Digest(m.Digest.String()), options...)
		if err != nil {
			return nil, fmt.Errorf("ask for its signatures: %w", worded(err))
		}
		layers, err := found.Layers()
		if err != nil || len(layers) == 0 {
			continue
		}
		digest, err := layers[0].Digest()
		if err != nil {
			return nil, fmt.Errorf("read its signatures: %w", err)
		}
		text, err := layerText(found, digest)
		if err != nil {
			return nil, err
		}
		b := &bundle.Bundle{}
		if err := b.UnmarshalJSON(text); err == nil {
			all = append(all, signed{bundle: b})
		}
	}
	return all, nil
}

func layerText(image v1.Image, digest v1.Hash) ([]byte, error) {
	layer, err := image.LayerByDigest(digest)
	if err != nil {
		return nil, fmt.Errorf("read its signatures: %w", err)
	}
	stream, err := layer.Compressed()
	if err != nil {
		return nil, fmt.Errorf("ask for its signatures: %w", worded(err))
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, maxSignature+1))
	if err != nil {
		return nil, fmt.Errorf("ask for its signatures: %w", worded(err))
	}
	if len(text) > maxSignature {
		return nil, fmt.Errorf("%w: one of its signatures is larger than %d MiB", ErrRefused, maxSignature>>20)
	}
	return text, nil
}

// keyed trusts each of those keys. As source-controller has it, a key needs no log to vouch for it.
func keyed(keys [][]byte) ([]truster, error) {
	var all []truster
	for _, text := range keys {
		public, err := cryptoutils.UnmarshalPEMToPublicKey(text)
		if err != nil {
			return nil, errors.New("a key that the source names cannot be read")
		}
		with, err := signature.LoadVerifier(public, crypto.SHA256)
		if err != nil {
			return nil, errors.New("a key that the source names cannot be used")
		}
		material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
			return root.NewExpiringKey(with, time.Time{}, time.Time{}), nil
		})
		v, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
		if err != nil {
			return nil, fmt.Errorf("prepare verification: %w", err)
		}
		all = append(all, truster{verifier: v, policy: []verify.PolicyOption{verify.WithKey()}, keyed: true})
	}
	return all, nil
}

// verify has a truster look at a signature of the image with that digest.
func (s signed) verify(t truster, digest []byte, text string) error {
	b, over := s.bundle, verify.WithArtifactDigest("sha256", digest)
	if b == nil {
		if err := s.names(text); err != nil {
			return err
		}
		var err error
		if b, err = s.bundled(t.keyed); err != nil {
			return err
		}
		over = verify.WithArtifact(strings.NewReader(string(s.payload)))
	}
	_, err := t.verifier.Verify(b, verify.NewPolicy(over, t.policy...))
	return err
}

// names tells whether a payload is of an image: a signature of another one is worth nothing here.
func (s signed) names(digest string) error {
	var payload struct {
		Critical struct {
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(s.payload, &payload); err != nil || payload.Critical.Image.Digest != digest {
		return errors.New("it is of another image")
	}
	return nil
}

func decoded(s string) []byte {
	b, _ := base64.StdEncoding.DecodeString(s)
	return b
}
