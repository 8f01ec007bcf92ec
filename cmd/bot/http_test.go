package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"jitbot/internal/secret"
)

func TestT50MetricsAreReadOnThisComputerDirectlyOrWithTheToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, token, remote, header, value string
		ok                                 bool
	}{
		{name: "this computer", remote: "127.0.0.1:5", ok: true},
		{name: "the network", remote: "192.0.2.1:5"},
		{name: "through a proxy here", remote: "127.0.0.1:5", header: "X-Forwarded-For", value: "192.0.2.1"},
		{name: "through one that only says Via", remote: "[::1]:5", header: "Via", value: "1.1 gateway"},
		{name: "from another site's page", remote: "127.0.0.1:5", header: "Origin", value: "https://evil.example"},
		{name: "with the token, from anywhere", token: "let-me-read", remote: "192.0.2.1:5", header: "Authorization", value: "Bearer let-me-read", ok: true},
		{name: "with another token", token: "let-me-read", remote: "127.0.0.1:5", header: "Authorization", value: "Bearer let-me"},
		{name: "without the token, on this computer", token: "let-me-read", remote: "127.0.0.1:5"},
	} {
		a := &app{}
		if tt.token != "" {
			a.cfg.Metrics.Token = secret.Of(tt.token)
		}
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8080/metrics", nil)
		r.RemoteAddr = tt.remote
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		if got := a.mayReadMetrics(r); got != tt.ok {
			t.Errorf("%s: let in %v, want %v", tt.name, got, tt.ok)
		}
	}
}
