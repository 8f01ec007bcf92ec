package bot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"jitbot/jit"
)

// Person is somebody jitbot knows: the principal, the chat accounts that were
// confirmed to be theirs, and whether they are still with the company.
type Person struct {
	jit.Principal
	Accounts []jit.Account
	Disabled bool
}

// Directory knows people. It is replaced as a whole when the configuration is
// loaded again; its zero value knows nobody. Safe for concurrent use.
type Directory struct {
	now atomic.Pointer[people]
}

type people struct {
	byID      map[string]*Person
	byAccount map[string]*Person
	handles   map[string][]*Person // the part of the e-mail before the @
}

// Replace puts a new set of people in force. It refuses two people with one
// id or one account, and leaves the old set in force then.
func (d *Directory) Replace(all []Person) error {
	next := &people{byID: map[string]*Person{}, byAccount: map[string]*Person{}, handles: map[string][]*Person{}}
	for i := range all {
		p := all[i]
		if p.ID == "" || p.ID != strings.ToLower(p.ID) {
			return fmt.Errorf("people: %q: an id is an e-mail in lower case", p.ID)
		}
		if next.byID[p.ID] != nil {
			return fmt.Errorf("people: %s stands twice", p.ID)
		}
		next.byID[p.ID] = &p
		for _, a := range p.Accounts {
			if other := next.byAccount[a.String()]; other != nil {
				return fmt.Errorf("people: account %s belongs to %s and %s; it can be one person's only", a, other.ID, p.ID)
			}
			next.byAccount[a.String()] = &p
		}
		handle, _, _ := strings.Cut(p.ID, "@")
		next.handles[handle] = append(next.handles[handle], &p)
	}
	d.now.Store(next)
	return nil
}

func (d *Directory) load() *people {
	if p := d.now.Load(); p != nil {
		return p
	}
	return &people{}
}

// ByAccount finds the person behind a chat account. Disabled people are not found.
func (d *Directory) ByAccount(a jit.Account) (Person, bool) {
	p := d.load().byAccount[a.String()]
	if p == nil || p.Disabled {
		return Person{}, false
	}
	return *p, true
}

// ByID finds a person by id, disabled or not.
func (d *Directory) ByID(id string) (Person, bool) {
	p := d.load().byID[id]
	if p == nil {
		return Person{}, false
	}
	return *p, true
}

// Active reports whether id is a person who may hold access.
func (d *Directory) Active(id string) bool {
	p := d.load().byID[id]
	return p != nil && !p.Disabled
}

// Find finds the person somebody means by an e-mail, a handle (@ann, ann) or
// a mention (<@U1>, on the given platform). More than one is none.
func (d *Directory) Find(platform, team, word string) (Person, bool) {
	word = strings.ToLower(strings.TrimSpace(word))
	if user, ok := strings.CutPrefix(word, "<@"); ok {
		user, _, _ = strings.Cut(strings.TrimSuffix(user, ">"), "|")
		return d.ByAccount(jit.Account{Platform: platform, Team: team, User: strings.ToUpper(user)})
	}
	word = strings.TrimPrefix(word, "@")
	if p, ok := d.ByID(word); ok {
		return p, !p.Disabled
	}
	if found := d.load().handles[word]; len(found) == 1 && !found[0].Disabled {
		return *found[0], true
	}
	return Person{}, false
}

// Name is what messages call a principal.
func (d *Directory) Name(id string) string {
	if p := d.load().byID[id]; p != nil && p.Name != "" {
		return p.Name
	}
	return id
}

// Account is where a principal is reached on a chat, or on any chat if chat is
// empty; ok is false if nowhere.
func (d *Directory) Account(id, chat string) (jit.Account, bool) {
	p := d.load().byID[id]
	if p == nil || p.Disabled {
		return jit.Account{}, false
	}
	for _, a := range p.Accounts {
		if chat == "" || a.Platform == chat {
			return a, true
		}
	}
	return jit.Account{}, false
}

// All lists everybody by id.
func (d *Directory) All() []Person {
	known := d.load().byID
	out := make([]Person, 0, len(known))
	for _, p := range known {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
