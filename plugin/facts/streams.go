package facts

import (
	"cmp"
	"slices"
	"time"
)

// Streaming is what became of long-lived connections between pods while something was done to the cluster. It is
// measured on request alone: it makes pods.
const Streaming Part = "streams"

// NoStreams is the choice that leaves them out.
const NoStreams = "only flux handover with --probe measures it"

// Streams is what became of them, from the first answer of each until the last line that was heard.
type Streams struct {
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	Image string    `json:"image,omitempty"`
	// Nodes are those that streams were to come from, Others counts those that --probe-nodes left out.
	Nodes   []ProbeNode `json:"nodes,omitempty"`
	Others  int         `json:"others,omitempty"`
	Streams []Stream    `json:"streams,omitempty"`
	// Tried counts the new connections that were opened besides, one every tenth of a second from each node, Failed those
	// of them that failed; Why is how one of those did.
	Tried  int    `json:"tried"`
	Failed int    `json:"failed"`
	Why    string `json:"why,omitempty"`
	// Left is what could not be removed again, and why; empty where nothing is left.
	Left string `json:"left,omitempty"`
}

// Stream is one long-lived TCP connection, on which a message came and went every 20 ms. Where it was lost another took
// its place; the gap goes on until that one was answered.
type Stream struct {
	Kind    string        `json:"kind"` // ProbePod or ProbeService
	From    string        `json:"from"` // the node
	To      string        `json:"to"`   // a node, or a Service's namespace and name
	Address string        `json:"address,omitempty"`
	Answers int           `json:"answers"`          // 0: it never was open
	Gap     time.Duration `json:"gap"`              // the longest time without an answer
	GapAt   time.Time     `json:"gapAt,omitzero"`   // when that began, by the node's clock
	Lost    int           `json:"lost"`             // how often it broke, or was silent for ten seconds
	Why     string        `json:"why,omitempty"`    // how, the last time
	Silent  bool          `json:"silent,omitempty"` // it was not answered when it was last heard of
}

// And is what became of streams in two measurements of one run, the earlier first: one that was gone on with has two.
// Either may be nil.
func (s *Streams) And(more *Streams) *Streams {
	if s == nil || more == nil {
		return cmp.Or(s, more)
	}
	both := *s
	both.Ended, both.Image, both.Others, both.Left = more.Ended, more.Image, more.Others, more.Left
	both.Nodes = slices.Concat(s.Nodes, more.Nodes)
	both.Streams = slices.Concat(s.Streams, more.Streams)
	both.Tried, both.Failed, both.Why = s.Tried+more.Tried, s.Failed+more.Failed, cmp.Or(s.Why, more.Why)
	return &both
}
