package reports

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"

	"jitbot/jit"
)

// The classes of OCSF that are written.
const (
	classFinding    = 2004 // Detection Finding
	classSession    = 3003 // Authorize Session
	classUserAccess = 3005 // User Access Management, until 1.8
	classGroup      = 3006 // Group Management
	classUser       = 3007 // User Management
	classAPI        = 6003 // API Activity
)

var classNames = map[int]string{
	classFinding: "Detection Finding", classSession: "Authorize Session", classUserAccess: "User Access Management",
	classGroup: "Group Management", classUser: "User Management", classAPI: "API Activity",
}

var categoryNames = map[int]string{2: "Findings", 3: "Identity & Access Management", 6: "Application Activity"}

// activity numbers of the classes.
const (
	apiCreate, apiRead, apiUpdate, apiDelete, other = 1, 2, 3, 4, 99

	assignPrivileges, removePrivileges = 14, 15 // of User Management
	assignAccess, revokeAccess         = 1, 2   // of User Access Management
	addUser, removeUser                = 3, 4   // of Group Management
	authorize                          = 1      // of Authorize Session: Assign Privileges
	findingNew, findingClosed          = 1, 3
)

type object = map[string]any

// ocsf is a record in the classes it belongs to. An event that made somebody a
// member of a group and their grant active is both, each under an id of its own.
func (e Encoder) ocsf(r Record) []any {
	if r.Activity != nil {
		out := []any{e.apiActivity(r)}
		if r.SideDoor() {
			out = append(out, e.finding(r, findingNew, "side-door/"+r.Activity.ID, "Something was done through what only grants should open, and it is nobody's grant."))
		}
		return out
	}
	if out := e.alert(r); out != nil {
		return append([]any{out}, e.memberships(r)...)
	}
	out := append([]any{e.event(r)}, e.memberships(r)...)
	if r.Event.Kind == jit.EventGrantEnded && !r.About.Grant.PagedAt.IsZero() {
		out = append(out, e.finding(r, findingClosed, "overdue/"+r.Event.Grant, "Access that was overdue is gone."))
	}
	return out
}

// event is an event in its main class.
func (e Encoder) event(r Record) object {
	switch r.Event.Kind {
	case jit.EventGrantActive:
		return e.access(r, true)
	case jit.EventGrantEnded:
		return e.access(r, false)
	case jit.EventCredentialIssued:
		o := e.base(r, classSession, authorize, "Assign Privileges", "")
		o["user"], o["privileges"] = user(r.Person()), privileges(r)
		o["session"] = session(r)
		return o
	}
	return e.apiEvent(r)
}

// access is that a person got, or lost, what a grant gives.
func (e Encoder) access(r Record, given bool) object {
	class, id, name := classUser, assignPrivileges, "Assign Privileges"
	if !given {
		id, name = removePrivileges, "Remove Privileges"
	}
	if e.OCSF == OCSF18 {
		if class, id = classUserAccess, assignAccess; !given {
			id, name = revokeAccess, "Revoke Privileges"
		}
	}
	o := e.base(r, class, id, name, "")
	o["user"], o["privileges"] = user(r.Person()), privileges(r)
	if res := resource(r.Event.Resource); res != nil && class == classUserAccess {
		o["resource"] = res
	} else if res != nil {
		o["resources"] = []any{res}
	}
	return o
}

// memberships are the groups that an event says somebody came into or left.
func (e Encoder) memberships(r Record) (out []any) {
	for _, m := range moves(r.Event) {
		h, known := r.About.holding(m.ID)
		group := h.Entitlement.Params["group"]
		if !known || group == "" {
			continue
		}
		switch jit.HoldingState(m.To) {
		case jit.HoldingPresent:
			out = append(out, e.membership(r, h, group, addUser, "Add User"))
		case jit.HoldingAbsent:
			if h.Kept == "" && m.From == string(jit.HoldingRemoving) {
				out = append(out, e.membership(r, h, group, removeUser, "Remove User"))
			}
		}
	}
	return out
}

