package check

import "fmt"

// findings collects what a judge comes upon, so that the verdict is the worst of it and every cause is shown.
type findings struct {
	fail, unknown, warn []Evidence
}

func (n *findings) failed(where, got, want string) {
	n.fail = append(n.fail, Evidence{where, got, want})
}

func (n *findings) unseen(where, why string) {
	n.unknown = append(n.unknown, Evidence{Where: where, Got: why})
}

func (n *findings) warned(where, got, want string) {
	n.warn = append(n.warn, Evidence{where, got, want})
}

// verdict is Pass with the good sentence when nothing was found, else the worst finding with the bad one.
func (n *findings) verdict(good, bad string) Verdict {
	switch {
	case len(n.fail) > 0:
		return Verdict{Outcome: Fail, Reason: bad, Evidence: append(n.fail, n.unknown...)}
	case len(n.unknown) > 0:
		return Verdict{Outcome: Unknown, Reason: "could not see all of it", Evidence: n.unknown}
	case len(n.warn) > 0:
		return Verdict{Outcome: Warn, Reason: bad, Evidence: n.warn}
	}
	return Verdict{Outcome: Pass, Reason: good}
}

func pass(format string, args ...any) Verdict {
	return Verdict{Outcome: Pass, Reason: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) Verdict {
	return Verdict{Outcome: Skip, Reason: fmt.Sprintf(format, args...)}
}

func warn(reason string, evidence ...Evidence) Verdict {
	return Verdict{Outcome: Warn, Reason: reason, Evidence: evidence}
}

func unknown(reason string, evidence ...Evidence) Verdict {
	return Verdict{Outcome: Unknown, Reason: reason, Evidence: evidence}
}

func fail(reason string, evidence ...Evidence) Verdict {
	return Verdict{Outcome: Fail, Reason: reason, Evidence: evidence}
}

// count words a number with its noun: "1 agent", "3 agents".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// some words a part of a whole: "1 of 3 agents".
func some(n, of int, noun string) string {
	return fmt.Sprintf("%d of %s", n, count(of, noun))
}
