package live

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apps "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// maxElsewhere bounds in how many namespaces besides Cilium's the release's workloads are looked for.
const maxElsewhere = 8

// scattered are the parts of which the release may have something in other namespaces than Cilium's.
var scattered = []facts.Part{facts.Pods, facts.Deployments}

// rest looks at what of the release the label of Cilium's pods and Cilium's namespace do not cover: a release that lies
// wholly in both costs no request. Which workloads it has is known from Helm's record and from the DaemonSets of all
// namespaces, as far as those are looked at, and from the options. A part that cannot be seen to its end is Blind.
func (g *gatherer) rest(ctx context.Context) {
	g.mu.Lock()
	own := g.facts.Workloads().Plus(g.options.Workloads)
	var parts []facts.Part
	for _, part := range scattered {
		if slices.Contains(g.facts.Seen, part) {
			parts = append(parts, part)
		}
	}
	g.mu.Unlock()
	_ = atOnce(len(parts), func(i int) error {
		see := g.restOfPods
		if parts[i] == facts.Deployments {
			see = g.restOfWorkloads
		}
		if err := see(ctx, own); err != nil {
			g.unsee(parts[i], reason(g.timeout(ctx, err)))
		}
		return nil
	})
}

// unsee makes a part blind that was taken for seen.
func (g *gatherer) unsee(part facts.Part, why string) {
	g.note(func(f *facts.Facts) {
		f.Seen = slices.DeleteFunc(f.Seen, func(p facts.Part) bool { return p == part })
		f.Blind[part] = why
	})
}

// elsewhere are the namespaces besides Cilium's where the release has workloads; an error where they are too many.
func elsewhere(own facts.Workloads) ([]string, error) {
	all := own.Elsewhere()
	if len(all) > maxElsewhere {
		return nil, fmt.Errorf("the release has workloads in %d namespaces besides Cilium's; at most %d are looked at", len(all), maxElsewhere)
	}
	return all, nil
}

// restOfPods lists the release's pods in other namespaces, and in Cilium's where a workload's pods lack Cilium's label.
func (g *gatherer) restOfPods(ctx context.Context, own facts.Workloads) error {
	namespaces, err := elsewhere(own)
	if err != nil {
		return err
	}
	if g.podless(own) {
		namespaces = append(namespaces, g.options.Expect.Cilium.Namespace)
	}
	some := make([][]facts.Pod, len(namespaces))
	err = atOnce(len(namespaces), func(i int) error {
		return paged("", func(o metav1.ListOptions) (string, error) {
			list, err := g.core.Pods(namespaces[i]).List(ctx, o)
			if err != nil {
				return "", err
			}
			for n := range list.Items {
				if p := pod(&list.Items[n]); own.Pod(p) {
					some[i] = append(some[i], p)
				}
			}
			return list.Continue, nil
		})
	})
	if err != nil {
		return err
	}
	g.note(func(f *facts.Facts) {
		all := slices.Concat(append(some, f.Live.Pods)...)
		f.Live.Pods = sorted(all, podKey)
		f.Live.Pods = slices.CompactFunc(f.Live.Pods, func(a, b facts.Pod) bool { return podKey(a) == podKey(b) })
	})
	return nil
}

// podless tells whether a workload of the release in Cilium's namespace should have pods and none bears Cilium's label.
func (g *gatherer) podless(own facts.Workloads) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.facts.Live
	has := map[string]bool{}
	for _, p := range l.Pods {
		has[p.Workload()] = true
	}
	for _, w := range slices.Concat(l.DaemonSets, l.Deployments) {
		if w.Desired == 0 {
			has[w.Key()] = true // none is wanted
		}
	}
	return slices.ContainsFunc(own.Keys(), func(key string) bool {
		return strings.Split(key, "/")[1] == g.options.Expect.Cilium.Namespace && !has[key]
	})
}

