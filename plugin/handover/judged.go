package handover

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// judgedBy says how many checks a plan was judged by. A plan that is gone on with may have been judged by none: what is
// known then is that the cluster is as it was, and no more.
func judgedBy(p *Plan) string {
	n := 0
	for _, v := range p.Verdicts {
		if v.Outcome != check.Skip {
			n++
		}
	}
	if n == 0 {
		return "the cluster is as it was when the run began; no check was judged again"
	}
	if n == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", n)
}
