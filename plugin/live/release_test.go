package live

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const canary = "c4n4ry-9f1d"

// zipped is data as Helm stores it: gzip inside base64.
func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return based(out.Bytes())
}

func based(data []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(data)) }

func secret(data []byte) *core.Secret {
	return &core.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "sh.helm.release.v1.cilium.v3"},
		Data:       map[string][]byte{"release": data},
	}
}

// helm3 is a record as Helm 3 writes it, shortened; Helm 4 adds how it applied.
const helm3 = `{"name":"cilium","namespace":"kube-system","version":3,
	"info":{"first_deployed":"2026-11-20T09:00:00+01:00","last_deployed":"2026-11-20T09:00:00.123456789+01:00","deleted":"","description":"Upgrade complete","status":"deployed","notes":"` + canary + `"},
	"chart":{"metadata":{"name":"cilium","version":"1.18.2","appVersion":"1.18.2","kubeVersion":">= 1.21.0-0"},"lock":null,"templates":[{"name":"t","data":"` + canary + `"}],
		"values":{"cluster":{"name":"default","id":0},"tls":{"ca":{"key":""}}},"schema":null,"files":null},
	"config":{"cluster":{"id":1},"tls":{"ca":{"key":"` + canary + `"}},"adminPassword":"` + canary + `"},
	"manifest":"password: ` + canary + `","hooks":[{"manifest":"` + canary + `"}]}`

