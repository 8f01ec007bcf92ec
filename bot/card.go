package bot

import "time"

// Card is one message in neutral form. Every adapter renders it with its own
// platform's escaping: all text in it is plain, whatever it looks like, and
// none of it may become a mention, a link, a field or markup.
type Card struct {
	Title   string   `json:"title"`            // one line
	Status  Status   `json:"status,omitzero"`  // the state, in words as well as in a tone
	Body    []Text   `json:"body,omitempty"`   // paragraphs
	Fields  []Field  `json:"fields,omitempty"` // label and value, in order
	Quote   string   `json:"quote,omitempty"`  // what a person typed; shown as a quotation
	Buttons []Button `json:"buttons,omitempty"`
	Links   []Link   `json:"links,omitempty"`
	Picture *Picture `json:"picture,omitempty"`
	Notice  string   `json:"notice"` // the whole in one sentence, for notifications and screen readers; never a secret
}

// Picture is an image that goes with a card. Where a chat cannot show it the card
// goes without it, so what it says is said in words as well.
type Picture struct {
	PNG    []byte `json:"png"`
	Alt    string `json:"alt"`   // the whole of it in words
	Width  int    `json:"width"` // as it is meant to be seen
	Height int    `json:"height"`
}

// Status is a state in words with a tone that may colour it.
type Status struct {
	Text string `json:"text"`
	Tone Tone   `json:"tone"`
}

// Tone is how a status feels; colour is never all that says it.
type Tone string

// The tones.
const (
	Neutral Tone = "neutral"
	Waiting Tone = "waiting"
	Good    Tone = "good"
	Warning Tone = "warning"
	Bad     Tone = "bad"
)

// Text is a paragraph of spans.
type Text []Span

// Span is a run of plain text, an instant or a person. An instant is shown in
// the reader's zone, a person by name; neither notifies anybody.
type Span struct {
	Text   string    `json:"text,omitempty"`
	Time   time.Time `json:"time,omitzero"`
	Person string    `json:"person,omitempty"` // principal; Text is the name
	Code   bool      `json:"code,omitempty"`   // something to type or copy
	Strong bool      `json:"strong,omitempty"`
}

// Field is one labelled value.
type Field struct {
	Label string `json:"label"`
	Value Text   `json:"value"`
}

// Button does one thing to one thing.
type Button struct {
	Action
	Label   string   `json:"label"`
	Style   Style    `json:"style,omitempty"`
	Confirm *Confirm `json:"confirm,omitempty"` // asked first
}

// Confirm is the question before a button's deed.
type Confirm struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Yes   string `json:"yes"`
}

// Style is a button's weight.
type Style string

// The styles. The zero value is an ordinary button.
const (
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Link leads to a page of jitbot's or of a provider's console; its address is
// ours, never typed by a person. The address of a Once link is a secret that
// works once: an adapter shows it and keeps it nowhere.
type Link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
	Once  bool   `json:"once,omitempty"`
}

// Form asks for several values at once.
type Form struct {
	Name    string  `json:"name"` // says which use case takes it
	ID      string  `json:"id,omitempty"`
	Title   string  `json:"title"`
	Intro   []Text  `json:"intro,omitempty"`
	Fields  []Input `json:"fields"`
	Outlook []Text  `json:"outlook,omitempty"` // what would become of it as it is filled in
	Submit  string  `json:"submit"`
}

// Home is what a person's own page in a chat shows: cards under headings.
type Home struct {
	Parts []HomePart `json:"parts"`
}

// HomePart is a heading and what stands under it.
type HomePart struct {
	Title string `json:"title"`
	Cards []Card `json:"cards"`
}

// Input is one field of a form.
type Input struct {
	Name     string    `json:"name"`
	Label    string    `json:"label"`
	Kind     InputKind `json:"kind"`
	Value    string    `json:"value,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Required bool      `json:"required,omitempty"`
	Max      int       `json:"max,omitempty"` // characters; 0: the platform's own limit
	Options  []Option  `json:"options,omitempty"`
	More     bool      `json:"more,omitempty"` // Choice: there are more Options than these; [Inbox].Suggest finds them
	Live     bool      `json:"live,omitempty"` // a change of it may change the form: [Inbox].Refill
}

// InputKind is what an input takes.
type InputKind string

// The kinds of input.
const (
	OneLine  InputKind = "line"
	Lines    InputKind = "lines"
	Choice   InputKind = "choice"   // one of Options, searchable where there are many
	Duration InputKind = "duration" // as jit.ParseDuration reads it; Options are suggestions
	Moment   InputKind = "moment"   // an instant, in the reader's zone; sent as RFC 3339
	Someone  InputKind = "someone"  // a person, by e-mail, handle or the platform's own way to choose one: <@user>
)

// Option is one thing to choose.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
	Hint  string `json:"hint,omitempty"`
}
