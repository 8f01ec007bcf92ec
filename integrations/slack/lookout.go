package slack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// The SDK's types do not tell a property that Slack leaves out from one that is
// false. Where that matters, the answer is looked through for its name.

type lookingFor struct {
	name string
	said *bool
}

type lookingKey struct{}

// looking has said set to whether the answer to a call names a property.
func looking(ctx context.Context, name string, said *bool) context.Context {
	return context.WithValue(ctx, lookingKey{}, lookingFor{name, said})
}

// lookout is the transport that looks.
type lookout struct{ next http.RoundTripper }

// maxLooked bounds an answer that is looked through; those of the calls that
// ask for it are far smaller.
const maxLooked = 1 << 20

// RoundTrip implements [http.RoundTripper].
func (l *lookout) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	f, asked := r.Context().Value(lookingKey{}).(lookingFor)
	if err != nil || !asked {
		return answer, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxLooked))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	*f.said = bytes.Contains(body, []byte(strconv.Quote(f.name)))
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
