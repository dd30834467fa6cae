package act

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"sigs.k8s.io/yaml"
)

// maxRecord bounds what a release record may inflate to, in bytes. Cilium's is about 2 MiB.
const maxRecord = 32 << 20

// contents are the values and the manifest of a release record, as the Secret's data has it: Helm's own base64 of
// gzipped JSON, and the API's base64 around it.
func contents(data string) (values, manifest []byte, err error) {
	once, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, nil, errors.New("it is not base64")
	}
	zipped, err := base64.StdEncoding.DecodeString(string(once))
	if err != nil {
		return nil, nil, errors.New("it is not base64")
	}
	text, err := inflate(zipped, maxRecord)
	if err != nil {
		return nil, nil, err
	}
	var release struct {
		Config   map[string]any `json:"config"`
		Manifest string         `json:"manifest"`
	}
	if err := json.Unmarshal(text, &release); err != nil {
		return nil, nil, errors.New("it is not of Helm's schema") // err may quote it
	}
	values, err = yaml.Marshal(release.Config)
	return values, []byte(release.Manifest), err
}

// absent holds of a path at which there is nothing yet.
func absent(dir string) error {
	_, err := os.Lstat(dir)
	if err == nil {
		return fmt.Errorf("back up to %s: it exists already; move it away, or choose another place", dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("back up to %s: %w", dir, err)
	}
	return nil
}

// write makes the backup's directory: under another name first, so that it is whole where it is there.
func write(dir string, files []file) (err error) {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return unwritten(dir, err)
	}
	partial, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+"-") // is 0700
	if err != nil {
		return unwritten(dir, err)
	}
	defer func() {
		if err != nil {
			err = unwritten(dir, errors.Join(err, os.RemoveAll(partial)))
		}
	}()
	folders := []string{partial}
	for _, f := range files {
		path := filepath.Join(partial, filepath.FromSlash(f.name))
		if folder := filepath.Dir(path); !slices.Contains(folders, folder) {
			if err := os.Mkdir(folder, 0o700); err != nil {
				return err
			}
			folders = append(folders, folder)
		}
		if err := writeFile(path, f.text); err != nil {
			return err
		}
	}
	for _, folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	partial = dir // which goes, where it is not known to last
	return syncFolder(parent)
}

func unwritten(dir string, err error) error {
	return fmt.Errorf("back up to %s: %w; nothing was kept of it; see that there is room and leave to write: df -h %s", dir, err, filepath.Dir(dir))
}

func writeFile(path string, text []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

func syncFolder(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

// readme says what a backup holds and how to go back by it.
func (b *backup) readme() string {
	e := b.c.options.Expect
	context := ""
	if b.c.options.Context != "" {
		context = " of context " + b.c.options.Context
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Cilium%s before its handover to Flux, on %s.\nIt holds the release's secrets: keep it to yourself.\n\n",
		context, b.c.clock.Now().UTC().Format("2006-01-02 15:04:05 MST"))
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, f := range b.files {
		fmt.Fprintf(table, "%s\t%s\n", f.name, f.what)
	}
	_ = table.Flush() // to memory
	for _, note := range b.notes {
		fmt.Fprintf(&text, "\n%s\n", note)
	}
	kubectl := strings.TrimSuffix(b.c.kubectl(b.in("", "")), " ")
	flux := strings.TrimPrefix(strings.TrimSuffix(b.c.kubectl(b.in("", "")), " "), "kubectl")
	flux = strings.TrimSuffix(flux, " -n "+e.Cilium.Namespace)
	helm := strings.ReplaceAll(flux, "--context", "--kube-context")
	fmt.Fprintf(&text, `
The tool's own way back is: flux handover rollback
By hand, in this order:

1. Stop Flux, or it does its own again within minutes. Deleting its objects instead would uninstall Cilium.
     flux%[1]s suspend kustomization %[3]s -n %[4]s
     flux%[1]s suspend helmrelease %[5]s -n %[6]s
2. See which revision runs, and what another would restart, before going back to it.
     helm%[2]s -n %[7]s history %[8]s
     diff <(helm%[2]s -n %[7]s get manifest %[8]s) manifest.yaml
`, flux, helm, e.Flux.Kustomization, e.Flux.Namespace, e.Flux.HelmRelease, e.Flux.HelmReleaseNamespace, e.Cilium.Namespace, e.Cilium.Release)
	if b.newest > 0 {
		fmt.Fprintf(&text, `3. Go back to revision %[4]d.
     helm%[1]s -n %[2]s rollback %[3]s %[4]d
   Where its record is gone, put it back first:
     %[5]s apply --server-side -f release-records/
`, helm, e.Cilium.Namespace, e.Cilium.Release, b.newest, kubectl)
	}
	fmt.Fprintf(&text, "\nSingle objects can be put back from their files: %s apply --server-side --force-conflicts -f FILE\n", kubectl)
	return text.String()
}
