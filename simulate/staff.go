package simulate

import (
	"fmt"
	"strings"
	"time"
)

// account is an AWS account, and what its logs tell.
type account struct {
	id    string
	trail bool // told by CloudTrail without data events; else by a system that tells all
}

// person is somebody. home are the networks they mostly come from.
type person struct {
	email, name, zone string
	loc               *time.Location
	home              []string
	travels           bool // each time from somewhere else
}

// team are people who do the same work, and those who approve for them.
type team struct {
	name    string
	members []*person
	leads   []*person
}

func (t team) group() string     { return "group:" + t.name }
func (t team) leadGroup() string { return "group:" + t.name + "-leads" }

var (
	zones      = []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Europe/London", "America/Los_Angeles", "Australia/Sydney"}
	teamNames  = []string{"payments", "search", "platform", "data", "mobile", "billing", "identity", "growth", "risk", "infra", "catalog", "delivery", "support", "ledger", "media", "network", "reports", "orders", "pricing", "fraud"}
	firstNames = []string{"ada", "ben", "cleo", "dan", "eva", "finn", "gina", "hugo", "iris", "jon", "kira", "leo", "mia", "noah", "olga", "paul", "rosa", "sven", "tara", "udo", "vera", "will", "yara", "zeno"}
	lastNames  = []string{"ames", "brandt", "cho", "dietz", "egan", "falk", "gray", "huber", "ito", "jansen", "kaur", "lopez", "moreau", "novak", "okafor", "petit", "quinn", "rossi", "silva", "tanaka", "usman", "vogel", "weber", "young"}
)

const leadsPerTeam = 5

// staff hires people, and opens accounts.
func (g *Org) staff() {
	c := newChance(g.Seed, "staff")
	n := 0
	for size := max(2, min(60, g.People/20)); len(g.teams) < size; {
		i := len(g.teams)
		t := team{name: teamNames[i%len(teamNames)]}
		if again := i / len(teamNames); again > 0 {
			t.name += fmt.Sprint("-", again+1)
		}
		zone := zones[c.IntN(len(zones))]
		for k := range g.People/size + extra(i, g.People%size) {
			p := newPerson(c, n, zone)
			if n++; k < leadsPerTeam {
				t.leads = append(t.leads, p)
			} else {
				t.members = append(t.members, p)
			}
		}
		g.teams = append(g.teams, t)
	}
	for i := range 2 + g.Rules/25 {
		g.accounts = append(g.accounts, account{id: fmt.Sprintf("%012d", 100000000001+uint64(i)*111111111), trail: i%2 == 1})
	}
}

func extra(i, left int) int {
	if i < left {
		return 1
	}
	return 0
}

// newPerson is the n-th person. Some names begin with the whole name of another.
func newPerson(c chance, n int, zone string) *person {
	if c.yes(.15) {
		zone = pick(c, zones)
	}
	like := n
	if n%9 == 8 {
		like-- // jon.weber, jon.webern: no one is the other
	}
	first, last := firstNames[like%len(firstNames)], lastNames[(like/len(firstNames)+like)%len(lastNames)]
	last += strings.Repeat("a", like/(len(firstNames)*len(lastNames)))
	if like < n {
		last += "n"
	}
	local := first + "." + last
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	p := &person{email: local + "@example.com", zone: zone, loc: loc, travels: c.yes(.08), name: strings.ToUpper(first[:1]) + first[1:] + " " + strings.ToUpper(last[:1]) + last[1:]}
	p.home = []string{fmt.Sprintf("10.%d.%d", 20+n%200, n/200), fmt.Sprintf("81.%d.%d", 2+n%250, n%7)}
	return p
}

// office is a network that many come from.
func office(t int) string { return fmt.Sprintf("198.51.%d", t) }
