// Command manifests writes krew-manifest.yaml and flux-plugin.yaml, which krew and flux install from, out of a
// release's checksums. The one is made from .krew.yaml, the template that krew's release bot reads as well.
//
//	go run ./hack/manifests --checksums dist/flux-handover_0.1.0_checksums.txt
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	flux "github.com/fluxcd/flux2/v2/pkg/plugin"
	"sigs.k8s.io/yaml"
)

const (
	home     = "https://github.com/cilium-gitops/cilium-gitops"
	releases = home + "/releases/download/"
)

func main() {
	var r release
	sums := flag.String("checksums", "", "the release's checksums, as sha256sum prints them")
	out := flag.String("output", ".", "directory to write to")
	flag.StringVar(&r.version, "version", "", "the release's version, without v (default: what the checksums' file is named after)")
	flag.StringVar(&r.base, "base", releases, "where releases are downloaded from; the tag follows")
	flag.Parse()
	if err := r.write(*sums, *out); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

// release is what the manifests say of one release.
type release struct {
	version string
	base    string
	sums    map[string]string // SHA-256 in hex, by file name
}

func (r *release) write(sums, out string) error {
	text, err := os.ReadFile(sums)
	if err != nil {
		return fmt.Errorf("read the checksums: %w; make them: make snapshot", err)
	}
	r.sums = parse(string(text))
	if r.version == "" {
		if r.version = versionOf(sums); r.version == "" {
			return fmt.Errorf("the name of %s tells no version; say --version 1.2.3", sums)
		}
	}
	tmpl, err := os.ReadFile(".krew.yaml")
	if err != nil {
		return err
	}
	krew, err := r.krew(string(tmpl))
	if err != nil {
		return fmt.Errorf("write krew-manifest.yaml: %w", err)
	}
	plugin, err := r.flux()
	if err != nil {
		return fmt.Errorf("write flux-plugin.yaml: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "krew-manifest.yaml"), krew, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "flux-plugin.yaml"), plugin, 0o644)
}

var named = regexp.MustCompile(`_([0-9][^_]*)_checksums.txt$`)

// versionOf is the version that a file of checksums is named after.
func versionOf(file string) string {
	if m := named.FindStringSubmatch(file); m != nil {
		return m[1]
	}
	return ""
}

var line = regexp.MustCompile(`(?m)^([0-9a-f]{64}) [ *](\S+)$`)

// parse reads what sha256sum prints.
func parse(text string) map[string]string {
	sums := map[string]string{}
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		sums[m[2]] = m[1]
	}
	return sums
}

// asset is where a file of the release is, and its checksum.
func (r *release) asset(file string) (url, sum string, err error) {
	sum, ok := r.sums[file]
	if !ok {
		return "", "", fmt.Errorf("no checksum of %s", file)
	}
	return strings.TrimSuffix(r.base, "/") + "/v" + r.version + "/" + file, sum, nil
}

// krew fills the template as krew's release bot does, with the checksums that are here instead of downloads.
func (r *release) krew(text string) ([]byte, error) {
	tag := struct{ TagName, Version string }{"v" + r.version, r.version}
	add := func(url, _ string) (string, error) {
		parsed, err := template.New("url").Parse(url)
		if err != nil {
			return "", err
		}
		var name bytes.Buffer
		if err := parsed.Execute(&name, tag); err != nil {
			return "", err
		}
		at, sum, err := r.asset(name.String()[strings.LastIndex(name.String(), "/")+1:])
		return "uri: " + at + "\n    sha256: " + sum, err
	}
	tmpl, err := template.New("krew").Funcs(template.FuncMap{"addURIAndSha": add}).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("# Written by `make manifests` from .krew.yaml and a release's checksums.\n")
	err = tmpl.Execute(&out, tag)
	return out.Bytes(), err
}

// flux is the plugin as Flux's catalogue has it.
func (r *release) flux() ([]byte, error) {
	version := flux.Version{Version: r.version}
	for _, system := range []string{"darwin", "linux", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			ending := ".tar.gz"
			if system == "windows" {
				ending = ".zip"
			}
			url, sum, err := r.asset("flux-handover_" + r.version + "_" + system + "_" + arch + ending)
			if err != nil {
				return nil, err
			}
			version.Platforms = append(version.Platforms, flux.Platform{OS: system, Arch: arch, URL: url, Checksum: "sha256:" + sum})
		}
	}
	text, err := yaml.Marshal(flux.Manifest{
		APIVersion: flux.APIVersion, Kind: flux.PluginKind, Name: "handover", Bin: "flux-handover",
		Description: "Moves the Helm release of a bootstrapped Cilium to a Flux HelmRelease, proves that nothing was disturbed, and can go back",
		Homepage:    home, Source: home, Versions: []flux.Version{version},
	})
	return append([]byte("# Written by `make manifests` from a release's checksums.\n"), text...), err
}
