package chart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"sigs.k8s.io/yaml"
)

// The media types of a chart in a registry.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.cncf.helm.config.v1+json"
	contentType  = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// Image is a chart ready for a registry.
type Image struct {
	Repository string // "charts/cilium"
	Tag        string
	Archive    []byte
	Chart      []byte // Chart.yaml
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// Push uploads the chart to the registry at that address (plain HTTP) and returns the manifest's digest. `helm push`
// would write the time of pushing into the manifest, and with it a new digest each time.
func Push(ctx context.Context, registry string, img Image) (string, error) {
	config, err := yaml.YAMLToJSON(img.Chart)
	if err != nil {
		return "", fmt.Errorf("push chart %s: read Chart.yaml: %w", img.Repository, err)
	}
	m, err := json.Marshal(manifest{
		SchemaVersion: 2,
		MediaType:     manifestType,
		Config:        describe(configType, config),
		Layers:        []descriptor{describe(contentType, img.Archive)},
		Annotations:   map[string]string{"org.opencontainers.image.title": "cilium", "org.opencontainers.image.version": img.Tag},
	})
	if err != nil {
		return "", fmt.Errorf("push chart %s: %w", img.Repository, err)
	}
	base := "http://" + registry + "/v2/" + img.Repository
	for _, blob := range [][]byte{config, img.Archive} {
		if err := upload(ctx, base, blob); err != nil {
			return "", fmt.Errorf("push chart %s: %w", img.Repository, err)
		}
	}
	resp, err := send(ctx, http.MethodPut, base+"/manifests/"+img.Tag, manifestType, m)
	if err != nil {
		return "", fmt.Errorf("push chart %s: %w", img.Repository, err)
	}
	resp.Body.Close()
	return describe(manifestType, m).Digest, nil
}

func upload(ctx context.Context, base string, blob []byte) error {
	resp, err := send(ctx, http.MethodPost, base+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	location, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
	if err != nil {
		return fmt.Errorf("read upload location: %w", err)
	}
	query := location.Query()
	query.Set("digest", describe("", blob).Digest)
	location.RawQuery = url.Values(query).Encode()
	resp, err = send(ctx, http.MethodPut, location.String(), "application/octet-stream", blob)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func send(ctx context.Context, method, address, media string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return nil, fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, text)
	}
	return resp, nil
}

func describe(media string, raw []byte) descriptor {
	sum := sha256.Sum256(raw)
	return descriptor{MediaType: media, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: len(raw)}
}
