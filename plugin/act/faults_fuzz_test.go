package act

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzUnpack: whoever may write the journal's ConfigMap may write anything: it is refused, or read with its text
// neutralised; what is read is kept and read again as it is.
func FuzzUnpack(f *testing.F) {
	for _, run := range []string{"one", "\x1b[31m\u202e"} {
		packed, err := pack(journal(run))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
		f.Add(packed[:len(packed)/2])
	}
	f.Add([]byte(`{"apiVersion":"cilium-gitops.dev/v1alpha1","kind":"Journal","run":"x","steps":[{}]}`))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00"))
	f.Fuzz(func(t *testing.T, document []byte) {
		j, err := unpack(document)
		if err != nil {
			return
		}
		if strings.ContainsAny(j.Run+j.Cluster+j.Stop, "\x1b\u202e") {
			t.Errorf("%q %q %q", j.Run, j.Cluster, j.Stop)
		}
		packed, err := pack(&j.Journal)
		if err != nil {
			t.Fatal(err)
		}
		again, err := unpack(packed)
		if diff := cmp.Diff(j, again); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}
