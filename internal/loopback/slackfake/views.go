package slackfake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// View is a modal or a Home tab as one person sees it. Raw is the view object
// that Slack sends, state included. Errors are what the app answered to the
// last submission, by block id.
type View struct {
	ID, Hash, User, CallbackID, PrivateMetadata, Title string
	Raw                                                json.RawMessage
	Errors                                             map[string]string
	Depth                                              int // 1 for the root of a modal's stack, 0 for a Home tab
	Updates                                            int // how often it was drawn after the first time
}

// view is the server's own record of one.
type view struct {
	id, hash, user, root, previous string
	sent                           object // as the app sent it, ids filled in
	state                          map[string]map[string]object
	offered                        map[string]object // options of external selects, by block, action and value
	errors                         map[string]string
	updates                        int
	home                           bool
}

// trigger is the right to open one view.
type trigger struct {
	user    string
	view    *view // the modal it came from, if any
	made    time.Time
	used    bool
	passed  context.Context // ends after triggerLife of real time
	release context.CancelFunc
}

// newTrigger hands out a trigger id. The caller holds the lock.
func (s *Server) newTrigger(user string, from *view) string {
	id := fmt.Sprintf("%d.%d.%016x", s.next(), s.cfg.Now().Unix(), s.next()*0x9e3779b97f4a7c1)
	t := &trigger{user: user, view: from, made: s.cfg.Now()}
	t.passed, t.release = context.WithTimeout(s.life, triggerLife)
	s.triggers[id] = t
	return id
}

// spend uses a trigger up. It is too old when either clock says so: the
// workspace's, which tests move, or the real one.
func (s *Server) spend(where, id string) (*trigger, error) {
	t := s.triggers[id]
	switch {
	case id == "" || t == nil:
		return nil, refuse("invalid_trigger_id")
	case t.used:
		s.violate(where, "exchanged_trigger_id: used a second time")
		return nil, refuse("exchanged_trigger_id")
	case s.cfg.Now().Sub(t.made) > triggerLife || t.passed.Err() != nil:
		return nil, refuse("expired_trigger_id")
	}
	return t, nil
}

func (t *trigger) use() {
	t.used = true
	t.release()
}

func (s *Server) viewsOpen(a args) (answer, error) { return s.openView("views.open", a) }

func (s *Server) viewsPush(a args) (answer, error) { return s.openView("views.push", a) }

func (s *Server) openView(where string, a args) (answer, error) {
	t, err := s.spend(where, a["trigger_id"])
	if err != nil {
		return nil, err
	}
	sent, err := s.lintView(where, a["view"])
	if err != nil {
		return nil, err
	}
	push := where == "views.push"
	if push && (t.view == nil || t.view.home) {
		return nil, refuse("invalid_trigger_id")
	}
	v, err := s.stack(where, t.user, sent, push)
	if err != nil {
		return nil, err
	}
	t.use()
	return answer{"view": s.viewJSON(v)}, nil
}

// stack shows a modal: on top of the others, or instead of them.
func (s *Server) stack(where, user string, sent object, push bool) (*view, error) {
	if err := s.freeExternalID(where, sent, nil); err != nil {
		return nil, err
	}
	if push && len(s.stacks[user]) >= maxStack {
		s.violate(where, "push_limit_reached: more than %d views", maxStack)
		return nil, refuse("push_limit_reached")
	}
	if !push {
		s.clear(user)
	}
	v := &view{id: fmt.Sprintf("V%08d", s.next()), user: user, offered: map[string]object{}}
	v.root = v.id
	if below := s.stacks[user]; len(below) > 0 {
		v.root, v.previous = below[0].id, below[len(below)-1].id
	}
	s.draw(v, sent)
	s.views[v.id] = v
	s.stacks[user] = append(s.stacks[user], v)
	return v, nil
}

// clear closes all modals of a user.
func (s *Server) clear(user string) {
	for _, v := range s.stacks[user] {
		delete(s.views, v.id)
	}
	delete(s.stacks, user)
	s.touch()
}

// pop closes the topmost modal of a user.
func (s *Server) pop(v *view) {
	delete(s.views, v.id)
	s.stacks[v.user] = slices.DeleteFunc(s.stacks[v.user], func(o *view) bool { return o == v })
	s.touch()
}

