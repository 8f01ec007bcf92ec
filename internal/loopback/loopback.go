// Package loopback is what the stand-ins for vendors have in common: each
// serves on this machine, to this machine alone.
package loopback

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"jitbot/internal/localonly"
)

// Listen listens at addr, which must be a loopback address with a port; empty
// means a free port of 127.0.0.1. what names the server in errors. url is where
// it is reached.
func Listen(ctx context.Context, what, addr string) (ln net.Listener, url string, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if !isLocal(addr) {
		return nil, "", fmt.Errorf("%s: %q is not a loopback address; use 127.0.0.1:PORT", what, addr)
	}
	ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", what, err)
	}
	return ln, "http://" + ln.Addr().String(), nil
}

// Serve answers at ln by h. stop cuts what is open and returns when serving
// has ended.
func Serve(ln net.Listener, h http.Handler) (stop func()) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always ErrServerClosed or a listener that is gone: nothing to add to it
	}()
	return func() { _ = srv.Close(); <-done }
}

// Local refuses requests whose Host is another machine's, so that no web page
// can reach h by a name of its own.
func Local(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "This address is for the same machine only.", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// isLocal says whether a host, with or without a port, is this machine.
func isLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "[::1]" || localonly.Host(host)
}
