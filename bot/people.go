package bot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
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

// Directory knows people: those the configuration names and those who are
// known by a link of a chat account. Either set is replaced as a whole; its
// zero value knows nobody. Safe for concurrent use.
type Directory struct {
	now atomic.Pointer[people]

	mu     sync.Mutex // guards what people are made of
	listed []Person
	links  []jit.Link
}

type people struct {
	byID      map[string]*Person
	byAccount map[string]*Person
	handles   map[string][]*Person // the part of the e-mail before the @
	listed    map[string]string    // accounts the configuration lists, and whose they are
	disabled  map[string]bool      // by id, of those the configuration lists
}

// Replace puts a new set of listed people in force. It refuses two people with
// one id or one account, and leaves the old set in force then.
func (d *Directory) Replace(all []Person) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, err := listPeople(all)
	if err != nil {
		return err
	}
	d.listed = slices.Clone(all)
	next.join(d.links)
	d.now.Store(next)
	return nil
}

// SetLinks puts a new set of links in force. Where the configuration lists an
// account, a link of it to somebody else counts for nothing.
func (d *Directory) SetLinks(links []jit.Link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, err := listPeople(d.listed)
	if err != nil {
		return // cannot be: these were taken before
	}
	d.links = slices.Clone(links)
	next.join(d.links)
	d.now.Store(next)
}

func listPeople(all []Person) (*people, error) {
	next := &people{byID: map[string]*Person{}, byAccount: map[string]*Person{}, handles: map[string][]*Person{}, listed: map[string]string{}, disabled: map[string]bool{}}
	for i := range all {
		p := all[i]
		p.Accounts = slices.Clone(p.Accounts)
		if p.ID == "" || p.ID != strings.ToLower(p.ID) {
			return nil, fmt.Errorf("people: %q: an id is an e-mail in lower case", p.ID)
		}
		if next.byID[p.ID] != nil {
			return nil, fmt.Errorf("people: %s stands twice", p.ID)
		}
		next.add(&p)
		next.disabled[p.ID] = p.Disabled
		for _, a := range p.Accounts {
			if other := next.byAccount[a.String()]; other != nil {
				return nil, fmt.Errorf("people: account %s belongs to %s and %s; it can be one person's only", a, other.ID, p.ID)
			}
			next.byAccount[a.String()], next.listed[a.String()] = &p, p.ID
		}
	}
	return next, nil
}

func (d *people) add(p *Person) {
	d.byID[p.ID] = p
	handle, _, _ := strings.Cut(p.ID, "@")
	d.handles[handle] = append(d.handles[handle], p)
}

// join adds what links say to the people that are listed.
func (d *people) join(links []jit.Link) {
	gone := map[*Person]bool{}
	for _, l := range links {
		_, listed := d.listed[l.Account.String()]
		switch {
		case l.How == jit.ByConfig && !listed:
			// the configuration lists it no more
		case l.State == jit.LinkOn:
			d.connect(l)
		case l.Suspended():
			if p := d.part(l); p != nil && l.State == jit.LinkHeld && saysLeft(l) {
				gone[p] = true
			}
		case l.How != "": // it was proved once: the person is known, if not by this account
			d.person(l)
		}
	}
	for p := range gone {
		if len(p.Accounts) == 0 { // whoever has another account is still here
			p.Disabled = true
		}
	}
}

// connect makes an account its person's.
func (d *people) connect(l jit.Link) {
	if _, listed := d.listed[l.Account.String()]; listed {
		return // the configuration says whose it is, or says so no more
	}
	p := d.person(l)
	p.Accounts = append(p.Accounts, l.Account)
	d.byAccount[l.Account.String()] = p
}

// person is who a link is to.
func (d *people) person(l jit.Link) *Person {
	p := d.byID[l.Principal]
	if p == nil {
		p = &Person{Principal: jit.Principal{ID: l.Principal, Name: l.Name}}
		d.add(p)
	}
	return p
}

// part takes a suspended account from its person, and returns them.
func (d *people) part(l jit.Link) *Person {
	p := d.byAccount[l.Account.String()]
	if p == nil {
		return d.person(l)
	}
	delete(d.byAccount, l.Account.String())
	p.Accounts = slices.DeleteFunc(p.Accounts, func(a jit.Account) bool { return a == l.Account })
	return p
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

// Listed reports whether the configuration names a person, and whether it
// disables them.
func (d *Directory) Listed(id string) (listed, disabled bool) {
	disabled, listed = d.load().disabled[id]
	return listed, disabled
}

// ListedAccount says whose an account is by the configuration, if it lists it,
// suspended or not.
func (d *Directory) ListedAccount(a jit.Account) (principal string, listed bool) {
	principal, listed = d.load().listed[a.String()]
	return principal, listed
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
func (d *Directory) Name(id string) string { return orDefault(d.load().name(id), id) }

// name is what messages call a person; empty: nothing is known.
func (d *people) name(id string) string {
	if p := d.byID[id]; p != nil {
		return p.Name
	}
	return ""
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
