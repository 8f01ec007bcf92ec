package localonly_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"jitbot/internal/localonly"
)

func TestT50OnlyWhatComesStraightFromThisComputerIsLetIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, remote, host string
		headers            map[string]string
		ok                 bool
	}{
		{name: "this computer", ok: true},
		{name: "another loopback address", remote: "127.8.9.1:1", ok: true},
		{name: "IPv6", remote: "[::1]:1", host: "[::1]", ok: true},
		{name: "IPv4 in IPv6", remote: "[::ffff:127.0.0.1]:1", host: "LOCALHOST", ok: true},
		{name: "the network", remote: "192.0.2.1:1"},
		{name: "no address", remote: "@"},
		{name: "a name that may point here", host: "jit.example.com"},
		{name: "the computer's own name", host: "workstation:8080"},
		{name: "no host", host: ":8080"},
		{name: "Forwarded", headers: map[string]string{"Forwarded": "for=192.0.2.1"}},
		{name: "X-Forwarded-For", headers: map[string]string{"X-Forwarded-For": "192.0.2.1"}},
		{name: "X-Forwarded-Proto", headers: map[string]string{"X-Forwarded-Proto": "https"}},
		{name: "an empty X-Forwarded-Host", headers: map[string]string{"X-Forwarded-Host": ""}},
		{name: "Via", headers: map[string]string{"Via": "1.1 proxy"}},
		{name: "X-Real-IP", headers: map[string]string{"X-Real-IP": "192.0.2.1"}},
		{name: "our own page", headers: map[string]string{"Origin": "http://localhost:8080", "Referer": "http://localhost:8080/chat"}, ok: true},
		{name: "another site", headers: map[string]string{"Origin": "https://evil.example"}},
		{name: "a link on another site", headers: map[string]string{"Referer": "https://evil.example/page"}},
		{name: "an unreadable referer", headers: map[string]string{"Referer": "http://[::1"}},
		{name: "an opaque origin", headers: map[string]string{"Origin": "null"}},
		{name: "an opaque origin of another site", headers: map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site"}},
		{name: "a form of our own page", headers: map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, ok: true},
		{name: "another site that claims ours", headers: map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8080/", nil)
		r.RemoteAddr = "127.0.0.1:50000"
		if tt.remote != "" {
			r.RemoteAddr = tt.remote
		}
		if tt.host != "" {
			r.Host = tt.host
		}
		for k, v := range tt.headers {
			r.Header.Set(k, v)
		}
		if why := localonly.Refused(r); (why == "") != tt.ok {
			t.Errorf("%s: refused with %q, want let in: %v", tt.name, why, tt.ok)
		}
	}
}

func TestAHostIsThisComputersByItsAddressOrTheNameLocalhost(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "localhost.": false, "localhost.evil.example": false, "127.0.0.1.nip.io": false, "0.0.0.0": false, "10.0.0.1": false, "127.1": false,
	} {
		if got := localonly.Host(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
