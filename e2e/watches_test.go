//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	mostWatches = 2
	// mostPodLists is how often a run may list Cilium's pods, its steps' own looks included: one that polled would do so
	// each second.
	mostPodLists = 6
)

// watchedFew holds that a run had at most two watches open at a time, and did not poll besides, counted at the API servers.
func (l *lab) watchedFew(t *testing.T, since map[string]int64) {
	t.Helper()
	for cluster, offset := range since {
		opened, lists := l.watchesOf(t, cluster, offset)
		type turn struct {
			at time.Time
			by int
		}
		var turns []turn
		for _, w := range opened {
			turns = append(turns, turn{w[0], 1}, turn{w[1], -1})
		}
		slices.SortFunc(turns, func(a, b turn) int {
			if c := a.at.Compare(b.at); c != 0 {
				return c
			}
			return a.by - b.by
		})
		open, most := 0, 0
		for _, one := range turns {
			open += one.by
			most = max(most, open)
		}
		if most != mostWatches || lists > mostPodLists {
			t.Errorf("%s: %d watches at a time, %d wanted; Cilium's pods were listed %d times, %d at most", cluster, most, mostWatches, lists, mostPodLists)
		}
		t.Logf("%s: %d watches, %d at a time, %d lists of pods", cluster, len(opened), most, lists)
	}
}

// watchesOf are when the watches of our run began and ended, and how many times it listed Cilium's pods.
func (l *lab) watchesOf(t *testing.T, cluster string, offset int64) (opened map[string][2]time.Time, lists int) {
	t.Helper()
	opened = map[string][2]time.Time{}
	for e := range l.audit(t, cluster, offset, "flux-handover/") {
		switch {
		case e.Verb == "watch":
			ended := e.StageTimestamp
			if e.Stage != "ResponseComplete" {
				ended = time.Now()
			}
			if was, seen := opened[e.AuditID]; seen && was[1].Before(ended) {
				ended = was[1]
			}
			opened[e.AuditID] = [2]time.Time{e.RequestReceivedTimestamp, ended}
		case e.Verb == "list" && strings.Contains(e.RequestURI, "/pods?") && e.Stage == "ResponseComplete":
			lists++
		}
	}
	return opened, lists
}
