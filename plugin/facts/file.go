package facts

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// MaxFile bounds what Read takes in, in bytes.
const MaxFile = 64 << 20

const separator = "---\n"

// marker is a line that separates YAML documents, however it is written.
var marker = regexp.MustCompile(`(?m)^(---|\.\.\.)([ \t]*(#.*)?\r?$|[ \t])`)

// Write writes recordings as YAML documents.
func Write(w io.Writer, all []Facts) error {
	for i, f := range all {
		f.APIVersion, f.Kind = APIVersion, Kind
		doc, err := yaml.Marshal(f)
		if err != nil {
			return fmt.Errorf("write facts of %s: %w", f.Cluster, err)
		}
		if i > 0 {
			doc = append([]byte(separator), doc...)
		}
		if _, err := w.Write(doc); err != nil {
			return fmt.Errorf("write facts of %s: %w", f.Cluster, err)
		}
	}
	return nil
}

// Read reads what Write wrote, one or several documents, strictly: a field it does not know is an error, for a
// recording read with half its facts dropped would be judged wrongly. What it returns is clean.
func Read(r io.Reader) ([]Facts, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("larger than %d MiB: not a recording", MaxFile>>20)
	}
	var all []Facts
	for _, doc := range marker.Split(string(data), -1) {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		f, err := decode([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", len(all)+1, err)
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return nil, errors.New("no recording in it; make one with: kubectl cilium-gitops verify --record FILE")
	}
	return all, nil
}

func decode(doc []byte) (Facts, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return Facts{}, err
	}
	if head.APIVersion != APIVersion || head.Kind != Kind {
		return Facts{}, fmt.Errorf("is %q %q, not a recording (%s %s); make one with: kubectl cilium-gitops verify --record FILE",
			head.APIVersion, head.Kind, APIVersion, Kind)
	}
	var f Facts
	if err := yaml.UnmarshalStrict(doc, &f); err != nil {
		return Facts{}, err
	}
	if f.Cluster == "" {
		return Facts{}, errors.New("names no cluster")
	}
	Clean(&f)
	return f, nil
}
