package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"jitbot/jit"
)

// Command is one `/jit ...` line taken apart. Which fields are set depends on
// the verb.
type Command struct {
	Verb      string
	Resources []string // request, break-glass, why
	ID        string   // of a request, grant or advance approval
	Person    string   // as typed: an e-mail, a handle or a mention
	Duration  time.Duration
	Until     time.Duration // advance: from now
	Reason    string
	Ticket    string
	At        string // as typed; empty: at once
	All       bool
	Yes       bool // a question was answered beforehand
	Resource  string
	Code      string // link: as typed
	Value     string // of an edit of the policy: as typed
}

// The verbs, in the order help shows them.
const (
	verbRequest    = "request"
	verbExtend     = "extend"
	verbEnd        = "end"
	verbCreds      = "creds"
	verbMine       = "mine"
	verbShow       = "show"
	verbTimeline   = "timeline"
	verbAgain      = "again"
	verbCancel     = "cancel"
	verbPending    = "pending"
	verbApprove    = "approve"
	verbDeny       = "deny"
	verbWhy        = "why"
	verbResources  = "resources"
	verbBreakGlass = "break-glass"
	verbReview     = "review"
	verbAdvance    = "advance"
	verbAdvances   = "advances"
	verbRevoke     = "revoke-advance"
	verbRetry      = "retry"
	verbAbandon    = "abandon"
	verbDrift      = "drift"
	verbSignIn     = "sign-in"
	verbAccounts   = "accounts"
	verbUnlink     = "unlink"
	verbLink       = "link"
	verbTokens     = "tokens"
	verbRevokeTok  = "revoke-token"
	verbHelp       = "help"
)

// usage says what a verb takes and does; help and error texts come from it.
type usage struct {
	verb, takes, does string
	parse             func(*Command, []string) error
}

// grammar is built anew each time: its parsers' errors quote it.
func grammar() []usage {
	return []usage{
		{verbRequest, "<resource>[,<resource>] [duration] <reason> [--for person] [--at time] [--ticket ID]", "ask for access", parseRequest},
		{verbExtend, "[grant] <duration> [reason]", "ask for more time", parseExtend},
		{verbEnd, "[grant] [reason]", "give access back now; --user, --resource or --all for those who may end other people's", parseEnd},
		{verbCreds, "[grant]", "get your credentials, once, on a private page", parseOptionalID},
		{verbMine, "", "your requests and grants", parseNothing},
		{verbShow, "<id>", "one request or grant in full", parseID},
		{verbTimeline, "<grant>", "everything about one grant and what was done with it, on a page for you alone", parseID},
		{verbAgain, "<request>", "ask for the same again", parseID},
		{verbCancel, "[request]", "withdraw a request that waits", parseOptionalID},
		{verbPending, "", "requests that wait for you", parseNothing},
		{verbApprove, "<request> [duration] [note]", "approve, perhaps for a shorter time, and say why", parseApprove},
		{verbDeny, "<request> <reason>", "deny, and say why", parseIDReason},
		{verbWhy, "<id> | <resource> [duration] [reason]", "what the policy says, rule by rule", parseWhy},
		{verbResources, "", "what you may ask for", parseNothing},
		{verbBreakGlass, "<resource> [duration] <reason>", "emergency access without approval; announced and reviewed", parseRequest},
		{verbReview, "<grant> <note>", "close the review of a break-glass", parseIDReason},
		{verbAdvance, "<person> <resource> <until> <cap>", "approve beforehand: `advance bo prod-db 2d 1h`", parseAdvance},
		{verbAdvances, "", "approvals given in advance", parseNothing},
		{verbRevoke, "<id>", "take an approval in advance back", parseID},
		{verbRetry, "<grant>", "try a failing grant again now", parseID},
		{verbAbandon, "<grant> [reason]", "give up on a grant that cannot be given", parseEnd},
		{verbDrift, "", "where the outside and jitbot do not agree; for admins and security", parseNothing},
		{verbSignIn, "[e-mail]", "say who you are; without a company sign-in, an admin confirms it", parsePerson},
		{verbAccounts, "", "which chat accounts were linked to whom; for admins", parseNothing},
		{verbUnlink, "<person or account>", "end the link of an account; for admins", parsePerson},
		{verbLink, "<code>", "let the command line on a machine of yours fetch your credentials", parseCode},
		{verbTokens, "[person]", "machines that may fetch your credentials; of others, for admins", parsePerson},
		{verbRevokeTok, "<id>", "have a machine fetch no more credentials", parseID},
		{verbHelp, "", "this list", parseNothing},
	}
}

