package wire

import (
	"strconv"
	"strings"

	"jitbot/internal/strictjson"
)

// viewFields is a view as it comes.
type viewFields struct {
	ID         string     `json:"id"`
	RootID     string     `json:"root_view_id"`
	PreviousID string     `json:"previous_view_id"`
	Hash       string     `json:"hash"`
	Type       string     `json:"type"`
	Callback   string     `json:"callback_id"`
	Metadata   string     `json:"private_metadata"`
	ExternalID string     `json:"external_id"`
	Team       string     `json:"team_id"`
	App        string     `json:"app_id"`
	State      stateField `json:"state"`
}

// view checks and turns round a view; app is whom the payload is for.
func (in *viewFields) view(c *checks, app string) *View {
	if in == nil {
		return nil
	}
	c.need("view.id", in.ID, isID(in.ID, viewID))
	c.may("view.root_view_id", in.RootID, isID(in.RootID, viewID))
	c.may("view.previous_view_id", in.PreviousID, isID(in.PreviousID, viewID))
	c.may("view.hash", in.Hash, isToken(in.Hash))
	c.need("view.type", in.Type, in.Type == "modal" || in.Type == "home")
	c.short("view.callback_id", in.Callback, maxCustom)
	c.short("view.private_metadata", in.Metadata, maxData)
	c.short("view.external_id", in.ExternalID, maxCustom)
	c.may("view.team_id", in.Team, isID(in.Team, teamID) || isID(in.Team, enterpriseID))
	c.may("view.app_id", in.App, in.App == app) // nobody is handed another app's view
	return &View{
		ID: in.ID, RootID: in.RootID, PreviousID: in.PreviousID, Hash: in.Hash, Type: in.Type, Callback: in.Callback,
		Metadata: in.Metadata, ExternalID: in.ExternalID, Team: in.Team, App: in.App, Values: in.State.values(c),
	}
}

// stateField is what inputs hold: by block id, then by action id.
type stateField struct {
	Values stateValues `json:"values"`
}

// stateValues may come as an empty list where there are none.
type stateValues map[string]map[string]element

// UnmarshalJSON takes an object, and an empty list for an empty one.
func (v *stateValues) UnmarshalJSON(b []byte) error {
	if strings.Join(strings.Fields(string(b)), "") == "[]" {
		*v = nil
		return nil
	}
	return strictjson.Decode(b, (*map[string]map[string]element)(v))
}

// values are by block id: jitbot's blocks have one input each.
func (s *stateField) values(c *checks) map[string]Value {
	if s == nil || len(s.Values) == 0 {
		return nil
	}
	values := make(map[string]Value, len(s.Values))
	for block, elements := range s.Values {
		c.need("block_id", block, len(block) <= 4*maxCustom)
		if len(elements) > 1 {
			c.fail("field.bad", "state.values", "has two inputs in one block")
		}
		for _, e := range elements {
			c.need("state.values.type", e.Type, len(e.Type) <= maxCustom && allOf(e.Type, isPlainName))
			v := e.held(c)
			v.Type = e.Type
			values[block] = v
		}
	}
	return values
}

// option is one choice of a menu.
type option struct {
	Value string `json:"value"`
}

// element is an input or button with what it holds, in the field that its
// type calls for. A null is a nil.
type element struct {
	Type         string   `json:"type"`
	Value        *string  `json:"value"`
	Option       *option  `json:"selected_option"`
	Options      []option `json:"selected_options"`
	User         *string  `json:"selected_user"`
	Users        []string `json:"selected_users"`
	Conversation *string  `json:"selected_conversation"`
	Channel      *string  `json:"selected_channel"`
	Date         *string  `json:"selected_date"`
	Time         *string  `json:"selected_time"`
	DateTime     *int64   `json:"selected_date_time"`
}

// held goes by the type alone, so that a field that does not belong to it
// says nothing. Types that jitbot does not use are never set.
func (e element) held(c *checks) Value {
	switch e.Type {
	case "plain_text_input", "email_text_input", "url_text_input", "number_input", "button":
		return of(e.Value)
	case "static_select", "external_select", "radio_buttons", "overflow":
		if e.Option == nil {
			return Value{}
		}
		return Value{Text: e.Option.Value, Set: true}
	case "checkboxes", "multi_static_select", "multi_external_select":
		var chosen []string
		for _, o := range e.Options {
			chosen = append(chosen, o.Value)
		}
		return Value{Text: strings.Join(chosen, "\n"), Set: len(chosen) > 0}
	case "datepicker":
		return of(e.Date)
	case "timepicker":
		return of(e.Time)
	case "datetimepicker":
		return e.instant(c)
	}
	return e.somebody(c)
}

// somebody is a chosen person, channel or list of persons: ids of the form
// they have at Slack. Who they are is for the caller to ask: the menus offer
// guests, bots and strangers.
func (e element) somebody(c *checks) Value {
	var v Value
	switch e.Type {
	case "users_select":
		v = of(e.User)
		c.may("selected_user", v.Text, isID(v.Text, userID))
	case "multi_users_select":
		for _, id := range e.Users {
			c.need("selected_users", id, isID(id, userID))
		}
		v = Value{Text: strings.Join(e.Users, "\n"), Set: len(e.Users) > 0}
	case "conversations_select":
		v = of(e.Conversation)
		c.may("selected_conversation", v.Text, isID(v.Text, channelID+userID))
	case "channels_select":
		v = of(e.Channel)
		c.may("selected_channel", v.Text, isID(v.Text, channelID))
	}
	return v
}

// instant is Unix seconds, which Slack writes with ten digits.
func (e element) instant(c *checks) Value {
	if e.DateTime == nil {
		return Value{}
	}
	if *e.DateTime < 0 || *e.DateTime > 9_999_999_999 {
		c.fail("field.bad", "selected_date_time", "is not of the form it has at Slack")
	}
	return Value{Text: strconv.FormatInt(*e.DateTime, 10), Set: true}
}

// of takes a text; empty is as good as none.
func of(s *string) Value {
	if s == nil {
		return Value{}
	}
	return Value{Text: *s, Set: *s != ""}
}
