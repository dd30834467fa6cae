package repo

import (
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

func TestTry(t *testing.T) {
	for _, dir := range []string{"healthy", "story"} {
		tr, err := Open("testdata/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		c, err := tr.Cluster(t.Context(), fleet.Default(), fleet.Cluster{Name: "infra", Path: "kubernetes/clusters/infra"}, Lax)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(time.Since(start))
		out, _ := yaml.Marshal(c.Facts())
		fmt.Println(string(out))
	}
}
