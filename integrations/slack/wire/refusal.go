// Package wire is what Slack sends, proved and taken apart: the signature of
// a request, slash commands, interactions and events. It exists so that all
// bytes from outside pass one place that can be read, tested and fuzzed
// alone. It turns bytes into values and does nothing else: it keeps no state,
// knows nothing of grants or people's rights, opens no connection and answers
// nobody. Only the signed body is ever read: no query string, no cookie, and
// never the deprecated verification token. Trigger ids and response URLs let
// whoever has them act for a person for a while: they are in the values, but
// in no error and, unhashed, in no key.
package wire

// MaxBody is the most bytes of a body that are parsed: the limit of jitbot's
// listener. Slack's largest payload, a view, has 250 KB.
const MaxBody = 1 << 20

// Refusal is why bytes from outside were not taken. Both texts are for logs
// and counters, never for the caller. Neither repeats what was in the body,
// but for the ids of teams and apps, and neither holds a secret or a MAC.
type Refusal struct {
	Code  string // stable, such as signature.wrong, field.missing or json.duplicate
	Cause string // one short sentence
}

// Error is the code and the cause.
func (r *Refusal) Error() string { return r.Code + ": " + r.Cause }

func refuse(code, cause string) *Refusal { return &Refusal{Code: code, Cause: cause} }
