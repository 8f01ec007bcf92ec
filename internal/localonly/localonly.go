// Package localonly tells what comes from this computer from what does not. It
// is for pages without a login: it only ever refuses, and never says who asks.
package localonly

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Refused says why r does not count as coming from this computer, as a
// sentence without a subject for people, or nothing if it does. Besides the
// sender's address it looks at what gives away a proxy on this computer, which
// would pass on what others ask, and at the page that sent the request. A name
// that merely resolves to a loopback address is refused too: that is how
// another site's script would get here.
func Refused(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	switch {
	case err != nil || !from.Addr().Unmap().IsLoopback():
		return "answers this computer only: use it on the machine jitbot runs on, or through an SSH tunnel"
	case proxied(r.Header):
		return "does not answer through a proxy: go to it directly, at http://localhost"
	case !named(r.Host):
		return "answers to localhost, 127.0.0.1 and [::1] only: use one of these in the address"
	case !originIsLocal(r.Header) || slices.ContainsFunc(r.Header.Values("Referer"), elsewhere):
		return "answers its own pages only, not those of other sites: open it directly, at http://localhost"
	}
	return ""
}

// Host says whether a host name or address, without a port, is this computer's
// whatever a name server says.
func Host(name string) bool {
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// proxied says whether a proxy left its mark, be it an empty one.
func proxied(h http.Header) bool {
	for name := range h {
		switch {
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", strings.HasPrefix(name, "X-Forwarded-"):
			return true
		}
	}
	return false
}

// originIsLocal says whether the page that sent a request is ours. A page that
// tells nobody where it is has the origin "null", and so have files and frames
// of others; the browser itself says which it is.
func originIsLocal(h http.Header) bool {
	return !slices.ContainsFunc(h.Values("Origin"), func(origin string) bool {
		return elsewhere(origin) && (origin != "null" || h.Get("Sec-Fetch-Site") != "same-origin")
	})
}

func elsewhere(address string) bool {
	u, err := url.Parse(address)
	return err != nil || !named(u.Host)
}

// named says whether a host, with or without a port, is one of the three names
// that no name server can give to another computer.
func named(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	switch strings.ToLower(name) {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}
