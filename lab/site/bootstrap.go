package site

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/lab/control"
)

var secrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// Bootstrap installs Cilium on a cluster as the fleet's bootstrap does: once, from outside, by Helm.
func (l *Lab) Bootstrap(ctx context.Context, name string) error {
	unlock, err := l.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	s, err := l.Running()
	if err != nil {
		return err
	}
	c, err := l.Cluster(s, name)
	if err != nil {
		return err
	}
	return l.bootstrap(ctx, c)
}

func (l *Lab) bootstrap(ctx context.Context, c control.Cluster) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	releases, err := client.Dynamic.Resource(secrets).Namespace("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=cilium"})
	if err != nil {
		return fmt.Errorf("look for a release: %w", err)
	}
	patience := "3m"
	if c.Settings.Real() { // agents compile their datapath first, and again for the first pods of each kind
		patience = "10m"
	}
	args := []string{"install", "cilium", l.ChartPath(c.Settings.CiliumVersion), "--values", l.ValuesPath(c.Name), "--wait", "--timeout", patience}
	if len(releases.Items) == 1 && unfinished(releases.Items[0]) {
		l.Say("%s: an interrupted installation is done again", c.Name)
		if err := client.Delete(ctx, &releases.Items[0]); err != nil {
			return err
		}
		args = append(args, "--take-ownership")
	} else if len(releases.Items) > 0 {
		l.Say("%s: Cilium was installed before; left as it is", c.Name)
		return nil
	}
	if err := l.Helm(ctx, c, args...); err != nil {
		return err
	}
	if err := awaitCilium(ctx, client); err != nil {
		return err
	}
	l.Say("%s: Cilium %s installed by Helm %d", c.Name, c.Settings.CiliumVersion, c.Settings.Helm)
	return nil
}

// unfinished tells whether a first installation was interrupted, or gave up waiting.
func unfinished(release unstructured.Unstructured) bool {
	labels := release.GetLabels()
	return labels["version"] == "1" && (labels["status"] == "pending-install" || labels["status"] == "failed")
}

// Helm runs the lab's helm on a cluster, in Cilium's namespace, as the user admin.
func (l *Lab) Helm(ctx context.Context, c control.Cluster, args ...string) error {
	helm := l.Dir.Join("programs", fmt.Sprintf("helm%d", c.Settings.Helm))
	cmd := exec.CommandContext(ctx, helm, append([]string{"--kube-context", c.Name, "--namespace", "kube-system"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.Dir.Kubeconfig(), "HELM_CACHE_HOME="+l.Dir.Join("helm"),
		"HELM_CONFIG_HOME="+l.Dir.Join("helm"), "HELM_DATA_HOME="+l.Dir.Join("helm"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("helm %s on %s: %w: %s", args[0], c.Name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