func (e Encoder) membership(r Record, h jit.Holding, group string, id int, name string) object {
	o := e.base(r, classGroup, id, name, "/"+h.ID)
	g := object{"name": group, "type": h.Entitlement.Kind}
	if h.Target != "" {
		g["uid"] = h.Target
	}
	o["group"], o["user"] = g, user(h.Principal)
	if res := resource(h.Resource); res != nil {
		o["resource"] = res
	}
	return o
}

func moves(ev jit.Event) []jit.Move {
	var data struct {
		Moves []jit.Move `json:"moves"`
	}
	_ = json.Unmarshal(ev.Data, &data) // data that was blanked, or is something else, has none
	return data.Moves
}

// alert is an event that people are told of, as a finding; nil: it is none.
func (e Encoder) alert(r Record) any {
	ev := r.Event
	switch ev.Kind {
	case jit.EventGrantOverdue:
		return e.finding(r, findingNew, "overdue/"+ev.Grant, "Access should have ended and is still there.")
	case jit.EventPolicyRefused:
		return e.finding(r, findingNew, "policy/"+hex.EncodeToString(ev.Hash[:8]), "A new policy was not loaded.")
	case jit.EventSourceSilent:
		return e.finding(r, findingNew, "silent/"+ev.Origin, "A source of activity has told nothing for too long.")
	case jit.EventSourceHeard:
		return e.finding(r, findingClosed, "silent/"+ev.Origin, "A source of activity that was silent tells again.")
	}
	return nil
}

func (e Encoder) finding(r Record, id int, uid, title string) object {
	name, suffix := "Create", ""
	if id == findingClosed {
		name = "Close"
	}
	if r.Activity != nil || r.Event.Kind == jit.EventGrantEnded { // which are something else too
		suffix = "/finding"
	}
	o := e.base(r, classFinding, id, name, suffix)
	o["is_alert"] = id == findingNew
	o["finding_info"] = object{
		"uid": uid, "title": title, "types": []string{r.Kind()}, "created_time": r.At().UnixMilli(),
		"product": product(e.Product),
	}
	// Of a finding the status says how far people are with it: 1 New, 4 Resolved.
	o["status_id"], o["status"] = 1, "New"
	if id == findingClosed {
		o["status_id"], o["status"] = 4, "Resolved"
	}
	evidence := object{"api": object{"operation": r.Kind()}, "actor": actor(r)}
	if a := r.Activity; a != nil {
		evidence["api"], evidence["src_endpoint"] = api(a), endpoint(a.Origin)
	}
	o["evidences"] = []any{evidence}
	if res := resource(orText(r.Event.Resource, r.About.Grant.Resource)); res != nil {
		o["resources"] = []any{res}
	}
	return o
}

func (e Encoder) apiEvent(r Record) object {
	id, name := eventActivity(r.Event.Kind)
	o := e.base(r, classAPI, id, name, "")
	o["api"] = object{"operation": r.Event.Kind, "service": object{"name": "jitbot"}}
	o["src_endpoint"] = object{"name": orText(r.Event.Origin, "jitbot")}
	if res := resource(r.Event.Resource); res != nil {
		o["resources"] = []any{res}
	}
	return o
}

// eventActivity is what an event does to what it is about.
func eventActivity(kind string) (id int, name string) {
	switch kind {
	case jit.EventRequested, jit.EventAdvanceGiven, jit.EventLinked, jit.EventReceipt, jit.EventImported:
		return apiCreate, "Create"
	case jit.EventActivityRead, jit.EventExported, jit.EventTimelineOpened, jit.EventReadBack:
		return apiRead, "Read"
	case jit.EventRequestCancelled, jit.EventAdvanceRevoked, jit.EventLinkEnded, jit.EventHoldingAbsent:
		return apiDelete, "Delete"
	case jit.EventRefused, jit.EventStarted, jit.EventStopped:
		return other, kind
	}
	return apiUpdate, "Update"
}

