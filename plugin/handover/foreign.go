package handover

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Foreign is the error of a journal that holds what this tool never writes. A journal is read from a ConfigMap or a file:
// whoever may write those may have written it. Nothing of it is carried out.
type Foreign struct {
	Run  string // the journal's
	What string // what it holds, naming the action: "its plan would patch ClusterRoleBinding/cluster-admin: .."
}

func (e *Foreign) Error() string {
	return fmt.Sprintf("the journal of run %s is not one that this tool writes: %s; nothing was done", e.Run, e.What)
}

func (j *Journal) foreign(format string, args ...any) error {
	return &Foreign{Run: or(j.Run, "(none)"), What: fmt.Sprintf(format, args...)}
}

// runName matches how runs are named. It is part of a folder's name.
var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// backupName matches the folder of a backup in its run's folder, and of one that was made when the run was gone on with.
var backupName = regexp.MustCompile(`^backup(-[0-9]{8}T[0-9]{6}\.[0-9]{3}Z)?$`)

// backupOf tells whether a folder is one that a run of that name keeps a backup in.
func backupOf(run, folder string) bool {
	folder = strings.ReplaceAll(folder, `\`, "/")
	dir, name := path.Split(folder)
	return backupName.MatchString(name) && strings.HasSuffix(dir, "-"+run+"/")
}

// Sound tells what of a journal's outline this tool never writes: a *Foreign, or nil. What its steps would do is judged
// where they are derived anew.
func (j *Journal) Sound() error {
	drill, isDrill := strings.CutPrefix(j.Name, DrillName)
	_, known := DrillNamed(drill)
	switch {
	case j.Name != HandoverName && j.Name != RollbackName && !(isDrill && known):
		return j.foreign("it is of %q, and there is no such run", j.Name)
	case !runName.MatchString(j.Run):
		return j.foreign("its run has a name that no run has")
	case len(j.Steps) == 0:
		return j.foreign("it has no steps")
	case j.Backup != "" && !backupOf(j.Run, j.Backup):
		return j.foreign("its backup %s is in no folder of run %s", j.Backup, j.Run)
	case j.Base != nil && j.Base.UID != "" && j.Base.UID != j.UID:
		return j.foreign("its baseline is of another cluster: kube-system has UID %s there", j.Base.UID)
	case isDrill && (j.Plan == nil || j.Plan.Drill == nil || j.Plan.Drill.Name != drill):
		return j.foreign("it has no plan of drill %s", drill)
	}
	seen := map[string]bool{}
	for _, s := range j.Steps {
		if s.ID == "" || seen[s.ID] || s.Begun < 0 || s.Taken < 0 || s.Taken > s.Begun {
			return j.foreign("step %q cannot be so: %d actions begun, %d taken", s.ID, s.Begun, s.Taken)
		}
		seen[s.ID] = true
	}
	return nil
}

// based tells what of a journal's baseline cannot have been: what it lacks, no guard compares with. f is what the cluster
// says now.
func (j *Journal) based(f facts.Facts) error {
	if j.Base == nil {
		return nil
	}
	agents := func(pods []facts.Pod) (n int) {
		for _, p := range pods {
			if p.Namespace == f.Expect.Cilium.Namespace && p.Owner == "DaemonSet/"+f.Expect.Cilium.DaemonSet {
				n++
			}
		}
		return n
	}
	was, desired := agents(j.Base.Pods), 0
	for _, w := range j.Base.DaemonSets {
		if w.Namespace == f.Expect.Cilium.Namespace && w.Name == f.Expect.Cilium.DaemonSet {
			desired = int(w.Desired)
		}
	}
	if agents(f.Live.Pods) > 0 && (was == 0 || was < desired/2 || desired == 0 || len(j.Base.Nodes) == 0) {
		return j.foreign("its baseline has %d agents of %d on %d nodes: no guard would see a pod that was replaced", was, desired, len(j.Base.Nodes))
	}
	return nil
}
