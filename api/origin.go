package api

import (
	"net/http"
	"net/netip"
	"strings"
)

// origin is where a request comes from: for the person who confirms it, and to
// count by. A proxy on this computer says who asked it, and is believed as it
// could as well be jitbot itself; one elsewhere is not. Of IPv6 a network counts
// as one: whoever has one address there has as many as they like.
func origin(r *http.Request) (address, network string) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "", ""
	}
	ip, through := from.Addr().Unmap().WithZone(""), ""
	if ip.IsLoopback() {
		said := r.Header.Values("X-Forwarded-For")
		if asked, ok := last(said); ok {
			ip, through = asked, ", as the proxy says"
		}
	}
	network = ip.String()
	if ip.Is6() {
		network = netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String() + through, network
}

// last is the newest address that proxies put down; those before it could be
// anybody's words.
func last(said []string) (netip.Addr, bool) {
	if len(said) == 0 {
		return netip.Addr{}, false
	}
	words := strings.Split(said[len(said)-1], ",")
	ip, err := netip.ParseAddr(strings.TrimSpace(words[len(words)-1]))
	return ip.Unmap().WithZone(""), err == nil
}
