package faultproxy

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// drop is how long Slow waits between two drops of an answer; drops is how many there are.
const (
	drop  = 5 * time.Millisecond
	drops = 8
)

// cutAfter is how long a watch that is cut has stood.
const cutAfter = 300 * time.Millisecond

// inflict has a request suffer f.
func inflict(f Fault, next http.Handler, w http.ResponseWriter, r *http.Request) {
	switch f {
	case Refused:
		reset(w)
	case AnswerLost:
		next.ServeHTTP(httptest.NewRecorder(), r)
		reset(w)
	case Busy:
		w.Header().Set("Retry-After", "0")
		say(w, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "the server has received too many requests")
	case Unavailable:
		say(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is currently unable to handle the request")
	case Gone:
		say(w, http.StatusGone, metav1.StatusReasonExpired, "too old resource version")
	case Broken:
		http.Error(w, "upstream connect error or disconnect/reset before headers", http.StatusInternalServerError)
	case Portal:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>Log in</title><form action=/login>"))
	case Truncated, Slow:
		pour(f, next, w, r)
	case Cut:
		cut(next, w, r)
	case Hang:
		<-r.Context().Done()
	}
}

func say(w http.ResponseWriter, code int, why metav1.StatusReason, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Message: text, Reason: why, Code: int32(code),
	})
}

// reset ends the connection without an answer, by a TCP reset where there is one connection to a request.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler) // HTTP/2: the stream alone is reset
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// pour gives an answer in drops, or the first half of it.
func pour(f Fault, next http.Handler, w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Code)
	if f == Truncated {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	timer := time.NewTicker(drop)
	defer timer.Stop()
	for size := len(body)/drops + 1; len(body) > 0; body = body[min(size, len(body)):] {
		_, _ = w.Write(body[:min(size, len(body))])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
}

// cut lets a watch stand for a while and then ends it in the middle.
func cut(next http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithTimeout(r.Context(), cutAfter)
	defer end()
	next.ServeHTTP(w, r.WithContext(ctx))
	panic(http.ErrAbortHandler)
}
