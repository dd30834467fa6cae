package report

import "math"

// Span is how high the bands are.
func (t *timeline) Span() float64 { return t.Bottom - t.Top }

// Middle is where a band's name is.
func (b timeBand) Middle() float64 { return b.X + b.Width/2 }

// Open tells whether the step was not reached.
func (b timeBand) Open() bool { return b.began.IsZero() }

// Middle is where a lane's dots are.
func (l timeLane) Middle() float64 { return l.Y + l.Height/2 }

// Base is where a lane's text stands.
func (l timeLane) Base() float64 { return l.Y + l.Height/2 + 4 }

// Round is how round a lane's ends are.
func (l timeLane) Round() float64 { return math.Min(3, l.Height/2) }

// Inside tells whether a span says in itself what it is.
func (s timeSpan) Inside() bool { return (s.Class == "helm" || s.Class == "flux") && s.Width > 100 }

// Text is where it says so.
func (s timeSpan) Text() float64 { return s.X + 8 }

// Base is where a moment's name stands.
func (l timeLine) Base() float64 {
	if l.Class == "adopt" {
		return l.Y + 12
	}
	return l.Y + 24 // below the other, where both are close
}

// Anchor is on which side of its line a moment's name is.
func (l timeLine) Anchor() string {
	if l.X > timeWidth-160 || l.Class == "stop" {
		return "end"
	}
	return "start"
}

// Left is where it begins, or ends.
func (l timeLine) Left() float64 {
	if l.Anchor() == "end" {
		return l.X - 5
	}
	return l.X + 5
}
