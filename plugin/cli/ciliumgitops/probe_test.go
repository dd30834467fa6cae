package ciliumgitops

import (
	"os"
	"strings"
	"testing"
)

// TestImageIsReleased holds the image that pods are made of to the one that a release pushes.
func TestImageIsReleased(t *testing.T) {
	text, err := os.ReadFile("../../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "repositories: ["+image+"]") || !strings.Contains(string(text), `tags: ["{{ .Tag }}"]`) {
		t.Errorf(".goreleaser.yaml pushes no %s with the tag's name", image)
	}
	for version, want := range map[string]string{
		"v1.2.3": image + ":v1.2.3", "1.2.3": image + ":v1.2.3", "v1.2.3-rc.1": image + ":latest", "v1.2.3-4-gabc": image + ":latest", "dev": image + ":latest", "(devel)": image + ":latest",
	} {
		if got := probeImage(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}
