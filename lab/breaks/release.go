package breaks

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// release is a Helm release as its Secret holds it, with only what is changed here taken apart.
type release map[string]any

// latest returns the Secret of the newest revision of release cilium.
func (t *Target) latest(ctx context.Context) (*corev1.Secret, error) {
	list, err := t.Kube.CoreV1().Secrets("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=cilium"})
	if err != nil {
		return nil, fmt.Errorf("find release cilium: %w", err)
	}
	var newest *corev1.Secret
	for i := range list.Items {
		if newest == nil || revision(&list.Items[i]) > revision(newest) {
			newest = &list.Items[i]
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("find release cilium: there is none; `lab bootstrap %s` installs it", t.Cluster.Name)
	}
	return newest, nil
}

func revision(s *corev1.Secret) int {
	n, err := strconv.Atoi(s.Labels["version"])
	if err != nil {
		return 0
	}
	return n
}

func decode(s *corev1.Secret) (release, error) {
	zipped, err := base64.StdEncoding.DecodeString(string(s.Data["release"]))
	if err != nil {
		return nil, fmt.Errorf("decode release %s: %w", s.Name, err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("decode release %s: %w", s.Name, err)
	}
	raw, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("decode release %s: %w", s.Name, err)
	}
	var r release
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("decode release %s: %w", s.Name, err)
	}
	return r, nil
}

// secret makes the Secret of a release, as Helm would write it.
func (r release) secret(namespace, name string, revision int, status string) (*corev1.Secret, error) {
	r["name"], r["version"] = name, revision
	info, ok := r["info"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("encode release %s: it has no info", name)
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	info["status"], info["last_deployed"] = status, now
	if status == "pending-upgrade" {
		info["description"] = "Preparing upgrade"
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode release %s: %w", name, err)
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	number := strconv.Itoa(revision)
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: "sh.helm.release.v1." + name + ".v" + number,
			Labels: map[string]string{
				"owner": "helm", "name": name, "version": number, "status": status, "modifiedAt": strconv.FormatInt(time.Now().Unix(), 10),
			},
		},
		Type: "helm.sh/release.v1",
		Data: map[string][]byte{"release": []byte(base64.StdEncoding.EncodeToString(zipped.Bytes()))},
	}, nil
}

// record creates a release's Secret and keeps in the break's record that it was not there.
func (t *Target) record(ctx context.Context, s *corev1.Secret) error {
	if _, err := t.save(ctx, ref("v1", "Secret", s.Namespace, s.Name)); err != nil {
		return err
	}
	if _, err := t.Kube.CoreV1().Secrets(s.Namespace).Create(ctx, s, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
		return fmt.Errorf("write release %s: %w", s.Name, err)
	}
	return nil
}
