package wire

// Bounds that keep what comes from outside small. Slack promises no lengths
// for ids; those seen have at most 13 characters.
const (
	maxID     = 32   // team, user, channel, app, view, user group
	maxToken  = 255  // trigger ids, hashes and other opaque texts
	maxCustom = 255  // block_id, action_id, callback_id, external_id: Slack's limit
	maxData   = 3000 // private_metadata: Slack's limit, in characters
	maxURL    = 3000 // Slack's limit for the URL of a button
)

// What the ids of things begin with.
const (
	teamID       = "T"
	enterpriseID = "E"
	appID        = "A"
	userID       = "UW"
	channelID    = "CDG"
	viewID       = "V"
	subteamID    = "S"
)

// isID reports whether s is one of the given first letters, then capitals and
// digits, at least one.
func isID(s, first string) bool {
	if len(s) < 2 || len(s) > maxID {
		return false
	}
	for i := range len(first) {
		if s[0] == first[i] {
			return allOf(s[1:], func(c byte) bool { return c >= 'A' && c <= 'Z' || isDigit(c) })
		}
	}
	return false
}

// isTS reports whether s is an instant as Slack writes it: 1531420618.000100.
func isTS(s string) bool {
	dots := 0
	for i := range len(s) {
		if s[i] == '.' {
			dots++
		} else if !isDigit(s[i]) {
			return false
		}
	}
	return len(s) <= maxID && dots <= 1 && len(s) > dots && s[0] != '.' && s[len(s)-1] != '.'
}

// isToken reports whether s can be an opaque text of Slack's: visible ASCII.
func isToken(s string) bool {
	return s != "" && len(s) <= maxToken && allOf(s, isVisible)
}

func isURL(s string) bool {
	return len(s) > len("https://") && len(s) <= maxURL && allOf(s, isVisible)
}

func isDigit(c byte) bool   { return c >= '0' && c <= '9' }
func isVisible(c byte) bool { return c > ' ' && c < 0x7f }

func allOf(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// checks collects the first thing that is wrong with the fields of a payload.
// The causes name fields, never what is in them.
type checks struct{ refusal *Refusal }

func (c *checks) fail(code, field, what string) {
	if c.refusal == nil {
		c.refusal = refuse(code, field+" "+what)
	}
}

// need takes a field that must be there.
func (c *checks) need(field, value string, ok bool) {
	if value == "" {
		c.fail("field.missing", field, "is missing")
		return
	}
	c.may(field, value, ok)
}

// may takes a field that can be absent, which is as good as empty or null.
func (c *checks) may(field, value string, ok bool) {
	if value != "" && !ok {
		c.fail("field.bad", field, "is not of the form it has at Slack")
	}
}

// short takes a text of ours that Slack hands back.
func (c *checks) short(field, value string, most int) {
	if len(value) > 4*most { // bytes of most characters
		c.fail("field.bad", field, "is longer than Slack allows")
	}
}

// err is nil for nothing wrong.
func (c *checks) err() error {
	if c.refusal == nil {
		return nil
	}
	return c.refusal
}

// origin takes the ids that every payload of Slack's carries. Only an install
// for a whole organisation leaves the team out, and then says which one.
func (c *checks) origin(team, enterprise, app string, wide bool) {
	if team == "" && wide {
		c.need("enterprise", enterprise, true)
	} else {
		c.need("team", team, isID(team, teamID))
	}
	c.may("enterprise", enterprise, isID(enterprise, enterpriseID))
	c.may("api_app_id", app, isID(app, appID))
}
