package chart

import (
	"context"
	"errors"
	"fmt"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// flux is the chart that Flux would use, its version as Flux makes it.
func (s *Session) flux(ctx context.Context, hr *helmv2.HelmRelease, w Want, record *Record, out *facts.Rendered) (*Fetched, error) {
	source, unknown, err := s.source(ctx, hr, w.Find)
	if err != nil {
		return nil, err
	}
	out.Unknown = append(out.Unknown, unknown...)
	out.Unknown = append(out.Unknown, source.Access.Absent...)
	fetched, err := s.Fetcher.Fetch(ctx, source)
	switch {
	case err != nil && known(err, source, record):
		out.Unknown = append(out.Unknown, "the release's own chart was rendered, of the same version: "+err.Error())
		return &Fetched{Chart: record.Chart, From: "the release's record"}, nil
	case err != nil:
		return nil, err
	case fetched.unverified != "":
		out.Unknown = append(out.Unknown, fetched.unverified)
	}
	if source.Suffix {
		err = suffixed(fetched)
	}
	if err == nil {
		err = s.intend(ctx, hr, w, source, fetched, out)
	}
	return fetched, err
}

// intend writes down what was rendered: what the cluster has to have when its HelmRelease is let go.
func (s *Session) intend(ctx context.Context, hr *helmv2.HelmRelease, w Want, source Source, f *Fetched, out *facts.Rendered) error {
	intent, _, err := s.intent(ctx, hr, w.Release, w.Values, w.Find)
	if err != nil {
		return err
	}
	intent.Artifact = made(intent.Artifact.Of, source, f)
	out.Intent = intent
	return nil
}

// known tells whether the release's own chart stands for one that gave no answer: it is of the very version. What is
// said not to be there, or is refused, nothing stands for.
func known(err error, source Source, record *Record) bool {
	return !errors.Is(err, ErrNoChart) && !errors.Is(err, ErrRefused) && record != nil && !source.Suffix &&
		source.Build.none() && source.Artifact == nil && record.Chart.Metadata.Version == source.Version
}

// digestLength is how much of a digest Flux adds to a chart's version, in hex digits.
const digestLength = 12

// suffixed gives a chart from an OCIRepository the version that helm-controller gives it: with the digest behind it.
func suffixed(f *Fetched) error {
	_, hex, ok := strings.Cut(f.Digest, ":")
	if !ok || len(hex) < digestLength || f.Chart.Metadata == nil {
		return fmt.Errorf("read the chart %s: it has no digest", f.From)
	}
	version, _, _ := strings.Cut(f.Chart.Metadata.Version, "+")
	f.Chart.Metadata.Version = version + "+" + hex[:digestLength]
	return nil
}
