package breaks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

func accessBreaks() []Break {
	return []Break{
		{
			Name: "api-stopped", About: "the API server is not running: connections are refused", Scope: OnCluster, First: true,
			Do: func(_ context.Context, t *Target) error {
				t.Lab.Processes().Stop(200*time.Millisecond, t.apiServer())
				return nil
			},
			Undo: func(ctx context.Context, t *Target) error {
				if err := t.Cluster.StartAPI(ctx); err != nil {
					return err
				}
				return t.daemonSetCounts(ctx, "kube-system", "cilium", true)
			},
		},
		{
			Name: "api-hanging", About: "the API server is stopped by a signal: connections are accepted and nothing answers", Scope: OnCluster, First: true,
			Do: func(_ context.Context, t *Target) error {
				return t.Lab.Processes().Signal(t.apiServer(), syscall.SIGSTOP)
			},
			Undo: func(ctx context.Context, t *Target) error {
				if err := t.Lab.Processes().Signal(t.apiServer(), syscall.SIGCONT); err != nil {
					return err
				}
				return t.Cluster.WaitAPI(ctx, 30*time.Second)
			},
		},
		{
			Name: "exec-forbidden", About: "the user --user may read what the shipped read-only role allows, but not exec into pods", Scope: OnUser,
			Do: forbidExec,
		},
	}
}

func (t *Target) apiServer() string { return t.Cluster.Name + "/kube-apiserver" }

const forbidden = "lab-exec-forbidden"

// forbidExec binds the user to the shipped read-only role without its rule for exec; where none is shipped yet, to
// reading everything.
func forbidExec(ctx context.Context, t *Target) error {
	rules, err := t.readOnlyRules()
	if err != nil {
		return err
	}
	role := &api.Object{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": forbidden}, "rules": rules,
	}}
	binding := &api.Object{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": map[string]any{"name": forbidden},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": forbidden},
		"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": t.Record.User}},
	}}
	for _, obj := range []*api.Object{role, binding} {
		if _, err := t.save(ctx, ref(obj.GetAPIVersion(), obj.GetKind(), "", obj.GetName())); err != nil {
			return err
		}
	}
	if err := t.Client.Apply(ctx, role, binding); err != nil {
		return err
	}
	return t.wait(ctx, "permissions of "+t.Record.User, func() (bool, error) { return t.may(ctx, "list", "pods") })
}

// may asks the API server whether the record's user may do something.
func (t *Target) may(ctx context.Context, verb, resource string) (bool, error) {
	r, err := t.Client.Of(ref("authorization.k8s.io/v1", "SubjectAccessReview", "", "").object())
	if err != nil {
		return false, err
	}
	answer, err := r.Create(ctx, &api.Object{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": map[string]any{
			"user":               t.Record.User,
			"resourceAttributes": map[string]any{"verb": verb, "resource": resource, "namespace": "kube-system"},
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask for permissions of %s: %w", t.Record.User, err)
	}
	allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, nil
}

func (t *Target) readOnlyRules() ([]any, error) {
	path := filepath.Join(filepath.Dir(t.Lab.Builder.Source), "deploy", "rbac-readonly.yaml")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		everything := map[string]any{"apiGroups": []any{"*"}, "resources": []any{"*"}, "verbs": []any{"get", "list", "watch"}}
		return []any{everything}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the shipped role: %w", err)
	}
	objects, err := api.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("read the shipped role %s: %w", path, err)
	}
	var rules []any
	for _, obj := range objects {
		if obj.GetKind() != "ClusterRole" && obj.GetKind() != "Role" {
			continue
		}
		some, _, _ := unstructured.NestedSlice(obj.Object, "rules")
		rules = append(rules, slices.DeleteFunc(some, allowsExec)...)
	}
	return rules, nil
}

func allowsExec(rule any) bool {
	r, ok := rule.(map[string]any)
	if !ok {
		return false
	}
	resources, _, _ := unstructured.NestedStringSlice(r, "resources")
	return slices.Contains(resources, "pods/exec")
}
