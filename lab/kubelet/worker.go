package kubelet

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// worker sees to one pod, from its first container to its last.
type worker struct {
	*Kubelet
	uid             types.UID
	namespace, name string

	box        *sandbox
	containers []*container
	told       string // the status last written, as text
	ports      *ports
	complained string
}

// run does what is next for the pod until it is gone.
func (w *worker) run(ctx context.Context, poke <-chan struct{}) {
	defer w.ports.close()
	pause := time.Second
	for {
		gone, err := w.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != w.complained:
			w.complained = err.Error()
			log.Printf("pod %s/%s: %v", w.namespace, w.name, err)
		case err == nil:
			w.complained = ""
		}
		if gone && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-poke:
		case <-time.After(pause):
		}
	}
}

// step looks at the pod as it is now and brings it one state further.
func (w *worker) step(ctx context.Context) (gone bool, err error) {
	pod, err := w.pods.Pods(w.namespace).Get(w.name)
	if err != nil && !apierrors.IsNotFound(err) {
		return false, err
	}
	if apierrors.IsNotFound(err) || pod.UID != w.uid {
		return true, w.remove(ctx, nil)
	}
	if pod.DeletionTimestamp != nil {
		return true, w.remove(ctx, pod)
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		w.stopContainers(nil)
		return false, w.removeSandbox(ctx) // its logs stay as long as the object does
	}
	if err := w.accept(ctx, pod); err != nil {
		return false, err
	}
	if err := w.ensureSandbox(ctx, pod); err != nil {
		return false, err
	}
	if w.containers == nil {
		if err := w.prepare(ctx, pod); err != nil {
			return false, err
		}
	}
	var errs []error
	for _, c := range w.containers {
		errs = append(errs, c.keep(pod), c.probe(ctx))
	}
	return false, errors.Join(append(errs, w.tell(ctx, pod))...)
}

// prepare makes what the pod's containers need before they can start.
func (w *worker) prepare(ctx context.Context, pod *corev1.Pod) error {
	volumes, err := w.fillVolumes(ctx, pod)
	if err != nil {
		return err
	}
	var all []*container
	for i := range pod.Spec.Containers {
		c, err := w.container(ctx, pod, &pod.Spec.Containers[i], volumes)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if err := w.answerRemote(ctx, pod, all); err != nil {
		return err
	}
	w.containers = all
	return nil
}

// remove ends the pod's programs, takes its network away and, where the object is still there, lets it go.
func (w *worker) remove(ctx context.Context, pod *corev1.Pod) error {
	w.stopContainers(pod)
	if err := w.removeSandbox(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(w.path()); err != nil {
		return fmt.Errorf("forget pod: %w", err)
	}
	if pod == nil {
		return nil
	}
	now := int64(0)
	err := w.kube.CoreV1().Pods(w.namespace).Delete(ctx, w.name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &w.uid},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("let pod go: %w", err)
	}
	return nil
}

// path is a path below the pod's folder.
func (w *worker) path(elem ...string) string {
	return filepath.Join(append([]string{w.Folder, string(w.uid)}, elem...)...)
}
