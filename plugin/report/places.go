package report

import (
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// joinPlaces makes one block of what is the same on several clusters: the same check with the same outcome, or the
// same checks that could not look. Its evidence is the first of each cluster.
func joinPlaces(all []block) []block {
	var order []string
	groups := map[string][]block{}
	for _, b := range all {
		key := b.key()
		if _, ok := groups[key]; !ok {
			order = append(order, key)
		}
		groups[key] = append(groups[key], b)
	}
	joined := make([]block, 0, len(order))
	for _, key := range order {
		joined = append(joined, join(groups[key]))
	}
	return joined
}

func (b block) key() string {
	ids := ranges(b.same)
	if len(ids) == 0 {
		ids = []string{string(b.ID)}
	}
	return b.Outcome.String() + " " + strings.Join(ids, " ")
}

func join(group []block) block {
	if len(group) == 1 {
		return group[0]
	}
	b := group[0]
	b.places, b.Reason, b.Evidence = group, "", nil
	for _, member := range group {
		e := check.Evidence{Where: member.Cluster, Got: member.Reason}
		switch {
		case len(member.same) > 0:
			e.Got = member.why
		case len(member.Evidence) > 0:
			first := member.Evidence[0]
			e = check.Evidence{Where: member.Cluster + " " + first.Where, Got: first.Got, Want: first.Want}
		}
		b.Evidence = append(b.Evidence, e)
	}
	return b
}
