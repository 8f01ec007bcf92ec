package storagetest

import (
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

func newLink(user string) jit.Link {
	return jit.Link{
		Account: jit.Account{Platform: "slack", Team: "T1", User: user}, Principal: "ann@example.com",
		How: jit.BySignIn, By: "ann@example.com", LinkedAt: start, ChangedAt: start,
	}
}

func linkTo(l jit.Link, to jit.LinkState) *jit.Change {
	return legal(jit.Record(event(jit.EventLinked)), func(c *jit.Change) error { return c.Link(l, to) })
}

func (b *bench) link(account string) jit.Link {
	b.Helper()
	return look(b, func(v storage.View) (jit.Link, error) { return v.Link(account) })
}

func (b *bench) links(f storage.LinkFilter) []string {
	b.Helper()
	return ids(look(b, func(v storage.View) ([]jit.Link, error) { return v.Links(f) }), func(l jit.Link) string { return l.Account.String() })
}

var linkLaws = []law{
	{"a link comes back as it was saved, when it is new and when it moves on", func(b *bench) {
		want := newLink("U1")
		want.Name, want.Email, want.Because, want.AskedAt = "Ann <a>", "ann@example.org", "a\x00b", at(-1)
		for version, to := range []jit.LinkState{jit.LinkAsked, jit.LinkOn, jit.LinkHeld, jit.LinkOff} {
			want.ChangedAt, want.By = at(version), numbered("adm", version)
			b.save(linkTo(want, to))
			want.Version, want.State = int64(version+1), to
			b.equal(string(to), b.link("slack:T1/U1"), want)
		}
	}},
	{"a link that moved on since it was read is ErrConflict, and so is one nobody saved", func(b *bench) {
		b.save(linkTo(newLink("U1"), jit.LinkOn))
		stale, unknown := b.link("slack:T1/U1"), newLink("U2")
		b.save(linkTo(stale, jit.LinkHeld))
		ahead := b.link("slack:T1/U1")
		ahead.Version++
		unknown.Version, unknown.State = 1, jit.LinkOn
		for _, l := range []jit.Link{stale, ahead, unknown} {
			c := linkTo(l, jit.LinkOff)
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(c) })
		}
		b.equal("state", b.link("slack:T1/U1").State, jit.LinkHeld)
	}},
	{"a second link of one account is ErrConflict, whoever it names", func(b *bench) {
		b.save(linkTo(newLink("U1"), jit.LinkOn))
		second := newLink("U1")
		second.Principal = "bo@example.com"
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(linkTo(second, jit.LinkAsked)) })
		b.equal("principal", b.link("slack:T1/U1").Principal, "ann@example.com")
	}},
	{"of many who link one account at once one wins", func(b *bench) {
		won := b.race(16, func(i int, tx storage.Tx) error {
			l := newLink("U1")
			l.Principal = numbered("person", i)
			return tx.Save(linkTo(l, jit.LinkOn))
		})
		b.equal("principal", b.link("slack:T1/U1").Principal, numbered("person", won))
	}},
	{"accounts that differ in platform, team or user have links of their own", func(b *bench) {
		for i, a := range []jit.Account{{Platform: "slack", Team: "T1", User: "U1"}, {Platform: "slack", Team: "T2", User: "U1"}, {Platform: "web", User: "U1"}} {
			l := newLink("")
			l.Account, l.Principal = a, numbered("person", i)
			b.save(linkTo(l, jit.LinkOn))
			b.equal(a.String(), b.link(a.String()).Principal, numbered("person", i))
		}
	}},
	{"links are listed in order of their accounts and chosen by every field of the filter", func(b *bench) {
		for i, user := range []string{"U3", "U1", "U2"} {
			l := newLink(user)
			if i == 1 {
				l.Principal = "bo@example.com"
			}
			b.save(linkTo(l, jit.LinkOn))
		}
		web := newLink("")
		web.Account = jit.Account{Platform: "web", User: "ann"}
		b.save(linkTo(web, jit.LinkAsked))
		held := b.link("slack:T1/U3")
		b.save(linkTo(held, jit.LinkHeld))
		for name, c := range map[string]struct {
			filter storage.LinkFilter
			want   []string
		}{
			"all":       {storage.LinkFilter{}, []string{"slack:T1/U1", "slack:T1/U2", "slack:T1/U3", "web:ann"}},
			"limit":     {storage.LinkFilter{Limit: 2}, []string{"slack:T1/U1", "slack:T1/U2"}},
			"principal": {storage.LinkFilter{Principal: "ann@example.com"}, []string{"slack:T1/U2", "slack:T1/U3", "web:ann"}},
			"platform":  {storage.LinkFilter{Platform: "web"}, []string{"web:ann"}},
			"state":     {storage.LinkFilter{States: []jit.LinkState{jit.LinkHeld}}, []string{"slack:T1/U3"}},
			"states":    {storage.LinkFilter{States: []jit.LinkState{jit.LinkAsked, jit.LinkHeld}}, []string{"slack:T1/U3", "web:ann"}},
			"together":  {storage.LinkFilter{Principal: "ann@example.com", Platform: "slack", States: []jit.LinkState{jit.LinkOn}}, []string{"slack:T1/U2"}},
			"none":      {storage.LinkFilter{Principal: "cy@example.com"}, []string{}},
		} {
			b.equal(name, b.links(c.filter), c.want)
		}
	}},
	{"an account that another person links is listed as theirs alone", func(b *bench) {
		b.save(linkTo(newLink("U1"), jit.LinkOn))
		b.save(linkTo(b.link("slack:T1/U1"), jit.LinkOff))
		next := b.link("slack:T1/U1")
		next.Principal = "bo@example.com"
		b.save(linkTo(next, jit.LinkOn))
		b.equal("before", len(b.links(storage.LinkFilter{Principal: "ann@example.com"})), 0)
		b.equal("now", b.links(storage.LinkFilter{Principal: "bo@example.com"}), []string{"slack:T1/U1"})
	}},
	{"a list of links without a limit ends at ten thousand", func(b *bench) {
		changes := make([]*jit.Change, 10_001)
		for i := range changes {
			changes[i] = linkTo(newLink(fmt.Sprintf("U%05d", i)), jit.LinkOn)
		}
		b.save(changes...)
		got := b.links(storage.LinkFilter{})
		b.equal("links", len(got), 10_000)
		b.equal("last", got[9_999], "slack:T1/U09999")
	}},
}

