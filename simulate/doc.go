// Package simulate makes up an organisation with a past: people in teams and
// time zones, a policy with problems of every class that analyses look for, each
// with a twin that only looks like one, and weeks of requests and of what was
// done with them, as noisy as logs are. It knows the truth, so that analyses can
// be scored.
//
// All of it follows from a seed: the same options make the same bytes.
package simulate

import (
	"fmt"
	"time"

	"jitbot/history"
	"jitbot/policy"
)

// Options say how large an organisation is and how long its past. The zero value
// of a field is what [Options] says.
type Options struct {
	Seed   uint64    // 0: 1
	People int       // 20 to 2,000; 0: 200
	Rules  int       // 10 to 200; 0: 40
	Weeks  int       // 4 to 52; 0: 26
	Until  time.Time // the past ends here; needed
	// Clean leaves out the noise of logs.
	Clean bool
}

// Check reports what is wrong with o, for people.
func (o Options) Check() error {
	for _, f := range []struct {
		name           string
		n, least, most int
	}{{"people", o.People, 20, 2000}, {"rules", o.Rules, 10, 200}, {"weeks", o.Weeks, 4, 52}} {
		if f.n != 0 && (f.n < f.least || f.n > f.most) {
			return fmt.Errorf("%s: %d is not between %d and %d", f.name, f.n, f.least, f.most)
		}
	}
	if o.Until.IsZero() {
		return fmt.Errorf("until: say when the past ends")
	}
	return nil
}

func (o Options) filled() Options {
	or := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	or(&o.People, 200)
	or(&o.Rules, 40)
	or(&o.Weeks, 26)
	o.Until = o.Until.UTC()
	return o
}

// Org is an organisation. It is not changed once it is made.
type Org struct {
	Options
	From   time.Time // the past begins here
	YAML   []byte    // of the policy
	Policy *policy.Policy
	Lines  []history.Line // by their time
	Deeds  []Deed         // what was done, in the order in which it became known
	Truth  Truth

	teams    []team
	areas    []*area
	files    map[string]string // that the policy names, by name
	accounts []account
	asked    []*ask // by their time
}

// New makes an organisation.
func New(o Options) (*Org, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	g := &Org{Options: o.filled(), files: map[string]string{}}
	g.From = g.Until.AddDate(0, 0, -7*g.Weeks)
	g.staff()
	g.plan()
	if err := g.writePolicy(); err != nil {
		return nil, err
	}
	if err := g.live(); err != nil {
		return nil, err
	}
	g.act()
	g.judge()
	return g, nil
}
