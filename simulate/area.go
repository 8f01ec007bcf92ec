package simulate

import (
	"fmt"
	"slices"
	"time"

	"jitbot/analysis"
)

// problem is what was planted in an area, or its twin, which only looks like it.
type problem struct {
	class analysis.Class
	twin  bool
}

// grantee is a group that a rule lets ask.
type grantee struct {
	team   int
	share  float64       // of the area's requests
	refuse float64       // how often its requests are denied
	idle   float64       // how often it uses nothing; 0: as often as the area says
	span   time.Duration // median of how long it uses it; 0: as the area says
}

// area is one rule with its resource, and how people behave there.
type area struct {
	n                         int
	id, resource, sensitivity string
	account                   account
	services                  []string
	dead                      string // a service that is granted and not used
	limited                   bool   // there is a session policy
	scoped                    bool   // it is said what the resource is for

	owner    int // team that asks for it, and whose leads approve
	keeper   int // team whose leads own the resource
	grantees []grantee
	extra    *person // approves beside the owner's leads

	max, byDefault time.Duration // byDefault 0: not said
	ticket         bool          // an open ticket is needed
	glass          bool          // there is a break_glass
	extends        bool
	keep           bool // it is for rare days, and says so

	perWeek     float64
	refuse      float64
	answer      time.Duration // median until somebody answers
	answerSigma float64
	slow        float64 // share that waits for longer than a quarter of an hour
	favourite   float64 // share of the answers that one approver gives
	extraAt     float64 // share of the answers that the extra approver gives
	unused      float64
	span        time.Duration // median of how long it is used; 0: by what was granted
	spanSigma   float64
	short       float64 // share of grants that did not last
	lookOnly    float64 // share of reasons that speak of looking only
	honest      bool    // who says so does no more
	content     bool    // nobody asks for more than the default
	starving    bool    // emergencies come of requests that nobody answered
	partly      bool    // one group uses what it is given, and the other does not
	varied      bool    // there is always something new to be done
	console     bool    // most only sign in to a console
	young       bool    // the rule has stood for three weeks
	leaves      bool    // the extra approver went on leave two months ago
	unseen      bool    // what is done there is done with data, and begins with a look at the list
	few         bool    // of the requests, which are many, those of a small group are another matter
	begins      int     // weeks before the end; 0: it was always there
	lone        bool    // one approver does it all

	// Of places in a policy that stands.
	length  time.Duration // that is asked for
	urgent  bool          // reasons name an incident
	asks    string        // whom a request is shown to
	through string        // the role

	problems []problem
	marked   map[problem]string   // the grants with which single things went wrong
	shows    map[problem][]string // ids of the deeds that show it, of which one is enough
	door     bool                 // it was nobody's grant
}

func (a *area) has(class analysis.Class, twin bool) bool {
	return slices.Contains(a.problems, problem{class, twin})
}

// about reports whether a class or its twin is planted.
func (a *area) about(classes ...analysis.Class) bool {
	return slices.ContainsFunc(a.problems, func(p problem) bool { return slices.Contains(classes, p.class) })
}

func (a *area) role() string {
	if a.through != "" {
		return a.through
	}
	return "arn:aws:iam::" + a.account.id + ":role/jit-" + a.resource
}

// key names the area; of a policy that stands, several may be of one resource.
func (a *area) key() string {
	if a.asks != "" {
		return fmt.Sprint(a.resource, " ", a.n)
	}
	return a.resource
}

// actions are what ordinary work in the area does, the most frequent first.
func (a *area) actions() []deedKind {
	var out []deedKind
	for at := range 5 {
		for _, s := range a.services {
			if kinds := services[s]; at < len(kinds) && s != a.dead {
				out = append(out, kinds[at])
			}
		}
	}
	return out
}
