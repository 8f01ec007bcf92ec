package wire

import (
	"fmt"
	"strings"
)

// Origin is the app and the workspace that jitbot serves. The zero value
// refuses every payload.
type Origin struct {
	Team       string // T…, or E… for an org-wide install
	Enterprise string // E…; empty: not compared
	App        string // A…
}

// Check refuses, with app.other, team.other or enterprise.other, what another
// app, workspace or organisation is meant to get; the cause names both ids.
// Slack signs with one secret a workspace's payloads and those of every other
// workspace the app is installed in, so the signature alone does not tell. In
// an org-wide install any workspace of the organisation is good. A
// [Command] with SSLCheck and an [Event] of type url_verification name no
// origin and need no check.
func (o Origin) Check(team, enterprise, app string) error {
	if o.App == "" || o.App != app {
		return other("app", app, o.App)
	}
	if strings.HasPrefix(o.Team, enterpriseID) {
		if o.Team != enterprise {
			return other("enterprise", enterprise, o.Team)
		}
		return nil
	}
	if o.Team == "" || o.Team != team {
		return other("team", team, o.Team)
	}
	// Some events leave the organisation out; the team is proof enough then.
	if o.Enterprise != "" && enterprise != "" && o.Enterprise != enterprise {
		return other("enterprise", enterprise, o.Enterprise)
	}
	return nil
}

func other(what, got, want string) error {
	return refuse(what+".other", fmt.Sprintf("the payload is for %s %q, this is %q", what, got, want))
}
