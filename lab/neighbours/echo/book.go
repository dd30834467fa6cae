package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// book is what is known of all peers.
type book struct {
	name  string
	mu    sync.Mutex
	peers map[string]*peer
	names tally
}

// tally counts tries of one kind.
type tally struct {
	OK     int    `json:"ok"`
	Failed int    `json:"failed"`
	Last   string `json:"lastError,omitempty"`
}

func (t *tally) count(err error) {
	if err == nil {
		t.OK++
		return
	}
	t.Failed++
	t.Last = err.Error()
}

// peer is one other echo; its exported fields are what is told of it.
type peer struct {
	Address  string    `json:"address"`
	Node     string    `json:"node"`
	Since    time.Time `json:"since"`
	Sent     int       `json:"sent"`
	Received int       `json:"received"`
	// Lost counts streams that ended though both ends were there.
	Lost int `json:"lost"`
	// LongestGapMillis is the longest time between two answers on the stream.
	LongestGapMillis float64 `json:"longestGapMillis"`
	Connected        bool    `json:"connected"`
	LastError        string  `json:"lastError,omitempty"`
	// Connections are short ones, a new one each time.
	Connections tally `json:"connections"`

	last  time.Time
	leave context.CancelFunc
}

// follow keeps in touch with every address that the name stands for. One that the name no longer has is left alone
// only when it was gone for several looks: a name server that fails is no reason to let streams go.
func (b *book) follow(ctx context.Context, name, port, self string) {
	missing := map[string]int{}
	for {
		lookup, cancel := context.WithTimeout(ctx, 4*time.Second)
		found, err := net.DefaultResolver.LookupHost(lookup, name)
		cancel()
		b.mu.Lock()
		b.names.count(err)
		for _, host := range found {
			if address := net.JoinHostPort(host, port); host != self && b.peers[address] == nil {
				peerCtx, leave := context.WithCancel(ctx)
				p := &peer{Address: address, Since: time.Now(), leave: leave}
				b.peers[address] = p
				go b.stream(peerCtx, p)
				go b.knock(peerCtx, p)
			}
		}
		for address, p := range b.peers {
			host, _, _ := net.SplitHostPort(address)
			if err != nil || slices.Contains(found, host) {
				missing[address] = 0
				continue
			}
			if missing[address]++; missing[address] > 3 {
				p.leave()
				delete(b.peers, address)
				delete(missing, address)
			}
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
		}
	}
}

// tell serves what is known.
func (b *book) tell(address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		all := []*peer{}
		for _, p := range b.peers {
			all = append(all, p)
		}
		slices.SortFunc(all, func(x, y *peer) int { return strings.Compare(x.Address, y.Address) })
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(map[string]any{"node": b.name, "names": b.names, "peers": all})
	})
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.names = tally{}
		for _, p := range b.peers {
			p.Since, p.Sent, p.Received, p.Lost, p.LongestGapMillis, p.Connections = time.Now(), 0, 0, 0, 0, tally{}
		}
	})
	return http.ListenAndServe(address, mux)
}
