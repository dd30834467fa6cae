package chart

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// The annotations under which cosign keeps what belongs to a signature beside an image.
const (
	noteSignature   = "dev.cosignproject.cosign/signature"
	noteCertificate = "dev.sigstore.cosign/certificate"
	noteLog         = "dev.sigstore.cosign/bundle"
)

// logged is the log's receipt as cosign keeps it.
type logged struct {
	Promise []byte `json:"SignedEntryTimestamp"`
	Payload struct {
		Body  []byte `json:"body"`
		Time  int64  `json:"integratedTime"`
		Index int64  `json:"logIndex"`
		Log   string `json:"logID"`
	} `json:"Payload"`
}

// bundled is a signature beside an image in the form of a bundle. By a key, it needs neither certificate nor receipt.
func (s signed) bundled(keyed bool) (*bundle.Bundle, error) {
	sum := sha256.Sum256(s.payload)
	out := &bundlepb.Bundle{
		MediaType:            "application/vnd.dev.sigstore.bundle+json;version=0.1",
		VerificationMaterial: &bundlepb.VerificationMaterial{},
		Content: &bundlepb.Bundle_MessageSignature{MessageSignature: &commonpb.MessageSignature{
			MessageDigest: &commonpb.HashOutput{Algorithm: commonpb.HashAlgorithm_SHA2_256, Digest: sum[:]},
			Signature:     decoded(s.notes[noteSignature]),
		}},
	}
	if keyed {
		out.VerificationMaterial.Content = &bundlepb.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{}}
		return bundle.NewBundle(out)
	}
	certificate, _ := pem.Decode([]byte(s.notes[noteCertificate]))
	if certificate == nil {
		return nil, errors.New("it has no certificate")
	}
	out.VerificationMaterial.Content = &bundlepb.VerificationMaterial_X509CertificateChain{
		X509CertificateChain: &commonpb.X509CertificateChain{Certificates: []*commonpb.X509Certificate{{RawBytes: certificate.Bytes}}},
	}
	entry, err := s.receipt()
	if err != nil {
		return nil, err
	}
	out.VerificationMaterial.TlogEntries = []*rekorpb.TransparencyLogEntry{entry}
	return bundle.NewBundle(out)
}

func (s signed) receipt() (*rekorpb.TransparencyLogEntry, error) {
	var l logged
	if err := json.Unmarshal([]byte(s.notes[noteLog]), &l); err != nil {
		return nil, errors.New("it has no receipt of a transparency log")
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(l.Payload.Body, &kind); err != nil {
		return nil, errors.New("its receipt of a transparency log cannot be read")
	}
	id, err := hex.DecodeString(l.Payload.Log)
	if err != nil {
		return nil, errors.New("its receipt of a transparency log names none")
	}
	return &rekorpb.TransparencyLogEntry{
		LogIndex: l.Payload.Index, LogId: &commonpb.LogId{KeyId: id}, IntegratedTime: l.Payload.Time,
		KindVersion:      &rekorpb.KindVersion{Kind: kind.Kind, Version: kind.Version},
		InclusionPromise: &rekorpb.InclusionPromise{SignedEntryTimestamp: l.Promise}, CanonicalizedBody: l.Payload.Body,
	}, nil
}
