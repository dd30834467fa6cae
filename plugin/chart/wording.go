package chart

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// worded says of a refusal, or of no answer at all, what it means.
func worded(err error) error {
	var refused *transport.Error
	var answered *status
	switch {
	case errors.Is(err, ErrNoChart), errors.Is(err, ErrRefused), errors.Is(err, ErrUnreachable):
		return err
	case errors.As(err, &refused):
		return wordedCode(refused.StatusCode)
	case errors.As(err, &answered):
		return wordedCode(answered.code)
	}
	return unanswered(err)
}

func wordedCode(code int) error {
	switch code {
	case http.StatusNotFound:
		return fmt.Errorf("%w (404)", ErrNoChart)
	case http.StatusUnauthorized, http.StatusForbidden:
		// Some registries say so of what they do not have, too.
		return fmt.Errorf("the registry refuses (%d): it has no such repository, or wants other credentials: helm registry login, docker login, or the source's secretRef", code)
	}
	return fmt.Errorf("it answers %d", code)
}

// unanswered says why there was no answer.
func unanswered(err error) error {
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	var asked *url.Error
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("its certificate is not trusted: %w: name the authority with --ca-file or in the source's certSecretRef", certificate.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer within the time it had (--timeout)", ErrUnreachable)
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &dns):
		return fmt.Errorf("%w: %w", ErrUnreachable, dns)
	case errors.As(err, &asked):
		return fmt.Errorf("%w: %w", ErrUnreachable, asked.Err) // without the address, which may hold credentials
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}
