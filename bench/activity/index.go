package activity

import (
	"fmt"
	"strings"
)

// mark is what tells whose a record is: the account, the role's ARN, and the
// person's name.
type mark struct{ account, role, person string }

// span is one grant's access.
type span struct {
	id       int
	from, to int64
}

// index finds grants by marks.
type index struct{ by map[mark][]span }

// NewIndex makes the index of the grants.
func NewIndex(grants []Grant) *index {
	x := &index{map[mark][]span{}}
	for _, g := range grants {
		m := mark{g.Account, roleARN(g), g.User}
		x.by[m] = append(x.by[m], span{g.ID, g.From.Unix(), g.To.Unix()})
	}
	return x
}

func roleARN(g Grant) string {
	return "arn:aws:iam::" + g.Account + ":role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_" + g.Role + "_0123456789abcdef"
}

// skew is how far the clock of a log may be off, as jitbot has it.
const skew = 180

// find returns -1 where a record is nobody's: as jitbot has it, of grants that
// ran at once the one that began last is meant.
func (x *index) find(m mark, at int64) int {
	found, began := -1, int64(0)
	for _, s := range x.by[m] {
		if at >= s.from-skew && at <= s.to+skew && (found < 0 || s.from > began || s.from == began && s.id > found) {
			found, began = s.id, s.from
		}
	}
	return found
}

// counts are records by grant and action.
type counts map[countKey]*int

type countKey struct {
	grant         int
	service, verb string
}

func (c counts) add(grant int, service, verb string) {
	if n := c[countKey{grant, service, verb}]; n != nil {
		*n++
		return
	}
	one := 1
	c[countKey{grant, strings.Clone(service), strings.Clone(verb)}] = &one
}

func (c counts) plain() map[string]int {
	out := map[string]int{}
	for k, n := range c {
		out[fmt.Sprintf("%d %s:%s", k.grant, k.service, k.verb)] = *n
	}
	return out
}
