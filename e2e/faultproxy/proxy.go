// Package faultproxy puts faults between a client and an API server: it is a proxy, in process, that a plan tells which
// request is to suffer what. It knows nothing of what is asked, so that a server in memory and a real one are treated
// alike. It must only be imported by tests.
package faultproxy

import (
	"net/http"
	"sync"
)

// Fault is what happens to one request.
type Fault string

// The faults. None of them but AnswerLost, Truncated and Slow lets the request reach the server.
const (
	None        Fault = ""
	Refused     Fault = "reset before the server has it"
	AnswerLost  Fault = "reset after the server has acted"
	Busy        Fault = "429 with Retry-After"
	Unavailable Fault = "503"
	Broken      Fault = "500 without a Status"
	Truncated   Fault = "half an answer"
	Slow        Fault = "an answer in drops"
	Portal      Fault = "a web page, 200"
	Gone        Fault = "410 Gone"
	Cut         Fault = "a watch that ends"
	Hang        Fault = "no answer at all"
)

// Reading are the faults that any request may meet and that pass; the others belong to watches or last.
var Reading = []Fault{Refused, AnswerLost, Busy, Unavailable, Broken, Truncated, Slow, Portal}

// Plan says what happens to the request of that number, from 0.
type Plan func(n int, r *http.Request) Fault

// At is one fault at one request.
func At(n int, f Fault) Plan {
	return func(i int, _ *http.Request) Fault {
		if i == n {
			return f
		}
		return None
	}
}

// Every has each so many requests suffer one of faults, in turn. Requests that are to be upgraded to a stream are left
// alone, as are those that ask whether something is allowed.
func Every(every int, faults ...Fault) Plan {
	return func(i int, r *http.Request) Fault {
		if i%every != every-1 || r.Header.Get("Upgrade") != "" {
			return None
		}
		f := faults[i/every%len(faults)]
		if (f == Gone || f == Cut) && r.URL.Query().Get("watch") == "" {
			return Refused
		}
		return f
	}
}

// Proxy is a handler before another one.
type Proxy struct {
	next http.Handler
	plan Plan

	mu       sync.Mutex
	requests int
	injected map[Fault]int
	log      []string
}

// New is a proxy before next.
func New(next http.Handler, plan Plan) *Proxy {
	return &Proxy{next: next, plan: plan, injected: map[Fault]int{}}
}

// Requests is how many there were.
func (p *Proxy) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// Injected is how often each fault happened.
func (p *Proxy) Injected() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[Fault]int{}
	for f, n := range p.injected {
		all[f] = n
	}
	return all
}

// Log is every fault with the request that suffered it.
func (p *Proxy) Log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.log...)
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	f := p.plan(p.requests, r)
	p.requests++
	if f != None {
		p.injected[f]++
		p.log = append(p.log, string(f)+": "+r.Method+" "+r.URL.RequestURI())
	}
	p.mu.Unlock()
	if f == None {
		p.next.ServeHTTP(w, r)
		return
	}
	inflict(f, p.next, w, r)
}