func (e Encoder) apiActivity(r Record) object {
	a := r.Activity
	id, name := verb(a)
	o := e.base(r, classAPI, id, name, "")
	o["api"], o["src_endpoint"] = api(a), endpoint(a.Origin)
	if a.Agent != "" {
		o["http_request"] = object{"user_agent": a.Agent}
	}
	if a.Account != "" || a.Region != "" {
		o["cloud"] = cloud(a)
	}
	if res := resource(a.Resource); res != nil {
		o["resources"] = []any{res}
	}
	if a.Code != "" {
		o["status_code"] = a.Code
	}
	if a.Detail != "" {
		o["status_detail"] = a.Detail
	}
	return o
}

// verbs are how the names of actions begin that create, change or delete.
var verbs = []struct {
	begin string
	id    int
	name  string
}{
	{"create", apiCreate, "Create"},
	{"run", apiCreate, "Create"},
	{"insert", apiCreate, "Create"},
	{"add", apiCreate, "Create"},
	{"put", apiUpdate, "Update"},
	{"update", apiUpdate, "Update"},
	{"modify", apiUpdate, "Update"},
	{"set", apiUpdate, "Update"},
	{"attach", apiUpdate, "Update"},
	{"detach", apiUpdate, "Update"},
	{"alter", apiUpdate, "Update"},
	{"patch", apiUpdate, "Update"},
	{"delete", apiDelete, "Delete"},
	{"remove", apiDelete, "Delete"},
	{"terminate", apiDelete, "Delete"},
	{"drop", apiDelete, "Delete"},
}

func verb(a *jit.Activity) (id int, name string) {
	if a.ReadOnly {
		return apiRead, "Read"
	}
	_, action, _ := strings.Cut(a.Action, ":")
	action = strings.ToLower(action)
	for _, v := range verbs {
		if strings.HasPrefix(action, v.begin) {
			return v.id, v.name
		}
	}
	return other, orText(action, "Other")
}

func api(a *jit.Activity) object {
	service, operation, found := strings.Cut(a.Action, ":")
	if !found {
		service, operation = "", a.Action
	}
	o := object{"operation": operation}
	if service != "" {
		o["service"] = object{"name": service}
	}
	if a.Code != "" {
		o["response"] = object{"error": a.Code}
	}
	return o
}

func cloud(a *jit.Activity) object {
	o := object{"provider": orText(provider(a.Account), "Unknown")}
	if a.Account != "" {
		o["account"] = object{"uid": a.Account}
	}
	if a.Region != "" {
		o["region"] = a.Region
	}
	return o
}

// provider is whose account it is: AWS numbers its own with twelve digits.
func provider(account string) string {
	if len(account) == 12 && strings.Trim(account, "0123456789") == "" {
		return "AWS"
	}
	return ""
}

func endpoint(origin string) object {
	if ip, err := netip.ParseAddr(origin); err == nil {
		return object{"ip": ip.String()}
	}
	return object{"name": orText(origin, "unknown")}
}

// base is what every class has.
func (e Encoder) base(r Record, class, id int, name, suffix string) object {
	severity := r.Severity()
	category := class / 1000
	o := object{
		"class_uid": class, "class_name": classNames[class], "category_uid": category, "category_name": categoryNames[category],
		"activity_id": id, "activity_name": name, "type_uid": class*100 + id, "type_name": classNames[class] + ": " + name,
		"time": r.At().UnixMilli(), "severity_id": int(severity), "severity": severity.String(),
		"metadata": e.metadata(r, suffix), "actor": actor(r), "unmapped": object{"jit": unmapped(r)},
	}
	o["status_id"], o["status"] = status(r)
	return o
}