// ParseCommand reads what was typed after /jit. Nothing typed is the verb
// help's sibling: an empty Verb, which opens the form. Errors are UserErrors.
func ParseCommand(text string) (Command, error) {
	if n := utf8.RuneCountInString(text); n > maxCommand {
		return Command{}, refuse(CodeBadInput, fmt.Sprintf("That is %d characters; a command may have %d.", n, maxCommand), "Shorten the reason and link to the rest.")
	}
	words := strings.Fields(clean(plainPunctuation.Replace(text)))
	if len(words) == 0 {
		return Command{}, nil
	}
	c := Command{Verb: strings.ToLower(words[0])}
	use, ok := usageOf(c.Verb)
	if !ok {
		return Command{}, unknownVerb(c.Verb)
	}
	rest, err := c.options(words[1:])
	if err != nil {
		return Command{}, err
	}
	if err := use.parse(&c, rest); err != nil {
		return Command{}, err
	}
	return c, nil
}

// plainPunctuation undoes what phones and desktops do to typed punctuation.
var plainPunctuation = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'", " —", " --", " –", " --", "\u00a0", " ")

func usageOf(verb string) (usage, bool) {
	for _, u := range grammar() {
		if u.verb == verb {
			return u, true
		}
	}
	return usage{}, false
}

func unknownVerb(verb string) *UserError {
	for _, u := range grammar() {
		if len(verb) > 1 && (strings.HasPrefix(u.verb, verb) || strings.HasPrefix(verb, u.verb)) {
			return refuse(CodeBadInput, fmt.Sprintf("I don't know %q.", Shorten(verb, 40)), fmt.Sprintf("Did you mean `/jit %s`? `/jit help` lists everything.", u.verb))
		}
	}
	return refuse(CodeBadInput, fmt.Sprintf("I don't know %q.", Shorten(verb, 40)), "`/jit help` lists everything.")
}

func badUse(verb, what string) *UserError {
	u, _ := usageOf(verb)
	return refuse(CodeBadInput, what, strings.TrimSpace(fmt.Sprintf("Write `/jit %s %s`", verb, u.takes))+".")
}

// options takes --name value and --name=value out of the words and returns the
// others in order.
func (c *Command) options(words []string) ([]string, error) {
	var rest []string
	for i := 0; i < len(words); i++ {
		name, value, hasValue := strings.Cut(words[i], "=")
		if name == "--all" || name == "--yes" {
			c.All, c.Yes = c.All || name == "--all", c.Yes || name == "--yes"
			continue
		}
		into := c.option(name)
		if into == nil {
			rest = append(rest, words[i])
			continue
		}
		if !hasValue {
			if i++; i == len(words) {
				return nil, badUse(c.Verb, name+" needs a value.")
			}
			value = words[i]
		}
		if len(value) > maxWord {
			return nil, badUse(c.Verb, name+" is too long.")
		}
		*into = value
	}
	return rest, nil
}

func (c *Command) option(name string) *string {
	switch name {
	case "--for", "--user":
		return &c.Person
	case "--at":
		return &c.At
	case "--ticket":
		return &c.Ticket
	case "--resource":
		return &c.Resource
	default:
		return nil
	}
}

func parseNothing(*Command, []string) error { return nil }

func parseID(c *Command, words []string) error {
	if len(words) != 1 {
		return badUse(c.Verb, "That needs one id.")
	}
	c.ID = words[0]
	return nil
}

// parsePerson reads one word that names a person or an account, or none.
func parsePerson(c *Command, words []string) error {
	if len(words) > 1 || len(words) == 1 && len(words[0]) > maxWord {
		return badUse(c.Verb, "That takes one name at most.")
	}
	if len(words) == 1 {
		c.Person = words[0]
	}
	return nil
}

// parseCode reads a code, which some people type in two words.
func parseCode(c *Command, words []string) error {
	c.Code = strings.Join(words, "")
	if c.Code == "" || len(c.Code) > maxWord {
		return badUse(c.Verb, "Which code?")
	}
	return nil
}

