package chart

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// maxRecord bounds what a release record may inflate to, in bytes. Cilium's is about 2 MiB.
const maxRecord = 32 << 20

var secretResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// Record is a Helm release record, of Helm 3 or 4, with nothing masked. It stays in memory.
type Record struct {
	Name        string           `json:"name"`
	Namespace   string           `json:"namespace"`
	Revision    int              `json:"version"`
	Manifest    string           `json:"manifest"`
	Config      values.Tree      `json:"config"` // what the user supplied
	ApplyMethod string           `json:"apply_method"`
	Chart       *helmchart.Chart `json:"chart"`
	Info        struct {
		Status string `json:"status"`
	} `json:"info"`
}

// readRecord reads the newest record of a release; nil where there is none.
func readRecord(ctx context.Context, client dynamic.Interface, namespace, name string) (*Record, error) {
	secrets := client.Resource(secretResource).Namespace(namespace)
	list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + name})
	if err != nil {
		return nil, fmt.Errorf("list the records of release %s/%s: %w", namespace, name, err)
	}
	newest, at := 0, -1
	for i, item := range list.Items {
		if n, err := strconv.Atoi(item.GetLabels()["version"]); err == nil && n > newest {
			newest, at = n, i
		}
	}
	if at < 0 {
		return nil, nil
	}
	data, _, _ := unstructuredText(list.Items[at].Object, "data", "release")
	packed, err := base64.StdEncoding.DecodeString(data)
	if err == nil {
		var r *Record
		if r, err = DecodeRecord(packed); err == nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("read release record %s/%s: %w", namespace, list.Items[at].GetName(), err)
}

// DecodeRecord reads what Helm keeps under the key release: base64 around gzip around JSON, bounded.
func DecodeRecord(data []byte) (*Record, error) {
	packed, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil {
		return nil, errors.New("not base64")
	}
	var plain io.Reader = bytes.NewReader(packed)
	if bytes.HasPrefix(packed, []byte{0x1f, 0x8b, 0x08}) {
		if err := bounded(packed); err != nil {
			return nil, err
		}
		if plain, err = gzip.NewReader(bytes.NewReader(packed)); err != nil {
			return nil, errors.New("not gzip")
		}
	}
	var r Record
	if err := json.NewDecoder(plain).Decode(&r); err != nil {
		return nil, errors.New("not Helm's JSON") // the decoder's own error may quote values
	}
	if r.Chart == nil || r.Chart.Metadata == nil {
		return nil, errors.New("has no chart")
	}
	return &r, nil
}

// bounded inflates to nowhere and counts, so that a bomb costs time and no memory.
func bounded(packed []byte) error {
	unzip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return errors.New("not gzip")
	}
	n, err := io.Copy(io.Discard, io.LimitReader(unzip, maxRecord+1))
	switch {
	case n > maxRecord:
		return fmt.Errorf("inflates to more than %d MiB", maxRecord>>20)
	case err != nil:
		return errors.New("its gzip is damaged")
	}
	return nil
}

func unstructuredText(m map[string]any, path ...string) (string, bool, error) {
	var at any = m
	for _, key := range path {
		below, ok := at.(map[string]any)
		if !ok {
			return "", false, nil
		}
		at = below[key]
	}
	text, ok := at.(string)
	return text, ok, nil
}