// draw shows a view with new content. What was typed stays where block id and
// action id stay.
func (s *Server) draw(v *view, sent object) {
	old := v.state
	v.sent, v.errors = sent, nil
	v.hash = fmt.Sprintf("%d.%08x", s.cfg.Now().Unix(), s.next())
	v.state = map[string]map[string]object{}
	for _, f := range fieldsOf(sent["blocks"]) {
		value := emptyValue(f.element)
		if kept, typed := old[f.block][f.action]; typed && kept["type"] == value["type"] {
			value = kept
		}
		if v.state[f.block] == nil {
			v.state[f.block] = map[string]object{}
		}
		v.state[f.block][f.action] = value
	}
	s.touch()
}

// freeExternalID refuses an external id that another view has.
func (s *Server) freeExternalID(where string, sent object, self *view) error {
	id, _ := sent["external_id"].(string)
	for _, v := range s.views {
		if id != "" && v != self && v.sent["external_id"] == id {
			s.violate(where, "duplicate_external_id")
			return refuse("duplicate_external_id")
		}
	}
	return nil
}

func (s *Server) viewsUpdate(a args) (answer, error) {
	v := s.views[a["view_id"]]
	if id := a["external_id"]; v == nil && a["view_id"] == "" && id != "" {
		for _, o := range s.views {
			if o.sent["external_id"] == id {
				v = o
			}
		}
	}
	if v == nil {
		return nil, refuse("not_found")
	}
	return s.redraw("views.update", v, a)
}

func (s *Server) redraw(where string, v *view, a args) (answer, error) {
	if h := a["hash"]; h != "" && h != v.hash {
		return nil, refuse("hash_conflict")
	}
	sent, err := s.lintView(where, a["view"])
	if err != nil {
		return nil, err
	}
	if err := s.freeExternalID(where, sent, v); err != nil {
		return nil, err
	}
	s.draw(v, sent)
	v.updates++
	return answer{"view": s.viewJSON(v)}, nil
}

func (s *Server) viewsPublish(a args) (answer, error) {
	user := a["user_id"]
	if _, known := s.users[user]; !known {
		return nil, refuse("user_not_found")
	}
	v := s.homes[user]
	if v == nil {
		v = &view{id: fmt.Sprintf("V%08d", s.next()), user: user, home: true, offered: map[string]object{}, updates: -1}
		v.root = v.id
		if a["hash"] != "" {
			return nil, refuse("hash_conflict")
		}
	}
	out, err := s.redraw("views.publish", v, a)
	if err == nil {
		s.homes[user], s.views[v.id] = v, v
	}
	return out, err
}

// viewJSON is a view object as Slack sends it. The caller holds the lock.
func (s *Server) viewJSON(v *view) object {
	out := object{
		"id": v.id, "team_id": s.cfg.TeamID, "app_id": s.cfg.AppID, "app_installed_team_id": s.cfg.TeamID, "bot_id": s.cfg.BotID,
		"hash": v.hash, "root_view_id": v.root, "previous_view_id": nil, "state": object{"values": encode(v.state)},
		"private_metadata": "", "callback_id": "", "external_id": "", "title": nil, "close": nil, "submit": nil,
		"clear_on_close": false, "notify_on_close": false,
	}
	if v.home {
		out["title"] = object{"type": "plain_text", "text": "View Title", "emoji": true}
	}
	if v.previous != "" {
		out["previous_view_id"] = v.previous
	}
	maps.Copy(out, v.sent)
	out["blocks"] = rewrittenBlocks(encode(v.sent["blocks"]))
	return out
}

func (s *Server) shownView(v *view) View {
	out := View{
		ID: v.id, Hash: v.hash, User: v.user, Raw: encode(s.viewJSON(v)), Errors: maps.Clone(v.errors), Updates: v.updates,
	}
	out.CallbackID, _ = v.sent["callback_id"].(string)
	out.PrivateMetadata, _ = v.sent["private_metadata"].(string)
	if title, ok := v.sent["title"].(object); ok {
		out.Title, _ = title["text"].(string)
	}
	out.Depth = slices.Index(s.stacks[v.user], v) + 1
	return out
}

// View returns the modal a user has in front, if one is open.
func (s *Server) View(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stack := s.stacks[user]
	if len(stack) == 0 {
		return View{}, false
	}
	return s.shownView(stack[len(stack)-1]), true
}

// Views returns all open modals of a user, the root first.
func (s *Server) Views(user string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, v := range s.stacks[user] {
		out = append(out, s.shownView(v))
	}
	return out
}

// Home returns what was published to a user's Home tab, if anything was.
func (s *Server) Home(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.homes[user]
	if v == nil {
		return View{}, false
	}
	return s.shownView(v), true
}
