package simulate

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// writeConfig writes a configuration that commands without a network can use.
func (g *Org) writeConfig(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# A simulated organisation. Nothing in it is reached over a network.\nlisten: 127.0.0.1:8080\ndata: data\npolicy: policy.yaml\n\npeople:\n")
	for _, t := range g.teams {
		for _, p := range append(append([]*person{}, t.members...), t.leads...) {
			local, _, _ := strings.Cut(p.email, "@")
			fmt.Fprintf(&b, "  %s: {name: %s, accounts: [\"web:%s\"], title: %s, zone: %s}\n", p.email, p.name, local, t.name, p.zone)
		}
	}
	security := g.teams[0].leads[0].email
	fmt.Fprintf(&b, "\nadmins: [%s]\nsecurity: [%s]\n", security, security)
	b.WriteString("channels: {default: access, alerts: security}\nweb: {enabled: true, workspace: simulated, channels: [access, security]}\naws: {region: eu-central-1}\ntickets: {path: tickets.yaml}\n\nactivity:\n")
	b.WriteString("  jsonl:\n    plain:\n      path: activity.jsonl\n      trust_grant: true\n      watch:\n        resources:\n")
	for _, a := range g.areas {
		if !a.account.trail {
			fmt.Fprintf(&b, "          - %s\n", a.resource)
		}
	}
	b.WriteString("  cloudtrail:   # data events are not logged there\n")
	for _, a := range g.accounts {
		if a.trail {
			fmt.Fprintf(&b, "    trail-%s: {s3: {bucket: simulated-trail, accounts: [%q], regions: [eu-central-1]}}\n", a.id, a.id)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err //nolint:wrapcheck // the caller names the file
}

// writeReadme says what to do with the folder.
func (g *Org) writeReadme(w io.Writer) error {
	var b strings.Builder
	until := stamp(g.toldUntil())
	fmt.Fprintf(&b, "A simulated organisation: seed %d, %d people, %d rules, %d weeks until %s.\n", g.Seed, g.People, g.Rules, g.Weeks, stamp(g.Until))
	b.WriteString("All of it is made up. The same seed makes the same bytes.\n\n" + contents + "\nTo read it, in this folder:\n\n")
	b.WriteString("  bot history import history.jsonl --config config.yaml\n")
	fmt.Fprintf(&b, "  bot activity import activity.jsonl --config config.yaml --source plain --until %s\n", until)
	for _, a := range g.accounts {
		if a.trail {
			fmt.Fprintf(&b, "  bot activity import cloudtrail/%s.json.gz --config config.yaml --source trail-%s --until %s\n", a.id, a.id, until)
		}
	}
	fmt.Fprintf(&b, "  bot policy suggest --config config.yaml\n  bot review --config config.yaml --week %s\n", lastWeek(g.Until))
	b.WriteString("\nThe first keeps the requests, the second and those like it what was done, in the folder data.\nThe last two change nothing: the edits that the past speaks for, and the week's review.\n")
	_, err := io.WriteString(w, b.String())
	return err //nolint:wrapcheck // the caller names the file
}

// contents are the files of the folder.
const contents = `  policy.yaml         the policy, as people write one who have worked on it for years
  policies/           session policies that it names
  config.yaml         a configuration without a network
  tickets.yaml        the tickets that requests name
  history.jsonl       requests, answers and grants, a line each: docs/history-format.md
  activity.jsonl      what was done in accounts of which a log tells all: docs/activity-format.md
  cloudtrail/         what was done in the others, as CloudTrail without data events tells it
  truth.json          what is wrong in it: class, rule, subject, since when, and the edit that
                      settles it; and under "innocent" what only looks so and must not be found

Logs are as logs are: 1% comes late, 0.5% twice, 2% is lost, 3% of what the plain log tells is
said to be another grant's, six hours of one account are missing, a clock is three minutes off,
and two people change their names.
`

// lastWeek is the week before an instant, as bot review calls it.
func lastWeek(until time.Time) string {
	y, w := until.AddDate(0, 0, -1).ISOWeek()
	return fmt.Sprintf("%d-W%02d", y, w)
}

// writeTickets writes the tickets that requests name, as a tracker would export
// them: they are closed by now.
func (g *Org) writeTickets(w io.Writer) error {
	var b strings.Builder
	b.WriteString("tickets:\n")
	seen := map[string]bool{}
	for i := range g.Lines {
		if l := &g.Lines[i]; l.Ticket != "" && !seen[l.Ticket] {
			seen[l.Ticket] = true
			fmt.Fprintf(&b, "  - {id: %s, open: false, assignee: %s}\n", l.Ticket, l.User)
		}
	}
	if len(seen) == 0 {
		b.Reset()
		b.WriteString("tickets: []\n")
	}
	_, err := io.WriteString(w, b.String())
	return err //nolint:wrapcheck // the caller names the file
}
