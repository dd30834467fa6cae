package report

import (
	"strconv"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// ranges words the IDs of results compactly: CG101 CG102 CG103 CG107 is "CG101-CG103", "CG107". Two neighbours stay
// two.
func ranges(results []Result) []string {
	var ids []check.ID
	for _, r := range results {
		ids = append(ids, r.ID)
	}
	var words []string
	for i := 0; i < len(ids); {
		end := i
		for end+1 < len(ids) && follows(ids[end], ids[end+1]) {
			end++
		}
		switch end - i {
		case 0:
			words = append(words, string(ids[i]))
		case 1:
			words = append(words, string(ids[i]), string(ids[end]))
		default:
			words = append(words, string(ids[i])+"-"+string(ids[end]))
		}
		i = end + 1
	}
	return words
}

// follows holds where b is the ID after a: the same letters, the next number.
func follows(a, b check.ID) bool {
	letters := strings.TrimRight(string(a), "0123456789")
	next, ok := strings.CutPrefix(string(b), letters)
	if !ok {
		return false
	}
	m, err := strconv.Atoi(string(a)[len(letters):])
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(next)
	return err == nil && n == m+1 && len(a) == len(b)
}
