package cli

import (
	"os"
	"strings"
	"testing"
)

// TestImageIsReleased holds the image that pods are made of to the one that a release pushes.
func TestImageIsReleased(t *testing.T) {
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "repositories: ["+ProbeImage+"]") || !strings.Contains(string(text), `tags: ["{{ .Tag }}"]`) {
		t.Errorf(".goreleaser.yaml pushes no %s with the tag's name", ProbeImage)
	}
	for version, want := range map[string]string{
		"v1.2.3": ProbeImage + ":v1.2.3", "1.2.3": ProbeImage + ":v1.2.3", "v1.2.3-rc.1": ProbeImage + ":latest", "v1.2.3-4-gabc": ProbeImage + ":latest", "dev": ProbeImage + ":latest", "(devel)": ProbeImage + ":latest",
	} {
		if got := probeImage(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}
