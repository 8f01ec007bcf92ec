package policy

import (
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
)

const (
	maxName  = 63
	maxEmail = 254
)

// validName reports whether s can name a resource, group, schedule, bundle or
// rule: [a-z0-9][a-z0-9-]{0,62}.
func validName(s string) bool {
	if s == "" || len(s) > maxName || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// EmailFault says what is wrong with an e-mail address that is to name a person,
// or nothing.
func EmailFault(s string) string { return emailFault(s) }

// emailFault says what is wrong with s as an e-mail address in its canonical
// form, or nothing.
func emailFault(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok || local == "" || len(s) > maxEmail || strings.Contains(domain, "@"):
		return "is not an e-mail address"
	case s != strings.ToLower(s):
		return "must be in lower case: " + strings.ToLower(s)
	case strings.Trim(local, "abcdefghijklmnopqrstuvwxyz0123456789._%+'-") != "":
		return "is not an e-mail address in plain ASCII"
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if !validName(label) {
			return "is not an e-mail address with a full domain"
		}
	}
	if len(labels) < 2 {
		return "is not an e-mail address with a full domain"
	}
	return ""
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (l *loader) name(key *yaml.Node, what string) bool {
	if validName(key.Value) {
		return true
	}
	l.f.Problemf(key, "%q cannot name a %s; use a-z, 0-9 and -, at most %d of them, not - first", key.Value, what, maxName)
	return false
}

// personID gives the number of an e-mail, new if it was not named before.
func (l *loader) person(email string) int32 {
	id, ok := l.p.personID[email]
	if !ok {
		id = int32(len(l.p.people))
		l.p.people = append(l.p.people, email)
		l.p.personID[email] = id
	}
	return id
}

// email reads n as the address of a person.
func (l *loader) email(n *yaml.Node) (string, bool) {
	s, ok := l.f.Text(n)
	if !ok {
		return "", false
	}
	if fault := emailFault(s); fault != "" {
		l.f.Problemf(n, "%q %s", s, fault)
		return "", false
	}
	return s, true
}

// refs reads a list of people: group:x, oncall:y, e-mails, and, where open is
// set, everyone.
func (l *loader) refs(n *yaml.Node, open bool) []ref {
	items, ok := l.f.List(n)
	if !ok {
		return nil
	}
	var out []ref
	for _, item := range items {
		r, ok := l.ref(item, open)
		switch {
		case !ok:
		case slices.Contains(out, r):
			l.f.Problemf(item, "%s is named twice; once is enough", item.Value)
		default:
			out = append(out, r)
		}
	}
	return out
}

func (l *loader) ref(n *yaml.Node, open bool) (ref, bool) {
	s, ok := l.f.Text(n)
	if !ok {
		return ref{}, false
	}
	kind, name, _ := strings.Cut(s, ":")
	switch {
	case s == "everyone" && open:
		return ref{kind: everyone}, true
	case s == "everyone":
		l.f.Problemf(n, "everyone cannot stand here; name groups, on-call schedules or people")
		return ref{}, false
	case kind == "group":
		return l.named(n, group, name, l.p.groupID, "groups")
	case kind == "oncall":
		return l.named(n, schedule, name, l.p.schedID, "on_call")
	}
	email := strings.TrimPrefix(s, "person:")
	fault := emailFault(email)
	if fault != "" && !strings.Contains(s, "@") {
		fault = "is not a person or a group; write group:x, oncall:y or an e-mail address"
	}
	if fault != "" {
		l.f.Problemf(n, "%q %s", s, fault)
		return ref{}, false
	}
	return ref{person, l.person(email)}, true
}

func (l *loader) named(n *yaml.Node, kind refKind, name string, ids map[string]int32, section string) (ref, bool) {
	id, ok := ids[name]
	if !ok {
		l.dangling(n, name, section, ids)
		return ref{}, false
	}
	r := ref{kind, id}
	l.used[r] = true
	return r, true
}

// dangling notes that nothing under section has the name.
func (l *loader) dangling(n *yaml.Node, name, section string, ids map[string]int32) {
	known := make([]string, 0, len(ids))
	for k := range ids {
		known = append(known, k)
	}
	slices.Sort(known)
	hint := "add it there"
	if near := strictyaml.Nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	l.f.Problemf(n, "there is no %q under %s; %s", name, section, hint)
}

// spell writes a ref as the policy does.
func (p *Policy) spell(r ref) string {
	switch r.kind {
	case group:
		return "group:" + p.groups[r.id].name
	case schedule:
		return "oncall:" + p.schedules[r.id].name
	case person:
		return p.people[r.id]
	default:
		return "everyone"
	}
}

func (p *Policy) spellAll(refs []ref) []string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = p.spell(r)
	}
	return out
}