func newSignIn(token string) jit.SignIn {
	return jit.SignIn{
		TokenSHA256: token, Purpose: jit.SignInLink, Account: jit.Account{Platform: "slack", Team: "T1", User: "U1"},
		AccountName: "ann", CreatedAt: start, ExpiresAt: at(10),
	}
}

func signIn(s jit.SignIn) *jit.Change {
	c := jit.Record(event(jit.EventSignInOffered))
	c.SignIn(s)
	return c
}

func (b *bench) signIn(token string) jit.SignIn {
	b.Helper()
	return look(b, func(v storage.View) (jit.SignIn, error) { return v.SignIn(token) })
}

var signInLaws = []law{
	{"a sign-in comes back as it was offered, as it was verified and as it was used", func(b *bench) {
		want := newSignIn("ab12")
		want.Purpose, want.Request, want.Duration = jit.SignInApprove, "req_1", time.Hour
		keep := func(what string) {
			b.save(signIn(want))
			want.Version++
			b.equal(what, b.signIn("ab12"), want)
		}
		keep("offered")
		want.Principal, want.Name, want.VerifiedAt, want.Browser = "ann@example.com", "Ann", at(1), "cd34"
		keep("verified")
		want.UsedAt = at(2)
		keep("used")
	}},
	{"a sign-in is verified once and used once, however many try at once", func(b *bench) {
		b.save(signIn(newSignIn("ab12")))
		offered := b.signIn("ab12")
		won := b.race(16, func(i int, tx storage.Tx) error {
			s := offered
			s.VerifiedAt, s.Browser = at(1), numbered("browser", i)
			return tx.Save(signIn(s))
		})
		verified := b.signIn("ab12")
		b.equal("browser", verified.Browser, numbered("browser", won))
		won = b.race(16, func(i int, tx storage.Tx) error {
			s := verified
			s.UsedAt = at(2).Add(time.Duration(i) * time.Second)
			return tx.Save(signIn(s))
		})
		b.equal("used", b.signIn("ab12").UsedAt, at(2).Add(time.Duration(won)*time.Second))
	}},
	{"a sign-in that was used is never written again", func(b *bench) {
		s := newSignIn("ab12")
		s.UsedAt = at(1)
		b.save(signIn(s))
		s = b.signIn("ab12")
		for _, used := range []time.Time{{}, at(1), at(2)} {
			s.UsedAt = used
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(signIn(s)) })
		}
		b.equal("used", b.signIn("ab12").UsedAt, at(1))
	}},
	{"a sign-in that was never offered, is offered again or did not get that far is ErrConflict", func(b *bench) {
		never, ahead := newSignIn("cd34"), newSignIn("ab12")
		never.Version, ahead.Version = 1, 2
		b.save(signIn(newSignIn("ab12")))
		for _, s := range []jit.SignIn{never, ahead, newSignIn("ab12")} {
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(signIn(s)) })
		}
	}},
	{"links and sign-ins are there after the store was opened again", func(b *bench) {
		b.save(linkTo(newLink("U1"), jit.LinkOn), signIn(newSignIn("ab12")))
		link, offered := b.link("slack:T1/U1"), b.signIn("ab12")
		b.again()
		b.equal("link", b.link("slack:T1/U1"), link)
		b.equal("sign-in", b.signIn("ab12"), offered)
	}},
}

// race runs n writes at once, of which one may win while the others are
// ErrConflict, and returns its number.
func (b *bench) race(n int, fn func(i int, tx storage.Tx) error) (winner int) {
	b.Helper()
	results := make([]error, n)
	b.together(n, func(i int) {
		results[i] = b.Write(b.Context(), func(tx storage.Tx) error { return fn(i, tx) })
	})
	winner = slices.Index(results, nil)
	for i, err := range results {
		switch {
		case i == winner:
		case err == nil:
			b.Fatalf("%d won, and so did %d", winner, i)
		default:
			b.is(err, storage.ErrConflict)
		}
	}
	if winner < 0 {
		b.Fatalf("nobody won: %v", results[0])
	}
	return winner
}

// again closes the store and opens it anew.
func (b *bench) again() {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatal(err)
	}
	b.Store = b.reopen(b.T)
}
