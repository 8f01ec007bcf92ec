package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// events says what each file under testdata is.
var events = map[string]Event{
	"event_app_home_opened.json": happened("Ev08MFMKH6", Inner{
		Type: "app_home_opened", User: "U2CERLKJA", Tab: "home", ViewID: "VPASKP233", ViewHash: "1231232323.12321312", Channel: "D0LAN2Q65",
	}),
	"event_user_change.json":             happened("Ev08MFMKH7", Inner{Type: "user_change", User: "U2CERLKJA", Team: "T1DC2JH3J"}),
	"event_subteam_members_changed.json": happened("Ev08MFMKH8", Inner{Type: "subteam_members_changed", Team: "T1DC2JH3J", Subteam: "S0614TZR7"}),
	"event_subteam_updated.json":         happened("Ev08MFMKH9", Inner{Type: "subteam_updated", Team: "T1DC2JH3J", Subteam: "S0614TZR7"}),
	"event_app_uninstalled.json":         happened("Ev08MFMKHA", Inner{Type: "app_uninstalled"}),
	"event_tokens_revoked.json":          happened("Ev08MFMKHB", Inner{Type: "tokens_revoked"}),
	"event_unused_type.json":             happened("Ev08MFMKHC", Inner{Type: "star_added"}),
	"url_verification.json":              {Type: URLVerification, Challenge: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"},
	"app_rate_limited.json":              {Type: AppRateLimited, Team: "T1DC2JH3J", App: "A0KRD7HC3", minute: "1518467820"},
}

func happened(id string, i Inner) Event {
	return Event{Type: EventCallback, ID: id, Team: "T1DC2JH3J", App: "A0KRD7HC3", Inner: i}
}

func TestEventsAreTakenApart(t *testing.T) {
	t.Parallel()
	for name, want := range events {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseEvent(file(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Event{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnEventOfAnOrganisationMayHaveNoTeam(t *testing.T) {
	t.Parallel()
	whole := string(file(t, "event_app_uninstalled.json"))
	whole = strings.Replace(whole, `"team_id": "T1DC2JH3J", "api_app_id"`, `"team_id": null, "api_app_id"`, 1)
	whole = strings.Replace(whole, `"enterprise_id": null`, `"enterprise_id": "E12KS1G65"`, 1)
	if got := code(t, errOf(ParseEvent([]byte(whole)))); got != "field.missing" {
		t.Errorf("without a team: %q", got)
	}
	e, err := ParseEvent([]byte(strings.Replace(whole, `"is_enterprise_install": false`, `"is_enterprise_install": true`, 1)))
	if err != nil || e.Team != "" || e.Enterprise != "E12KS1G65" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestAnEventWithoutWhatItNeedsIsRefused(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]edit{
		"no outer type":               {"url_verification.json", `"type"`, `"kind"`, "field.missing"},
		"an unknown outer type":       {"url_verification.json", `"url_verification"`, `"message"`, "type.unknown"},
		"no challenge":                {"url_verification.json", `"challenge"`, `"c"`, "field.missing"},
		"a challenge with markup":     {"url_verification.json", `3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P`, `a\r\nb`, "field.bad"},
		"no event":                    {"event_app_uninstalled.json", `"event": {`, `"e": {`, "field.missing"},
		"a null for an event":         {"event_app_uninstalled.json", `"event": {`, `"event": null, "e": {`, "field.missing"},
		"a text for an event":         {"event_app_uninstalled.json", `"event": {`, `"event": "x", "e": {`, "json.type"},
		"no inner type":               {"event_app_uninstalled.json", `"type": "app_uninstalled"`, `"t": 1`, "field.missing"},
		"a number for an inner type":  {"event_app_uninstalled.json", `"type": "app_uninstalled"`, `"type": 1`, "json.type"},
		"no event id":                 {"event_app_uninstalled.json", `"event_id"`, `"id"`, "field.missing"},
		"an event id with a space":    {"event_app_uninstalled.json", `Ev08MFMKHA`, `Ev 1`, "field.bad"},
		"no app":                      {"event_app_uninstalled.json", `"api_app_id"`, `"app"`, "field.missing"},
		"no team":                     {"event_app_uninstalled.json", `"team_id": "T1DC2JH3J", "api_app_id"`, `"api_app_id"`, "field.missing"},
		"no user opens the home":      {"event_app_home_opened.json", `"user": "U2CERLKJA"`, `"user": null`, "field.missing"},
		"a user that is none":         {"event_app_home_opened.json", `"user": "U2CERLKJA"`, `"user": "x"`, "field.bad"},
		"a tab that is none":          {"event_app_home_opened.json", `"tab": "home"`, `"tab": "about"`, "field.bad"},
		"the messages tab":            {"event_app_home_opened.json", `"tab": "home"`, `"tab": "messages"`, ""},
		"a home never shown before":   {"event_app_home_opened.json", `"view": {`, `"view": null, "v": {`, ""},
		"a channel object":            {"event_app_home_opened.json", `"channel": "D0LAN2Q65"`, `"channel": {"id": "D0LAN2Q65"}`, ""},
		"another app's home":          {"event_app_home_opened.json", `"app_id": "A0KRD7HC3", "external_id"`, `"app_id": "A9", "external_id"`, "field.bad"},
		"nobody changed":              {"event_user_change.json", `"user": {"id"`, `"user": {"uid"`, "field.missing"},
		"a number for a user":         {"event_user_change.json", `"user": {`, `"user": 7, "u": {`, "json.type"},
		"no group":                    {"event_subteam_updated.json", `"subteam": {`, `"s": {`, "field.missing"},
		"a group that is none":        {"event_subteam_members_changed.json", `S0614TZR7`, `G0614TZR7`, "field.bad"},
		"rate limits of no app":       {"app_rate_limited.json", `"api_app_id"`, `"app"`, "field.missing"},
		"T06 an inner key twice":      {"event_user_change.json", `"user": {"id": "U2CERLKJA"`, `"user": {"id": "U9", "id": "U2CERLKJA"`, "json.duplicate"},
		"T06 an inner key, capitals":  {"event_user_change.json", `"user": {"id": "U2CERLKJA"`, `"user": {"Id": "U9", "id": "U2CERLKJA"`, "json.case"},
		"T06 a user with a long s":    {"event_user_change.json", `"user": {`, `"uſer": "U9", "user": {`, "json.case"},
		"T06 the event twice":         {"event_user_change.json", `"event": {`, `"event": {}, "event": {`, "json.duplicate"},
		"T06 the event in capitals":   {"event_user_change.json", `"event": {`, `"Event": {}, "event": {`, "json.case"},
		"T06 the inner type twice":    {"event_unused_type.json", `"type": "star_added"`, `"type": "user_change", "type": "star_added"`, "json.duplicate"},
		"T06 the inner type, capital": {"event_unused_type.json", `"type": "star_added"`, `"Type": "user_change", "type": "star_added"`, "json.case"},
		"T06 something after the end": {"url_verification.json", "}\n", "}\n{}", "json.trailing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, errOf(ParseEvent(e.apply(t)))); got != e.want {
				t.Errorf("got %q, want %q", got, e.want)
			}
		})
	}
}

// FuzzEvent: nothing panics, and whatever is taken has an origin and a key.
// The seeds are in testdata.
func FuzzEvent(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEvent(data)
		if err != nil {
			code(t, err)
			return
		}
		whole := isID(e.App, appID) && (isID(e.Team, teamID) || isID(e.Enterprise, enterpriseID))
		switch e.Type {
		case URLVerification:
			whole = e == Event{Type: e.Type, Challenge: e.Challenge} && e.Challenge != ""
		case EventCallback:
			whole = whole && e.ID != "" && e.Inner.Type != ""
		}
		if !whole || len(e.Key()) != keyLength {
			t.Fatalf("not whole: %+v", e)
		}
	})
}
