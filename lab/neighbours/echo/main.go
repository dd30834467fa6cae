// Command echo measures whether packets get through. It answers at one port whatever it is sent, and keeps a stream and
// a series of short connections to every other echo that a name stands for: what became of them it tells over HTTP and,
// as `echo stats`, on its output; `echo reset` begins anew.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":7007", "where to answer")
	web := flag.String("http", ":7008", "where to tell what was measured, at /stats; POST /reset begins anew")
	peers := flag.String("peers", "", "the name of all echoes")
	port := flag.String("port", "7007", "their port")
	self := flag.String("self", os.Getenv("POD_IP"), "own address, which is left out")
	name := flag.String("name", os.Getenv("NODE_NAME"), "how to introduce oneself")
	flag.Parse()
	if ask := flag.Arg(0); ask != "" {
		if err := tellMe(*web, ask); err != nil {
			fmt.Fprintln(os.Stderr, "echo:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &book{name: *name, peers: map[string]*peer{}}
	go func() { log.Fatalf("answer: %v", serve(ctx, *listen, *name)) }()
	go func() { log.Fatalf("tell: %v", b.tell(*web)) }()
	if *peers != "" {
		go b.follow(ctx, *peers, *port, *self)
	}
	<-ctx.Done()
}

// tellMe asks the echo that runs here for its stats, or to begin anew.
func tellMe(web, what string) error {
	method := map[string]string{"stats": http.MethodGet, "reset": http.MethodPost}[what]
	if method == "" {
		return fmt.Errorf("%s: use stats or reset", what)
	}
	request, err := http.NewRequest(method, "http://127.0.0.1"+web+"/"+what, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
