package wire

// InteractionType is what a person did.
type InteractionType string

// The interactions that Slack sends to an app without legacy attachments.
const (
	BlockActions    InteractionType = "block_actions"    // a button, or a choice that tells at once
	BlockSuggestion InteractionType = "block_suggestion" // typing into a menu with outside options
	ViewSubmission  InteractionType = "view_submission"  // a form was sent
	ViewClosed      InteractionType = "view_closed"      // a form was closed
	Shortcut        InteractionType = "shortcut"         // a shortcut from anywhere
	MessageAction   InteractionType = "message_action"   // a shortcut on a message
)

// Interaction is one thing a person did with something jitbot shows.
type Interaction struct {
	Type       InteractionType
	Team       string // T…; empty only for an org-wide install
	Enterprise string // E…; empty outside an Enterprise organisation
	App        string // A…; Slack leaves it out of shortcuts, which the signature alone is for one app
	// EnterpriseInstall says that the app is installed for a whole organisation.
	EnterpriseInstall bool

	User User
	// Channel and Message say which message it happened at; Message is its ts.
	// Both are empty in a view.
	Channel, Message string
	Ephemeral        bool // the message is seen by this person alone
	// View is the modal or Home tab it happened in; nil at a message. Never
	// nil for view_submission and view_closed.
	View    *View
	Cleared bool // view_closed: the whole stack was closed

	// Values are what the inputs of a message hold, by block id. Those of a
	// view are in View. Never both.
	Values     map[string]Value
	Actions    []Action   // block_actions: at least one
	Suggestion Suggestion // block_suggestion
	Callback   string     // callback_id of a shortcut

	// ResponseURL answers at the message; empty in a view. Never logged. Its
	// host is for the sender to check.
	ResponseURL string
	Trigger     string // opens one modal within 3 s; never logged
}

// User is who did it.
type User struct {
	ID   string // U… or W…
	Team string // the person's own team, which in a shared channel is another than ours; may be empty
}

// View is a modal or a Home tab.
type View struct {
	ID         string // V…
	RootID     string // the first view of the stack; its own ID there
	PreviousID string // the view below; empty for the first
	Hash       string // changes with every update
	Type       string // modal or home
	Callback   string
	Metadata   string // private_metadata: ours, but a person may have changed it
	ExternalID string
	Team       string
	App        string
	Values     map[string]Value // by block id
}

// Value is what one input holds.
type Value struct {
	// Text is the text, the value of the chosen option, or the id of the
	// chosen person or channel; an instant is its Unix seconds in decimals,
	// several choices are their values with a line break between them.
	Text string
	Set  bool   // false: nothing typed or chosen
	Type string // of the element, such as users_select
}

// Action is a button pressed or a choice made.
type Action struct {
	ID    string // action_id
	Block string // block_id
	Type  string // of the element, such as button or static_select
	Value string // as [Value].Text; empty if nothing is chosen
	TS    string // action_ts: when, by Slack's clock
}

// Suggestion asks for options that fit what was typed.
type Suggestion struct {
	Block, Action, Typed string
}

// ParseInteraction reads the body of an interaction: a form with the one
// field payload. An error is a [*Refusal].
func ParseInteraction(body []byte) (Interaction, error) {
	var f form
	if r := readForm(body, &f); r != nil {
		return Interaction{}, r
	}
	text, ok := f.get("payload")
	if !ok {
		return Interaction{}, refuse("field.missing", "payload is missing")
	}
	if f.n > 1 {
		return Interaction{}, refuse("form.malformed", "there is more than the payload")
	}
	return ParseInteractionJSON([]byte(text))
}

// ParseInteractionJSON reads an interaction as it comes over a socket. What
// each type needs is there, ids are of the form they have at Slack, and what
// Slack says twice it says alike; the rights of anybody are not looked at. A
// type that this package does not know is a [*Refusal] with the code
// type.unknown, to be acknowledged and counted.
func ParseInteractionJSON(data []byte) (Interaction, error) {
	var head struct {
		Type InteractionType `json:"type"`
	}
	if err := decode(data, &head); err != nil {
		return Interaction{}, err
	}
	special, ok := known[head.Type]
	if head.Type == "" {
		return Interaction{}, refuse("field.missing", "type is missing")
	}
	if !ok {
		return Interaction{}, refuse("type.unknown", "an interaction of a type that is not used here")
	}
	var p payload
	if err := decode(data, &p); err != nil {
		return Interaction{}, err
	}
	var c checks
	p.check(&c)
	special(&p, &c)
	i := p.interaction(&c)
	if err := c.err(); err != nil {
		return Interaction{}, err
	}
	return i, nil
}

// interaction keeps of a payload what its type is documented to have.
func (p *payload) interaction(c *checks) Interaction {
	i := Interaction{
		Type: p.Type, Team: p.team(), Enterprise: p.enterprise(), App: p.App, EnterpriseInstall: bool(p.Wide),
		User: User{p.User.ID, p.User.Team}, View: p.View.view(c, p.App), ResponseURL: p.ResponseURL, Trigger: p.Trigger,
	}
	if i.View == nil {
		i.Channel, i.Message, i.Ephemeral = p.channel(), p.message(), p.Container.Ephemeral
		i.Values = p.State.values(c)
	}
	switch p.Type {
	case BlockActions:
		i.Actions = p.actions(c)
	case BlockSuggestion:
		i.Suggestion = p.suggestion(c)
	case ViewClosed:
		i.Cleared = bool(p.Cleared)
	case Shortcut, MessageAction:
		i.Callback = p.Callback
	}
	return i
}

func (p *payload) actions(c *checks) []Action {
	list := make([]Action, 0, len(p.Actions))
	for _, a := range p.Actions {
		c.need("action_id", a.ID, len(a.ID) <= 4*maxCustom)
		c.may("block_id", a.Block, len(a.Block) <= 4*maxCustom)
		c.need("actions.type", a.Type, len(a.Type) <= maxCustom && allOf(a.Type, isPlainName))
		c.may("action_ts", a.TS, isTS(a.TS))
		list = append(list, Action{ID: a.ID, Block: a.Block, Type: a.Type, Value: a.held(c).Text, TS: a.TS})
	}
	return list
}

func (p *payload) suggestion(c *checks) Suggestion {
	c.short("action_id", p.ActionID, maxCustom)
	c.short("block_id", p.BlockID, maxCustom)
	c.short("value", p.Typed, maxData)
	return Suggestion{Block: p.BlockID, Action: p.ActionID, Typed: p.Typed}
}