func TestDecodeRelease(t *testing.T) {
	helm4 := strings.Replace(helm3, `"hooks":`, `"apply_method":"ssa","hooks":`, 1)
	for name, c := range map[string]struct {
		data   []byte
		method string
	}{
		"Helm 3": {zipped(t, []byte(helm3)), ""}, "Helm 4": {zipped(t, []byte(helm4)), "ssa"}, "without gzip": {based([]byte(helm3)), ""},
	} {
		r, _, err := decodeRelease(secret(c.data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Name != "cilium" || r.Namespace != "kube-system" || r.Revision != 3 || r.Status != "deployed" || r.Chart != "cilium" ||
			r.ChartVersion != "1.18.2" || r.AppVersion != "1.18.2" || r.ApplyMethod != c.method ||
			!r.Deployed.Equal(time.Date(2026, 11, 20, 8, 0, 0, 123456789, time.UTC)) || r.Deployed.Location() != time.UTC {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Computed().Text("cluster.id") != "1" || r.Computed().Text("cluster.name") != "default" {
			t.Errorf("%s: %v over %v", name, r.Values, r.Defaults)
		}
		if text := fmt.Sprintf("%+v", *r); strings.Contains(text, canary) || r.Values.Text("tls.ca.key") != facts.Redacted {
			t.Errorf("%s: a secret comes through: %s", name, text)
		}
	}
}

func TestDecodeReleaseErrors(t *testing.T) {
	whole := zipped(t, []byte(helm3))
	packed, err := base64.StdEncoding.DecodeString(string(whole))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-5] ^= 0xff
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no data":           {nil, "has no key release"},
		"not base64":        {[]byte("{{{"), "not base64"},
		"gzip without tail": {based(packed[:len(packed)-4]), "gzip is damaged"},
		"wrong checksum":    {based(flipped), "gzip is damaged"},
		"head of gzip":      {based([]byte{0x1f, 0x8b, 0x08}), "not gzip"},
		"not JSON":          {zipped(t, []byte(`{"config":{"password":"`+canary+`"`)), "not Helm's JSON"},
		"text":              {based([]byte(canary)), "not Helm's JSON"},
		"other types":       {zipped(t, []byte(`{"config":"`+canary+`"}`)), "not Helm's JSON"},
		"a bad time":        {zipped(t, []byte(`{"info":{"last_deployed":"`+canary+`"}}`)), "not Helm's JSON"},
	} {
		r, _, err := decodeRelease(secret(c.data))
		if err == nil || !strings.Contains(err.Error(), c.want) || r != nil {
			t.Errorf("%s: %+v, %v; want %q", name, r, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error quotes a secret: %v", name, err)
		}
	}
}

// gigabyte inflates to 1 GiB, and is about 1 MiB itself: gzip may be written one after the other.
func gigabyte(t *testing.T) []byte {
	t.Helper()
	const part = 16 << 20
	var once bytes.Buffer
	zip, err := gzip.NewWriterLevel(&once, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = zip.Write(make([]byte, part)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Repeat(once.Bytes(), 1<<30/part)
}

// TestFault_R13_Records: a record of a megabyte that inflates to a gigabyte, one that is nested without end and one that
// was cut short are errors at once that quote nothing and cost little memory: neither what a bomb inflates to nor what it
// may inflate to is ever held.
func TestFault_R13_Records(t *testing.T) {
	bomb := gigabyte(t)
	if len(bomb) > 2<<20 {
		t.Fatalf("the bomb is %d KiB itself", len(bomb)>>10)
	}
	whole := zipped(t, []byte(helm3))
	packed, err := base64.StdEncoding.DecodeString(string(whole))
	if err != nil {
		t.Fatal(err)
	}
	var result faultproxy.Result
	for name, c := range map[string]struct {
		data  []byte
		want  string
		limit uint64 // MiB that may be allocated, all in all
	}{
		"a gzip bomb":      {based(bomb), "more than 32 MiB", 8},
		"deep JSON":        {zipped(t, []byte(`{"config":`+strings.Repeat(`{"a":`, 1<<20))), "not Helm's JSON", 48},
		"deep lists":       {zipped(t, []byte(`{"config":{"a":`+strings.Repeat(`[`, 1<<22))), "not Helm's JSON", 48},
		"truncated base64": {whole[:len(whole)-7], "not base64", 1},
		"truncated gzip":   {based(packed[:len(packed)/2]), "gzip is damaged", 1},
	} {
		data := secret(c.data)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, _, err := decodeRelease(data)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || r != nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > c.limit<<20 {
			t.Errorf("%s: %d MiB allocated on the way", name, used>>20)
		}
		if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
			t.Errorf("%s: %d MiB more are taken from the system", name, grown>>20)
		}
		result.Add(name, "an error, memory bounded")
	}
	result.Keep(t, "plugin/live", "R13")
}

func TestRecord(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	meta := func(labels map[string]string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Namespace: "kube-system", Name: "sh.helm.release.v1.cilium.v2", Labels: labels, CreationTimestamp: metav1.NewTime(at),
		}}
	}
	got := record(meta(map[string]string{"name": "cilium", "version": "2", "status": "superseded", "createdAt": "1763625600", "modifiedAt": fmt.Sprint(at.Unix() + 60)}))
	want := facts.Record{
		Namespace: "kube-system", Secret: "sh.helm.release.v1.cilium.v2", Release: "cilium", Revision: 2, Status: "superseded", Modified: at.Add(time.Minute),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if odd := record(meta(map[string]string{"version": "two", "modifiedAt": "soon"})); odd.Revision != 0 || !odd.Modified.Equal(at) {
		t.Errorf("odd labels: %+v", odd)
	}
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte(helm3), true)
	f.Add([]byte(helm3), false)
	f.Add([]byte(`{"config":null,"chart":null,"info":{"last_deployed":null}}`), true)
	f.Add([]byte{0x1f, 0x8b, 0x08, 0}, false)
	f.Fuzz(func(t *testing.T, data []byte, zip bool) {
		stored := based(data)
		if zip {
			stored = zipped(t, data)
		}
		r, _, err := decodeRelease(secret(stored))
		if (r == nil) != (err != nil) {
			t.Fatal(r, err)
		}
		if r != nil {
			r.Computed()
			if _, err := json.Marshal(r); err != nil && !strings.Contains(err.Error(), "year outside of range") && !strings.Contains(err.Error(), "timezone") {
				t.Error(err)
			}
		}
		_, _ = inflate(data)
	})
}