func (e Encoder) metadata(r Record, suffix string) object {
	m := object{"version": "1.9.0", "product": product(e.Product)}
	if e.OCSF == OCSF18 {
		m["version"] = "1.8.0"
	}
	if r.Grant() != "" {
		m["correlation_uid"] = r.Grant()
	}
	if a := r.Activity; a != nil {
		m["uid"], m["log_provider"] = a.ID+suffix, a.Source
		return m
	}
	m["uid"], m["sequence"] = hex.EncodeToString(r.Event.Hash[:])+suffix, r.Event.Seq
	m["event_code"] = r.Event.Kind
	return m
}

func product(version string) object {
	return object{"name": "jitbot", "vendor_name": "jitbot", "version": orNone(version)}
}

func status(r Record) (id int, name string) {
	outcome := r.Event.Outcome
	if r.Activity != nil {
		outcome = string(r.Activity.Outcome)
	}
	switch outcome {
	case "ok":
		return 1, "Success"
	case "refused", "failed", "denied":
		return 2, "Failure"
	case "":
		return 0, "Unknown"
	}
	return other, outcome
}

// actor is who did it. With an activity that is the person whose grant it is,
// and the session in the words of the outside.
func actor(r Record) object {
	if a := r.Activity; a != nil {
		o := object{"user": object{"name": orText(a.Actor, "unknown")}}
		if p := r.Person(); p != "" {
			u := user(p)
			u["uid_alt"] = a.Actor
			o["user"] = u
		}
		if r.Grant() != "" {
			o["session"] = session(r)
		}
		return o
	}
	who := r.Event.Actor
	if who == jit.ActorJitbot || who == "" {
		return object{"app_name": "jitbot"}
	}
	u := user(who)
	if r.Event.ActorAccount != "" {
		u["uid_alt"] = r.Event.ActorAccount
	}
	return object{"user": u}
}

func session(r Record) object {
	s := object{"uid": r.Grant(), "issuer": "jitbot"}
	if a := r.Activity; a != nil && a.Actor != "" {
		s["uid_alt"] = a.Actor
	}
	g := r.About.Grant
	if !g.ExpiresAt.IsZero() {
		s["expiration_time"] = g.ExpiresAt.UnixMilli()
	}
	if g.EndReason != "" {
		s["expiration_reason"] = g.EndReason
	}
	return s
}

// user is a person. Whoever is named by an e-mail has it there too.
func user(id string) object {
	u := object{"uid": orText(id, "unknown"), "name": orText(id, "unknown")}
	if strings.Contains(id, "@") {
		u["email_addr"] = id
	}
	return u
}

func privileges(r Record) []string {
	out := []string{}
	for _, h := range r.About.Holdings {
		out = append(out, h.Entitlement.Kind)
	}
	if len(out) == 0 {
		out = append(out, r.Event.Resource)
	}
	return out
}

func resource(name string) any {
	if name == "" {
		return nil
	}
	return object{"name": name, "uid": name}
}

// unmapped is what OCSF has no place for.
func unmapped(r Record) object {
	o := object{"kind": r.Kind()}
	q := r.About.Request
	put := func(name, value string) {
		if value != "" {
			o[name] = value
		}
	}
	put("reason", q.Reason)
	put("ticket", q.Ticket)
	put("rule", orText(r.About.Grant.Rule, q.Decision.Rule))
	put("policy_sha", orText(r.Event.PolicySHA256, q.Decision.PolicySHA256))
	put("request", orText(r.Event.Request, q.ID))
	put("grant", r.Grant())
	put("origin", r.Event.Origin)
	if a := r.Activity; a != nil {
		put("method", string(a.Method))
		put("layer", a.Layer)
		put("scope", a.Scope)
		put("remarkable", category(r))
		o["sure"] = a.Sure
		return o
	}
	put("outcome", r.Event.Outcome)
	o["data"], o["data_sha256"] = data(r.Event), hex.EncodeToString(r.Event.DataSHA256[:])
	return o
}

// data is an event's data, as text where it is no JSON.
func data(ev jit.Event) any {
	if json.Valid(ev.Data) {
		return ev.Data
	}
	return string(ev.Data)
}
