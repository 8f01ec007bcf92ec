package wire

import (
	"errors"
	"strconv"
)

// EventType is the outer type of what comes to the events URL.
type EventType string

// The outer types of events.
const (
	EventCallback   EventType = "event_callback"   // something happened: Inner says what
	URLVerification EventType = "url_verification" // answer with Challenge
	AppRateLimited  EventType = "app_rate_limited" // Slack drops events for a minute
)

// Event is something that happened in the workspace.
type Event struct {
	Type       EventType
	Challenge  string // of url_verification, which has nothing else
	ID         string // event_id: Ev…; the same in every redelivery
	Team       string // T…; empty only for an org-wide install
	Enterprise string // E…; empty outside an Enterprise organisation
	App        string // A…
	Inner      Inner  // of event_callback
	minute     string // of app_rate_limited: which minute
}

// Inner is the event itself. Of a type that jitbot does not use only the Type
// is set.
type Inner struct {
	Type     string // such as app_home_opened
	User     string // whom it is about
	Team     string // the team of that person, or of the user group
	Tab      string // app_home_opened: home or messages
	ViewID   string // app_home_opened: the Home tab as it stands; empty the first time
	ViewHash string
	Channel  string
	Subteam  string // S…: the user group
}

// eventFields is the outside of an event as it comes.
type eventFields struct {
	Type       EventType   `json:"type"`
	Challenge  string      `json:"challenge"`
	ID         string      `json:"event_id"`
	Team       string      `json:"team_id"`
	Enterprise string      `json:"enterprise_id"`
	App        string      `json:"api_app_id"`
	Minute     int64       `json:"minute_rate_limited"`
	Installed  []installed `json:"authorizations"`
	Inner      inside      `json:"event"`
}

// installed is one of the installations an event is for: Slack names the first.
type installed struct {
	Team       string `json:"team_id"`
	Enterprise string `json:"enterprise_id"`
	Wide       flag   `json:"is_enterprise_install"`
}

// inside is the event itself, kept until its type is known.
type inside []byte

// UnmarshalJSON keeps a copy.
func (i *inside) UnmarshalJSON(b []byte) error {
	*i = append((*i)[:0], b...)
	return nil
}

// innerFields is what the types that jitbot uses have between them.
type innerFields struct {
	User      looseEntity `json:"user"`
	Tab       string      `json:"tab"`
	View      *viewFields `json:"view"`
	Channel   looseEntity `json:"channel"`
	Team      string      `json:"team_id"`
	Subteam   *entity     `json:"subteam"`
	SubteamID string      `json:"subteam_id"`
}

// used are the inner types whose fields are read, each with what it must have.
var used = map[string]func(*Inner, *checks){
	"app_home_opened": func(i *Inner, c *checks) {
		c.need("event.user", i.User, true)
		c.need("event.tab", i.Tab, i.Tab == "home" || i.Tab == "messages")
	},
	"user_change":             func(i *Inner, c *checks) { c.need("event.user", i.User, true) },
	"subteam_updated":         needSubteam,
	"subteam_members_changed": needSubteam,
	"app_uninstalled":         func(*Inner, *checks) {},
	"tokens_revoked":          func(*Inner, *checks) {},
}

func needSubteam(i *Inner, c *checks) { c.need("event.subteam", i.Subteam, true) }

// ParseEvent reads what comes to the events URL, or an event over a socket.
// What its type needs is there and ids are of the form they have at Slack. An
// inner type that jitbot does not use is no error. Another outer type is a
// [*Refusal] with the code type.unknown.
func ParseEvent(data []byte) (Event, error) {
	var in eventFields
	if err := decode(data, &in); err != nil {
		return Event{}, err
	}
	var c checks
	var e Event
	switch in.Type {
	case EventCallback:
		e = in.callback(&c)
	case URLVerification:
		c.need("challenge", in.Challenge, isToken(in.Challenge))
		e = Event{Type: in.Type, Challenge: in.Challenge}
	case AppRateLimited:
		c.origin(in.Team, in.Enterprise, in.App, in.wide())
		c.need("api_app_id", in.App, true)
		e = Event{Type: in.Type, Team: in.Team, Enterprise: in.Enterprise, App: in.App, minute: strconv.FormatInt(in.Minute, 10)}
	case "":
		c.fail("field.missing", "type", "is missing")
	default:
		return Event{}, refuse("type.unknown", "an event of an outer type that is not used here")
	}
	if err := c.err(); err != nil {
		return Event{}, err
	}
	return e, nil
}

func (in *eventFields) wide() bool { return len(in.Installed) > 0 && bool(in.Installed[0].Wide) }

func (in *eventFields) callback(c *checks) Event {
	e := Event{Type: in.Type, ID: in.ID, Team: in.Team, Enterprise: in.Enterprise, App: in.App}
	if e.Enterprise == "" && len(in.Installed) > 0 {
		e.Enterprise = in.Installed[0].Enterprise
	}
	c.origin(e.Team, e.Enterprise, e.App, in.wide())
	c.need("api_app_id", e.App, true)
	c.need("event_id", e.ID, isToken(e.ID))
	e.Inner = in.Inner.read(c, e.App)
	return e
}

// read looks further than the type only where the type is used: what else
// other types hold may be anything.
func (i inside) read(c *checks, app string) Inner {
	var head struct {
		Type string `json:"type"`
	}
	if !c.decode(i, &head) {
		return Inner{}
	}
	c.need("event.type", head.Type, isToken(head.Type))
	special, ok := used[head.Type]
	if !ok {
		return Inner{Type: head.Type}
	}
	var in innerFields
	if !c.decode(i, &in) {
		return Inner{}
	}
	inner := in.inner(head.Type, c, app)
	special(&inner, c)
	return inner
}

// decode reads a part of a payload.
func (c *checks) decode(data []byte, into any) bool {
	if len(data) == 0 {
		c.fail("field.missing", "event", "is missing")
		return false
	}
	err := decode(data, into)
	var r *Refusal
	if errors.As(err, &r) && c.refusal == nil {
		c.refusal = r
	}
	return err == nil
}

func (in *innerFields) inner(kind string, c *checks, app string) Inner {
	i := Inner{Type: kind, User: in.User.ID, Team: in.Team, Tab: in.Tab, Channel: in.Channel.ID, Subteam: in.SubteamID}
	if i.Team == "" {
		i.Team = in.User.Team
	}
	if in.Subteam != nil {
		i.Subteam = in.Subteam.ID
		if i.Team == "" {
			i.Team = in.Subteam.Team
		}
	}
	if v := in.View.view(c, app); v != nil {
		i.ViewID, i.ViewHash = v.ID, v.Hash
	}
	c.may("event.user", i.User, isID(i.User, userID))
	c.may("event.team_id", i.Team, isID(i.Team, teamID) || isID(i.Team, enterpriseID))
	c.may("event.channel", i.Channel, isID(i.Channel, channelID))
	c.may("event.subteam", i.Subteam, isID(i.Subteam, subteamID))
	return i
}
