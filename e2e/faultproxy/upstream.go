package faultproxy

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/client-go/rest"
)

// To hands requests on to the API server of config, with config's credentials. Streams that begin with an upgrade go
// through.
func To(config *rest.Config) (http.Handler, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("read the API server's address: %w", err)
	}
	plain := rest.CopyConfig(config)
	plain.NextProtos = []string{"http/1.1"} // an upgrade is a matter of HTTP/1
	transport, err := rest.TransportFor(plain)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to %s: %w", config.Host, err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization") // those of config count, not the client's
		},
		Transport:     transport,
		FlushInterval: -1, // a watch's events are told at once
	}, nil
}

// Serial answers one request after the other.
func Serial(next http.Handler) http.Handler {
	var one sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		next.ServeHTTP(w, r)
	})
}
