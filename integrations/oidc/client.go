package oidc

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"time"
)

// Limits of what is said between jitbot and the provider behind the browser's
// back. None comes from a specification; they are far above what real
// providers need.
const (
	callTime     = 10 * time.Second // one call, its body included
	maxAnswer    = 1 << 20          // bytes of one answer: a key set with dozens of certificates stays below 100 KiB
	maxHeader    = 64 << 10
	maxRedirects = 3
)

var (
	errTooLarge   = errors.New("the answer is too large")
	errRedirected = errors.New("it redirects to where it must not")
)

// backChannel returns the client for the calls to the provider. It takes the
// way of given, if that has one of its own, and its time limit if it is
// shorter. It keeps no cookies.
func backChannel(given *http.Client) *http.Client {
	c := &http.Client{Timeout: callTime, CheckRedirect: stayThere}
	var way http.RoundTripper
	if given != nil {
		way, c.Timeout = given.Transport, min(cmp.Or(given.Timeout, callTime), callTime)
	}
	if way == nil {
		way = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: callTime,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConns: 4, IdleConnTimeout: time.Minute,
		}
	}
	c.Transport = limited{way}
	return c
}

// stayThere follows a redirect only on the same host and only where nothing
// was sent: a code and a secret go where discovery said, or nowhere.
func stayThere(r *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || first.Method != http.MethodGet || r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host {
		return errRedirected
	}
	return nil
}

// limited bounds what an answer may be. Where requests go was checked when the
// configuration and discovery were.
type limited struct{ way http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.way.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{resp.Body, maxAnswer}
	return resp, nil
}

// limitedBody fails instead of ending early: half an answer is none.
type limitedBody struct {
	io.ReadCloser
	left int
}

// Read implements [io.Reader].
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
