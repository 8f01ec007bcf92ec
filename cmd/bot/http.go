package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jitbot/api"
	"jitbot/internal/localonly"
	"jitbot/pages"
)

// Limits of the one listener.
const (
	maxHeader    = 64 << 10
	maxBody      = 1 << 20
	maxInFlight  = 256
	headerTime   = 5 * time.Second
	readTime     = 10 * time.Second
	writeTime    = 45 * time.Second // a credential page waits for the provider
	idleTime     = 60 * time.Second
	shutdownTime = 3 * time.Second
)

// front answers from the first instant: /healthz at once, everything else as
// soon as the app stands behind it.
type front struct {
	handler atomic.Pointer[http.Handler]
	busy    atomic.Int64
	bodies  bool // of any length: who stands behind it bounds them
}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		_, _ = w.Write([]byte("ok\n"))
		return
	}
	h := f.handler.Load()
	if h == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path != "/chat/stream" { // one each open page, bounded by the chat itself
		if f.busy.Add(1) > maxInFlight {
			f.busy.Add(-1)
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
			return
		}
		defer f.busy.Add(-1)
	}
	if !f.bodies {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	(*h).ServeHTTP(w, r)
}

// stand puts h behind the front.
func (f *front) stand(h http.Handler) { f.handler.Store(&h) }

// serveHTTP serves f on ln until ctx ends, then lets answers under way finish.
func serveHTTP(ctx context.Context, ln net.Listener, f *front) error {
	server := &http.Server{
		Handler: f, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		_ = server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler is everything the app serves.
func (a *app) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	if a.chat != nil {
		a.chat.Mount(mux, a.service)
		mux.Handle("GET /{$}", http.RedirectHandler("/chat", http.StatusFound))
	}
	if a.slack != nil {
		a.slack.Mount(mux, a.service)
	}
	var viewer func(*http.Request) (string, bool)
	if a.chat != nil {
		viewer = a.chat.Viewer
	}
	credentials := pages.New(a.service, viewer, a.log)
	mux.Handle("/c/", credentials)
	mux.Handle("/pages/", credentials)
	if a.activity.ingest != nil {
		a.activity.ingest.Mount(mux, a.service)
	}
	timelines, err := pages.NewTimelines(pages.TimelinesConfig{
		Timelines: a.service, Viewer: viewer, BaseURL: a.cfg.BaseURL, Now: a.now, Log: a.log,
	})
	if err != nil {
		return nil, err
	}
	mux.Handle("/g/", timelines)
	if a.signing != nil {
		mux.Handle("/s/", a.signing)
	}
	if a.cfg.CLI.Enabled {
		mux.Handle(api.Root, api.New(a.service, a.log))
	}
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", a.metrics())
	return mux, nil
}

func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := a.service.Ready(ctx); err != nil {
		a.log.Warn("not ready", "cause", err)
		http.Error(w, "not ready: no new access is given; see the log", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

func (a *app) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.service.Collectors()...)
	registry.MustRegister(a.aws.Collectors()...)
	registry.MustRegister(a.export.Collectors()...)
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	show := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.mayReadMetrics(r) {
			http.Error(w, "metrics are for this computer, asked directly at http://localhost, or for a bearer token (metrics.token)", http.StatusForbidden)
			return
		}
		show.ServeHTTP(w, r)
	})
}

func (a *app) mayReadMetrics(r *http.Request) bool {
	token := a.cfg.Metrics.Token
	if !token.IsSet() {
		return localonly.Refused(r) == ""
	}
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(given), []byte(token.Reveal())) == 1
}
