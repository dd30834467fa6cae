// Command sbom writes the bill of materials of a built program as SPDX 2.3 JSON: the modules that the linker put into
// it, with their checksums, as the program itself carries them. The same program gives the same bytes.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM DOCUMENT")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(program, file string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read what %s was built from: %w", program, err)
	}
	bytes, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	stat, err := os.Stat(program)
	if err != nil {
		return err
	}
	doc := newDocument(filepath.Base(program), sha256.Sum256(bytes), stat.ModTime(), info)
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// document is SPDX 2.3: a package for the program, one for each module, and that the former contains the latter.
type document struct {
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []module       `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type module struct {
	Name      string      `json:"name"`
	ID        string      `json:"SPDXID"`
	Version   string      `json:"versionInfo,omitempty"`
	Location  string      `json:"downloadLocation"`
	Analysed  bool        `json:"filesAnalyzed"`
	Concluded string      `json:"licenseConcluded"`
	Declared  string      `json:"licenseDeclared"`
	Copyright string      `json:"copyrightText"`
	Checksums []checksum  `json:"checksums,omitempty"`
	Refs      []reference `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const (
	unsaid = "NOASSERTION"
	self   = "SPDXRef-Program"
)

// newDocument is the bill of a program with that name, checksum and time.
func newDocument(name string, sum [sha256.Size]byte, made time.Time, info *debug.BuildInfo) document {
	digest := hex.EncodeToString(sum[:])
	doc := document{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name,
		Namespace: "https://" + info.Main.Path + "/sbom/" + name + "-" + digest,
		Creation:  creation{Created: made.UTC().Format(time.RFC3339), Creators: []string{"Tool: " + info.Main.Path + "/hack/sbom"}},
	}
	program := newModule(self, debug.Module{Path: info.Path, Version: info.Main.Version})
	program.Name, program.Declared = name, "Apache-2.0"
	program.Checksums = []checksum{{"SHA256", digest}}
	doc.Packages = append(doc.Packages, program)
	doc.relate(doc.ID, "DESCRIBES", self)
	doc.add(debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}, "std")
	for i, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		doc.add(*dep, fmt.Sprint(i))
	}
	return doc
}

func (d *document) add(m debug.Module, id string) {
	p := newModule("SPDXRef-Module-"+id, m)
	d.Packages = append(d.Packages, p)
	d.relate(self, "CONTAINS", p.ID)
}

func (d *document) relate(from, kind, to string) {
	d.Relationships = append(d.Relationships, relationship{from, kind, to})
}

func newModule(id string, m debug.Module) module {
	p := module{
		Name: m.Path, ID: id, Version: m.Version, Location: unsaid,
		Concluded: unsaid, Declared: unsaid, Copyright: unsaid,
		Refs: []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.Path + "@" + m.Version}},
	}
	// go.sum's h1 is SHA-256 over the module's files.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == sha256.Size {
		p.Checksums = []checksum{{"SHA256", hex.EncodeToString(sum)}}
	}
	return p
}
