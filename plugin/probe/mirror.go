package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// hitCounter counts requests that a node's container runtime makes of its mirror; those for what the node has itself
	// are none (github.com/spegel-org/spegel, pkg/registry).
	hitCounter = "spegel_mirror_requests_total"
	// mostMetrics bounds how much of an answer is read, in bytes.
	mostMetrics = 8 << 20
)

// unseenError is an error after which it is not known whether the target does what it is to do.
type unseenError struct {
	what string
	err  error
}

// Error implements error.
func (e *unseenError) Error() string { return e.what + ": " + e.err.Error() }

// Unwrap gives the cause.
func (e *unseenError) Unwrap() error { return e.err }

// mirror asks a node's registry for images, as its container runtime would, until one comes that the mirror counts as a
// hit: that one came from another node.
func (a *Asker) mirror(ctx context.Context, t Target) (string, error) {
	client := &http.Client{
		Transport:     &http.Transport{DialContext: a.dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	before, err := hits(ctx, client, t.Metrics)
	if err != nil {
		return "", err
	}
	images := strings.Split(t.To, ",")
	own := 0
	var refused []string
	for _, image := range images {
		answer, err := manifest(ctx, client, t.Address, image)
		switch {
		case err != nil:
			return "", err
		case answer == http.StatusUnauthorized:
			return "", &unseenError{"the mirror wants credentials", errors.New("HTTP 401")}
		case answer != http.StatusOK:
			refused = append(refused, fmt.Sprintf("HTTP %d", answer))
			continue
		}
		after, err := hits(ctx, client, t.Metrics)
		if err != nil {
			return "", err
		}
		if after > before {
			return image, nil
		}
		own++
	}
	if len(refused) == 0 {
		return "", &unseenError{"the counter of hits did not move", fmt.Errorf("the node has %d of %d images itself", own, len(images))}
	}
	slices.Sort(refused)
	return "", fmt.Errorf("%s for %d of %d images", strings.Join(slices.Compact(refused), ", "), len(refused), len(images))
}

// manifest asks for an image's manifest and returns the status of the answer.
func manifest(ctx context.Context, client *http.Client, address, image string) (int, error) {
	registry, repository, reference, ok := splitImage(image)
	if !ok {
		return 0, &unseenError{"ask for an image", fmt.Errorf("%q is no image of a registry", image)}
	}
	u := url.URL{
		Scheme: "http", Host: address, Path: "/v2/" + repository + "/manifests/" + reference, RawQuery: url.Values{"ns": {registry}}.Encode(),
	}
	status, _, err := get(ctx, client, u.String())
	return status, err
}

// splitImage takes an image's full name apart: registry, repository, and tag or digest.
func splitImage(image string) (registry, repository, reference string, ok bool) {
	registry, rest, _ := strings.Cut(image, "/")
	if repository, reference, ok = strings.Cut(rest, "@"); !ok {
		i := strings.LastIndex(rest, ":")
		if i < 0 {
			return "", "", "", false
		}
		repository, reference = rest[:i], rest[i+1:]
	}
	return registry, repository, reference, registry != "" && repository != "" && reference != ""
}

// hits reads how many requests a mirror has answered from another node.
func hits(ctx context.Context, client *http.Client, address string) (float64, error) {
	unread := func(err error) error { return &unseenError{"its metrics could not be read", err} }
	status, body, err := get(ctx, client, "http://"+address+"/metrics")
	if err != nil {
		return 0, unread(err)
	}
	if status != http.StatusOK {
		return 0, unread(fmt.Errorf("HTTP %d", status))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		return 0, unread(errors.New("they are no metrics"))
	}
	ours, all := false, 0.0
	for name, family := range families {
		ours = ours || strings.HasPrefix(name, "spegel_")
		if name != hitCounter {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "cache" && label.GetValue() == "hit" {
					all += m.GetCounter().GetValue() + m.GetUntyped().GetValue()
				}
			}
		}
	}
	if !ours {
		return 0, unread(errors.New("they are not Spegel's"))
	}
	return all, nil
}

func get(ctx context.Context, client *http.Client, address string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostMetrics))
	return answer.StatusCode, string(text), err
}
