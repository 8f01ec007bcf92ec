package slackfake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

// Place is where a person clicks. Make it with [OnMessage], [OnPrivate] or
// [OnView].
type Place struct {
	Channel, TS string
	Private     string
	View        string // empty with Home set: the Home tab
	Home        bool
	// Version is for a screen that was not redrawn: the click lands on that
	// version of the message, from 1, even when it is deleted. 0 is the newest.
	Version int
}

// OnMessage is a message in a channel or a direct conversation.
func OnMessage(channel, ts string) Place { return Place{Channel: channel, TS: ts} }

// OnPrivate is an answer that only the person sees, by its ID.
func OnPrivate(id string) Place { return Place{Private: id} }

// OnView is an open modal, by its ID; empty means the one in front.
func OnView(id string) Place { return Place{View: id} }

// OnHome is the person's Home tab.
func OnHome() Place { return Place{Home: true} }

// spot is a place that was found.
type spot struct {
	key     string // of what was typed there
	blocks  []any
	view    *view
	message *Message
	private *Private
}

// find looks at a place with a person's eyes. The caller holds the lock.
func (s *Server) find(user string, at Place) (spot, error) {
	var p spot
	var raw json.RawMessage
	switch {
	case at.Private != "":
		p.private = s.private(user, at.Private)
		if p.private != nil && !p.private.Deleted {
			raw, p.key = p.private.Blocks, user+" "+at.Private
		}
	case at.TS != "":
		p.message = s.message(at.Channel, at.TS)
		if p.message != nil && s.canSee(user, at.Channel) {
			raw, p.key = p.message.seen(at.Version), user+" "+at.Channel+" "+at.TS
		}
	case at.Home:
		p.view = s.homes[user]
	default:
		p.view = s.front(user, at.View)
	}
	if p.view != nil {
		p.blocks, _ = p.view.sent["blocks"].([]any)
		return p, nil
	}
	if raw == nil {
		return p, fmt.Errorf("%w: %s sees no blocks there", ErrNotShown, user)
	}
	return p, json.Unmarshal(raw, &p.blocks)
}

// seen is what stands in one version of a message.
func (m *Message) seen(version int) json.RawMessage {
	switch {
	case version > 0 && version <= len(m.Versions):
		return m.Versions[version-1].Blocks
	case version == 0 && !m.Deleted:
		return m.Blocks
	}
	return nil
}

// front is the modal a user has in front, when it is the one with this id.
func (s *Server) front(user, id string) *view {
	stack := s.stacks[user]
	if len(stack) == 0 || id != "" && stack[len(stack)-1].id != id {
		return nil
	}
	return stack[len(stack)-1]
}

// Click uses an element: presses a button, or picks value in a select, a radio
// group, a picker. Only what the person sees can be used, and a block id is
// needed only when the action id stands in several blocks. For a button value
// may be empty; otherwise it must be the button's own.
func (s *Server) Click(ctx context.Context, user string, at Place, actionID, blockID, value string) (Delivery, error) {
	s.mu.Lock()
	p, err := s.click(user, at, actionID, blockID, value)
	s.mu.Unlock()
	if err != nil {
		return Delivery{}, err
	}
	return s.deliver(ctx, KindInteraction, p)
}

func (s *Server) click(user string, at Place, actionID, blockID, value string) (object, error) {
	where, err := s.find(user, at)
	if err != nil {
		return nil, err
	}
	f, err := pickElement(where, actionID, blockID, value)
	if err != nil {
		return nil, err
	}
	action := object{"action_id": f.action, "block_id": f.block, "action_ts": s.stamp(), "type": f.element["type"]}
	if f.element["type"] == "button" {
		action["text"] = rewriteTexts(deepCopy(f.element["text"]))
		for _, key := range []string{"value", "style", "url"} {
			if v, given := f.element[key]; given {
				action[key] = v
			}
		}
	} else {
		state, err := s.enter(f, value, where.offered())
		if err != nil {
			return nil, err
		}
		maps.Copy(action, state)
		if f.element["type"] != "overflow" {
			s.remember(where, f, state)
		}
	}
	p := s.interaction("block_actions", user)
	p["actions"] = []any{action}
	s.surround(p, where, user)
	return p, nil
}

func pickElement(where spot, actionID, blockID, value string) (field, error) {
	for _, f := range elementsOf(where.blocks) {
		if f.action != actionID || blockID != "" && f.block != blockID {
			continue
		}
		own, _ := f.element["value"].(string)
		if f.element["type"] == "button" && value != "" && value != own {
			continue
		}
		return f, nil
	}
	return field{}, fmt.Errorf("%w: no element %q with value %q", ErrNotShown, actionID, value)
}

func (p spot) offered() map[string]object {
	if p.view == nil {
		return nil
	}
	return p.view.offered
}

// remember keeps what was typed or picked at a place.
func (s *Server) remember(p spot, f field, state object) {
	values := s.typed[p.key]
	if p.view != nil {
		values = p.view.state
	} else if values == nil {
		values = map[string]map[string]object{}
		s.typed[p.key] = values
	}
	if values[f.block] == nil {
		values[f.block] = map[string]object{}
	}
	values[f.block][f.action] = state
}

// surround adds the place to a payload.
func (s *Server) surround(p object, where spot, user string) {
	p["trigger_id"] = s.newTrigger(user, where.view)
	if v := where.view; v != nil {
		p["container"], p["view"] = object{"type": "view", "view_id": v.id}, s.viewJSON(v)
		return
	}
	r := &response{user: user, message: where.message, private: where.private, via: "response_url"}
	container := object{"type": "message", "is_ephemeral": where.private != nil}
	if m := where.message; m != nil {
		r.channel, r.thread = m.Channel, m.ThreadTS
		container["message_ts"] = m.TS
		p["message"] = s.messageJSON(m)
	} else {
		r.channel, r.thread = where.private.Channel, where.private.ThreadTS
		container["message_ts"] = where.private.ID
	}
	if r.thread != "" {
		container["thread_ts"] = r.thread
	}
	container["channel_id"] = r.channel
	p["container"], p["channel"] = container, object{"id": r.channel, "name": s.channelName(r.channel)}
	p["state"] = object{"values": s.messageState(where)}
	p["response_url"] = s.newResponse(r)
}

// messageState is the state of the elements in a message for one person.
func (s *Server) messageState(where spot) map[string]map[string]object {
	values := map[string]map[string]object{}
	for _, f := range fieldsOf(where.blocks) {
		state := emptyValue(f.element)
		if kept, ok := s.typed[where.key][f.block][f.action]; ok {
			state = kept
		}
		if values[f.block] == nil {
			values[f.block] = map[string]object{}
		}
		values[f.block][f.action] = state
	}
	return values
}

// Type fills a field without sending anything: the next click or submission
// carries it. An empty value empties the field.
func (s *Server) Type(user string, at Place, actionID, blockID, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	where, err := s.find(user, at)
	if err != nil {
		return err
	}
	f, err := pickElement(where, actionID, blockID, "")
	if err != nil {
		return err
	}
	state, err := s.enter(f, value, where.offered())
	if err == nil {
		s.remember(where, f, state)
	}
	return err
}