// restOfWorkloads lists the release's StatefulSets, where it has some, and its Deployments of other namespaces.
func (g *gatherer) restOfWorkloads(ctx context.Context, own facts.Workloads) error {
	namespaces, err := elsewhere(own)
	if err != nil {
		return err
	}
	release := g.options.Expect.Cilium.Namespace + "/" + g.options.Expect.Cilium.Release
	stateful := slices.Clone(namespaces)
	if slices.ContainsFunc(own.Keys(), func(key string) bool {
		return strings.HasPrefix(key, "StatefulSet/"+g.options.Expect.Cilium.Namespace+"/")
	}) {
		stateful = append(stateful, g.options.Expect.Cilium.Namespace)
	}
	sets, others := make([][]facts.Workload, len(stateful)), make([][]facts.Workload, len(namespaces))
	err = atOnce(len(stateful)+len(namespaces), func(i int) (err error) {
		if i < len(stateful) {
			sets[i], err = g.statefulSetsOf(ctx, stateful[i])
			return err
		}
		i -= len(stateful)
		others[i], err = g.deploymentsOf(ctx, namespaces[i])
		return err
	})
	if err != nil {
		return err
	}
	ours := func(all []facts.Workload) []facts.Workload {
		return sorted(slices.DeleteFunc(all, func(w facts.Workload) bool { return w.Release != release && !own.Has(w.Key()) }), workloadKey)
	}
	g.note(func(f *facts.Facts) {
		f.Live.StatefulSets = ours(slices.Concat(sets...))
		f.Live.Deployments = sorted(append(f.Live.Deployments, ours(slices.Concat(others...))...), workloadKey)
	})
	return nil
}

func (g *gatherer) deploymentsOf(ctx context.Context, namespace string) ([]facts.Workload, error) {
	var all []facts.Workload
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.apps.Deployments(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			all = append(all, deployment(&list.Items[i]))
		}
		return list.Continue, nil
	})
	return all, err
}

func (g *gatherer) statefulSetsOf(ctx context.Context, namespace string) ([]facts.Workload, error) {
	var all []facts.Workload
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.apps.StatefulSets(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			all = append(all, statefulSet(&list.Items[i]))
		}
		return list.Continue, nil
	})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return all, err
}

func statefulSet(s *apps.StatefulSet) facts.Workload {
	w := workload("StatefulSet", s.ObjectMeta, s.Spec.Template.Spec)
	w.ObservedGeneration = s.Status.ObservedGeneration
	w.Desired = 1
	if s.Spec.Replicas != nil {
		w.Desired = *s.Spec.Replicas
	}
	w.Updated = s.Status.UpdatedReplicas
	w.Ready = s.Status.ReadyReplicas
	w.Available = s.Status.AvailableReplicas
	w.Total = s.Status.Replicas
	w.UpdateStrategy = string(s.Spec.UpdateStrategy.Type)
	return w
}

// workloadsOf are the DaemonSets, Deployments and StatefulSets of a manifest, "Kind/namespace/name". Nothing else of it
// is parsed.
func workloadsOf(manifest, namespace string) []string {
	var all []string
	for _, doc := range strings.Split("\n"+manifest, "\n---") {
		if !strings.Contains(doc, "\nkind: DaemonSet") && !strings.Contains(doc, "\nkind: Deployment") && !strings.Contains(doc, "\nkind: StatefulSet") {
			continue
		}
		_, doc, _ = strings.Cut(doc, "\n") // what may stand behind the dashes
		var o struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Namespace string `json:"namespace"`
				Name      string `json:"name"`
			} `json:"metadata"`
		}
		if yaml.Unmarshal([]byte(doc), &o) != nil || !slices.Contains([]string{"DaemonSet", "Deployment", "StatefulSet"}, o.Kind) || o.Metadata.Name == "" {
			continue
		}
		if o.Metadata.Namespace == "" {
			o.Metadata.Namespace = namespace
		}
		all = append(all, o.Kind+"/"+o.Metadata.Namespace+"/"+o.Metadata.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
