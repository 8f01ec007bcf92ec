// Package review measures what the weekly review stands on: summaries that are
// kept while activity is read, so that no row has to be read again.
package review

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"time"
)

// action is one thing done: the inputs of the goals, made anew from their
// description. Numbers are indexes into what there is of each.
type action struct {
	at     time.Time
	grant  int // -1: nobody's
	role   int
	user   int
	action int
	ro     bool
	id     [16]byte
}

const (
	grants  = 10_000
	actions = 480
	users   = 800
	roles   = 5
	seconds = 7 * 86400
)

var monday = time.Date(2026, 9, 21, 0, 0, 0, 0, time.UTC)

// rows is how many actions there are: JIT_BENCH_ROWS, or ten million.
func rows() int {
	if n, err := strconv.Atoi(os.Getenv("JIT_BENCH_ROWS")); err == nil && n > 0 {
		return n
	}
	return 10_000_000
}

func used(grant int) bool { return grant%4 != 0 }

func roleOf(grant int) int { return int(int32(grant) * 2654435 % 5 & 0x7fffffff % 5) }

func roleARN(role int) string { return fmt.Sprintf("arn:aws:iam::111122223333:role/Role%d", role) }

func email(user int) string { return fmt.Sprintf("user%04d@example.com", user) }

func verb(a int) string {
	return fmt.Sprintf("%s%d", []string{"Describe", "List", "Get", "Create", "Update", "Delete"}[a%6], a%24/6)
}

func service(a int) string { return fmt.Sprintf("svc%02d", a/24) }

// each calls fn for n actions in about the order in which they would be told.
func each(n int, fn func(i int, a *action)) {
	random := rand.New(rand.NewSource(11))
	zipf := rand.NewZipf(random, 1.2, 8, actions-1)
	var a action
	for i := range n {
		random.Intn(40)
		a = action{
			at:   monday.Add(time.Duration(int64(i)*seconds/int64(n)) * time.Second),
			user: random.Intn(users), action: int(zipf.Uint64()), grant: -1,
		}
		if random.Intn(100) < 80 { // grants are used for a few hours: those near this point of the week
			if g := int(int64(i)*grants/int64(n)) + random.Intn(200) - 100; g >= 0 && g < grants && used(g) {
				a.grant = g
			}
		}
		a.ro = a.action%6 < 3
		if a.grant >= 0 {
			a.role, a.user = roleOf(a.grant), a.grant%users
		} else {
			a.role = random.Intn(roles)
		}
		binary.LittleEndian.PutUint64(a.id[:], random.Uint64())
		binary.LittleEndian.PutUint64(a.id[8:], random.Uint64())
		fn(i, &a)
	}
}
