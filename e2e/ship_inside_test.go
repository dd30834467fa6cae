//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeploy: what deploy/ applies is accepted by the API server; with the rights of its account alone, and with no
// kubeconfig as in its pod, the arguments of its CronJob answer; and its reports are what they say they are: the API
// server accepts the OpenReports file by that API's own definition.
func TestDeploy(t *testing.T) {
	overlay, deploy := t.TempDir(), absolute(t, "../deploy")
	relative, err := filepath.Rel(realPath(t, overlay), realPath(t, deploy))
	if err != nil {
		t.Fatal(err)
	}
	text := "namePrefix: ship-\nresources: [" + relative + "]\n" // beside the rights that other tests have
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, "kubectl", "--context", "infra", "apply", "-k", overlay)
	t.Cleanup(func() { run(t, "kubectl", "--context", "infra", "delete", "--wait=false", "-k", overlay) })

	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct {
					Template struct {
						Spec struct {
							Containers []struct{ Args []string }
						}
					}
				}
			}
		}
	}
	out := must(t, "kubectl", "--context", "infra", "-n", "flux-system", "get", "cronjob", "ship-cilium-gitops-verify", "-o", "json")
	if err := json.Unmarshal([]byte(out), &job); err != nil {
		t.Fatal(err)
	}
	reports := t.TempDir()
	var args []string
	for _, arg := range job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args {
		arg = strings.Replace(arg, "=/reports/", "="+reports+"/", 1)
		args = append(args, strings.Replace(arg, "/etc/cilium-gitops/", deploy+"/", 1))
	}
	config := must(t, "kubectl", "--context", "infra", "config", "view", "--minify", "--flatten", "-o", `jsonpath={.clusters[0].cluster.server}`)
	authority := filepath.Join(t.TempDir(), "ca.crt")
	pem := must(t, "kubectl", "--context", "infra", "-n", "flux-system", "get", "configmap", "kube-root-ca.crt", "-o", `jsonpath={.data.ca\.crt}`)
	if err := os.WriteFile(authority, []byte(pem), 0o644); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(must(t, "kubectl", "--context", "infra", "-n", "flux-system", "create", "token", "ship-cilium-gitops"))
	l := theLab.with("KUBECONFIG=/dev/null")
	args = append(args, "--server", config, "--certificate-authority", authority, "--token", token)
	r := l.run(t, "/", "kubectl-cilium_gitops", append(args, "-o", "json")...)
	var v verification
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || r.code != 0 {
		t.Fatalf("exit code %d, %v\n%s%s", r.code, err, r.stderr, r.stdout)
	}
	if v.Clusters[0].Name != "infra" || v.Summary.Pass < 30 {
		t.Errorf("%+v %+v", v.Clusters, v.Summary)
	}
	t.Run("openreports", func(t *testing.T) { opened(t, filepath.Join(reports, "cilium-gitops.yaml")) })
	metrics, err := os.ReadFile(filepath.Join(reports, "cilium-gitops.prom"))
	if err != nil || !strings.Contains(string(metrics), `cilium_gitops_check{cluster="infra",id="CG101"`) {
		t.Errorf("%v\n%.500s", err, metrics)
	}
}

// opened has the API server judge the file by OpenReports' own definition.
func opened(t *testing.T, file string) {
	where := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/openreports/reports-api")
	where.Dir = ".."
	dir, err := where.Output()
	if err != nil {
		t.Fatal(err)
	}
	crd := filepath.Join(strings.TrimSpace(string(dir)), "config", "crd", "openreports.io_clusterreports.yaml")
	must(t, "kubectl", "--context", "infra", "apply", "--server-side", "-f", crd)
	t.Cleanup(func() { run(t, "kubectl", "--context", "infra", "delete", "--wait=false", "-f", crd) })
	must(t, "kubectl", "--context", "infra", "wait", "--for=condition=Established", "-f", crd)
	eventually(t, func() (string, bool) { // served a moment after it is established
		r := run(t, "kubectl", "--context", "infra", "apply", "--dry-run=server", "--validate=strict", "-f", file)
		return r.stderr, r.code == 0
	})
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func realPath(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