func parseOptionalID(c *Command, words []string) error {
	if len(words) > 1 {
		return badUse(c.Verb, "That takes one id at most.")
	}
	if len(words) == 1 {
		c.ID = words[0]
	}
	return nil
}

func parseIDReason(c *Command, words []string) error {
	if len(words) < 2 {
		return badUse(c.Verb, "That needs an id and a few words.")
	}
	c.ID = words[0]
	return c.reason(words[1:])
}

func parseRequest(c *Command, words []string) error {
	if len(words) == 0 {
		return badUse(c.Verb, "Which resource?")
	}
	for name := range strings.SplitSeq(words[0], ",") {
		if name = strings.ToLower(name); name != "" && !slices.Contains(c.Resources, name) {
			c.Resources = append(c.Resources, name)
		}
	}
	if len(c.Resources) == 0 || len(c.Resources) > maxBatch {
		return badUse(c.Verb, fmt.Sprintf("Name 1 to %d resources, with commas and no spaces between them.", maxBatch))
	}
	return c.durationAndReason(words[1:])
}

// maxBatch is how many resources one command may ask for.
const maxBatch = 10

func parseExtend(c *Command, words []string) error {
	if len(words) > 0 && !looksLikeDuration(words[0]) {
		c.ID, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return badUse(c.Verb, "How much longer?")
	}
	return c.durationAndReason(words)
}

func parseEnd(c *Command, words []string) error {
	if len(words) > 0 && strings.Contains(words[0], "_") { // as every id does: a mistyped one must not end another
		c.ID, words = words[0], words[1:]
	}
	return c.reason(words)
}

func parseApprove(c *Command, words []string) error {
	if len(words) == 0 {
		return badUse(c.Verb, "That needs the request's id.")
	}
	c.ID = words[0]
	return c.durationAndReason(words[1:])
}

func parseWhy(c *Command, words []string) error {
	if len(words) == 1 && strings.Contains(words[0], "_") {
		c.ID = words[0]
		return nil
	}
	return parseRequest(c, words)
}

func parseAdvance(c *Command, words []string) error {
	if len(words) != 4 {
		return badUse(c.Verb, "That needs a person, a resource, until when, and how long each time.")
	}
	c.Person, c.Resource = words[0], strings.ToLower(words[1])
	var err error
	if c.Until, err = duration(c.Verb, words[2]); err != nil {
		return err
	}
	c.Duration, err = duration(c.Verb, words[3])
	return err
}

// durationAndReason reads "1h the rest" or "the rest".
func (c *Command) durationAndReason(words []string) error {
	if len(words) > 0 && looksLikeDuration(words[0]) {
		d, err := duration(c.Verb, words[0])
		if err != nil {
			return err
		}
		c.Duration, words = d, words[1:]
	}
	return c.reason(words)
}

// looksLikeDuration takes anything that begins like a number for a duration, so
// that -1h or 90 is refused as one instead of becoming part of the reason.
func looksLikeDuration(word string) bool {
	digits := strings.TrimLeft(word, "+-.")
	return digits != "" && digits[0] >= '0' && digits[0] <= '9' || startsWithForeignDigit(word)
}

func startsWithForeignDigit(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return r > 127 && isDigit(r)
}

func duration(verb, word string) (time.Duration, error) {
	d, err := jit.ParseDuration(strings.ToLower(word))
	if err != nil {
		return 0, &UserError{
			Code: CodeBadInput, Say: fmt.Sprintf("%q is not a duration I can use.", Shorten(word, 40)),
			Hint: "Write it like 30m, 1h30m or 2d, from 1m to " + jit.FormatDuration(jit.MaxDuration) + ".", Cause: err,
		}
	}
	if d < time.Minute {
		return 0, badUse(verb, jit.FormatDuration(d)+" is too short; the shortest is 1m.")
	}
	return d, nil
}

func (c *Command) reason(words []string) error {
	c.Reason = unquote(strings.Join(words, " "))
	if n := utf8.RuneCountInString(c.Reason); n > maxReason {
		return refuse(CodeBadInput, fmt.Sprintf("Your reason has %d characters; the most is %d.", n, maxReason), "Keep the gist and link to the rest.")
	}
	return nil
}

func unquote(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
