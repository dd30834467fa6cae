package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// prometheus is a file for node-exporter's textfile collector: one series for each result, its value the outcome, and
// for each cluster when it was looked at, so that an alert can tell a stale file.
func prometheus(v Verification) ([]byte, error) {
	var out bytes.Buffer
	var values []string
	for o := check.Pass; o <= check.Fail; o++ {
		values = append(values, fmt.Sprintf("%d %s", o, o))
	}
	fmt.Fprintf(&out, "# HELP cilium_gitops_check Outcome of a check: %s.\n", strings.Join(values, ", "))
	out.WriteString("# TYPE cilium_gitops_check gauge\n")
	for _, r := range v.Results {
		fmt.Fprintf(&out, "cilium_gitops_check{cluster=%s,id=%s,phase=%s} %d\n",
			label(r.Cluster), label(string(r.ID)), label(string(r.Phase)), r.Outcome)
	}
	out.WriteString("# HELP cilium_gitops_taken_timestamp_seconds When the cluster was looked at.\n")
	out.WriteString("# TYPE cilium_gitops_taken_timestamp_seconds gauge\n")
	for _, c := range v.Clusters {
		if c.Taken.IsZero() {
			continue
		}
		fmt.Fprintf(&out, "cilium_gitops_taken_timestamp_seconds{cluster=%s} %d\n", label(c.Name), c.Taken.Unix())
	}
	return out.Bytes(), nil
}

// label quotes a label's value as the text format wants it.
func label(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD")) + `"`
}
