package wire

// payload is an interaction as it comes.
type payload struct {
	Type        InteractionType `json:"type"`
	Team        *entity         `json:"team"`
	Enterprise  *entity         `json:"enterprise"`
	Wide        flag            `json:"is_enterprise_install"`
	App         string          `json:"api_app_id"`
	User        entity          `json:"user"`
	Container   container       `json:"container"`
	Channel     *entity         `json:"channel"`
	Message     *message        `json:"message"`
	MessageTS   string          `json:"message_ts"`
	View        *viewFields     `json:"view"`
	State       *stateField     `json:"state"`
	Actions     []action        `json:"actions"`
	ResponseURL string          `json:"response_url"`
	Trigger     string          `json:"trigger_id"`
	Callback    string          `json:"callback_id"`
	Cleared     flag            `json:"is_cleared"`

	// Of block_suggestion alone.
	ActionID string `json:"action_id"`
	BlockID  string `json:"block_id"`
	Typed    string `json:"value"`
}

type container struct {
	Type      string `json:"type"`
	MessageTS string `json:"message_ts"`
	Channel   string `json:"channel_id"`
	Ephemeral bool   `json:"is_ephemeral"`
	View      string `json:"view_id"`
}

type message struct {
	TS string `json:"ts"`
}

type action struct {
	element
	ID    string `json:"action_id"`
	Block string `json:"block_id"`
	TS    string `json:"action_ts"`
}

// known says what each type is checked for beside its origin and person.
var known = map[InteractionType]func(*payload, *checks){
	BlockActions:    (*payload).checkActions,
	BlockSuggestion: (*payload).checkSuggestion,
	ViewSubmission:  (*payload).checkForm,
	ViewClosed:      (*payload).checkForm,
	Shortcut:        (*payload).checkShortcut,
	MessageAction:   (*payload).checkMessageAction,
}

func (p *payload) checkActions(c *checks) {
	if len(p.Actions) == 0 {
		c.fail("field.missing", "actions", "is missing")
	}
	for _, a := range p.Actions {
		if p.Trigger == "" { // one of the two tells this click from others
			c.need("action_ts", a.TS, true)
		}
	}
	p.checkPlace(c)
}

func (p *payload) checkSuggestion(c *checks) {
	c.need("action_id", p.ActionID, true)
	c.need("block_id", p.BlockID, true)
	p.checkPlace(c)
}

// checkPlace asks for the message or the view it happened in.
func (p *payload) checkPlace(c *checks) {
	switch p.Container.Type {
	case "message", "message_attachment":
		c.need("channel", p.channel(), true)
		c.need("message_ts", p.message(), true)
		if p.View != nil {
			c.fail("field.bad", "view", "is not in a message")
		}
	case "view":
		p.checkForm(c)
	default:
		c.need("container.type", p.Container.Type, false)
	}
}

func (p *payload) checkForm(c *checks) {
	if p.View == nil {
		c.fail("field.missing", "view", "is missing")
		return
	}
	c.may("container.view_id", p.Container.View, p.Container.View == p.View.ID)
}

func (p *payload) checkShortcut(c *checks) {
	c.need("callback_id", p.Callback, true)
	c.need("trigger_id", p.Trigger, true)
}

func (p *payload) checkMessageAction(c *checks) {
	p.checkShortcut(c)
	c.need("channel", p.channel(), true)
	c.need("message_ts", p.message(), true)
}

// channel is where; [payload.check] sees to it that both places agree.
func (p *payload) channel() string {
	if p.Container.Channel == "" && p.Channel != nil {
		return p.Channel.ID
	}
	return p.Container.Channel
}

func (p *payload) message() string {
	switch {
	case p.Container.MessageTS != "":
		return p.Container.MessageTS
	case p.MessageTS != "":
		return p.MessageTS
	case p.Message != nil:
		return p.Message.TS
	}
	return ""
}

func (p *payload) team() string {
	if p.Team == nil {
		return ""
	}
	return p.Team.ID
}

func (p *payload) enterprise() string {
	switch {
	case p.Enterprise != nil && p.Enterprise.ID != "":
		return p.Enterprise.ID
	case p.Team != nil:
		return p.Team.Enterprise
	}
	return ""
}

// check is what all types have in common: what is there has the form it has
// at Slack, and what is there twice says the same.
func (p *payload) check(c *checks) {
	c.origin(p.team(), p.enterprise(), p.App, bool(p.Wide))
	if p.Type != Shortcut && p.Type != MessageAction { // in these Slack's reference has none
		c.need("api_app_id", p.App, true)
	}
	if p.Team != nil {
		c.may("team.enterprise_id", p.Team.Enterprise, p.Team.Enterprise == p.enterprise())
	}
	c.need("user.id", p.User.ID, isID(p.User.ID, userID))
	c.may("user.team_id", p.User.Team, isID(p.User.Team, teamID) || isID(p.User.Team, enterpriseID))
	c.may("channel", p.channel(), isID(p.channel(), channelID))
	if p.Channel != nil {
		c.may("channel.id", p.Channel.ID, p.Channel.ID == p.channel())
	}
	c.may("message_ts", p.message(), isTS(p.message()))
	c.may("message_ts", p.MessageTS, p.MessageTS == p.message())
	if p.Message != nil {
		c.may("message.ts", p.Message.TS, p.Message.TS == p.message())
	}
	c.may("response_url", p.ResponseURL, isURL(p.ResponseURL))
	c.may("trigger_id", p.Trigger, isToken(p.Trigger))
	c.short("callback_id", p.Callback, maxCustom)
}
