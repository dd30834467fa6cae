// Package chart makes the archive of a Helm chart out of its folder, always the same bytes for the same files, and
// puts it into an OCI registry as Helm does, always under the same digest.
package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
)

// Pack returns the chart as a gzipped tar with its files sorted below name, and no time or owner in it. Chart.yaml
// comes first, as Helm writes it.
func Pack(name string, chart fs.FS) ([]byte, error) {
	files, err := list(chart)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", name, err)
	}
	archive := tar.NewWriter(zip)
	for _, file := range files {
		raw, err := fs.ReadFile(chart, file)
		if err != nil {
			return nil, fmt.Errorf("pack chart %s: %w", name, err)
		}
		header := &tar.Header{Name: path.Join(name, file), Mode: 0o644, Size: int64(len(raw)), Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack chart %s: %w", name, err)
		}
		if _, err := archive.Write(raw); err != nil {
			return nil, fmt.Errorf("pack chart %s: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", name, err)
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", name, err)
	}
	return out.Bytes(), nil
}

func list(chart fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(chart, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Base(name) != ".helmignore" {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list chart files: %w", err)
	}
	slices.SortFunc(files, func(a, b string) int {
		if first, second := a == "Chart.yaml", b == "Chart.yaml"; first != second {
			if first {
				return -1
			}
			return 1
		}
		if a < b {
			return -1
		}
		return 1
	})
	return files, nil
}

// Metadata takes Chart.yaml out of an archive.
func Metadata(archive []byte) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("read chart archive: %w", err)
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("read chart archive: find Chart.yaml: %w", err)
		}
		if path.Base(header.Name) == "Chart.yaml" {
			return io.ReadAll(files)
		}
	}
}
