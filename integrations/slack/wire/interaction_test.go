package wire

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var bo = User{"U2CERLKJA", "T1DC2JH3J"}

// interactions says what each file under testdata is.
var interactions = map[string]Interaction{
	"block_actions_message.json": {
		Type: BlockActions, Team: "T1DC2JH3J", App: "A0KRD7HC3", User: bo, Channel: "C0LAN2Q65", Message: "1548261231.000200",
		Values:      map[string]Value{"length": {"1h", true, "static_select"}, "until": {"1795000000", true, "datetimepicker"}, "note": {Type: "plain_text_input"}},
		ResponseURL: "https://hooks.slack.com/actions/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN",
		Trigger:     "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
		Actions:     []Action{{"approve", "deed", "button", "req_01j8", "1548426417.840180"}},
	},
	"block_actions_ephemeral.json": {
		Type: BlockActions, Enterprise: "E12KS1G65", App: "A0KRD7HC3", EnterpriseInstall: true,
		User: User{"W012A3CDE", "T1DC2JH3J"}, Channel: "D0LAN2Q65", Message: "1548261231.000300", Ephemeral: true,
		ResponseURL: "https://hooks.slack.com/actions/E12KS1G65/397700885555/96rGlfmibIGlgcZRskXaIFfN",
		Trigger:     "12321423424.333649436676.d8c1bb837935619ccad0f624c448ffb3",
		Actions: []Action{
			{"for", "whom", "users_select", "U2CERLKJA", "1548426418.840180"},
			{"more", "deed", "overflow", "end grt_1", "1548426418.840181"},
			{"length", "length", "static_select", "", "1548426418.840182"},
		},
	},
	"block_actions_home.json": {
		Type: BlockActions, Team: "T1DC2JH3J", Enterprise: "E12KS1G65", App: "A0KRD7HC3", User: bo,
		View:    &View{ID: "V0PKB1ZFV", RootID: "V0PKB1ZFV", Hash: "1571318366.2468e46f", Type: "home", Team: "T1DC2JH3J", App: "A0KRD7HC3"},
		Trigger: "12321423425.333649436676.d8c1bb837935619ccad0f624c448ffb3",
		Actions: []Action{{"end", "g1", "button", "grt_01j8", "1571318425.267782"}},
	},
	"block_suggestion.json": {
		Type: BlockSuggestion, Team: "T1DC2JH3J", App: "A0KRD7HC3", User: bo,
		View: &View{
			ID: "V0PKB1ZFV", RootID: "V0PKB1ZFV", Hash: "1571318366.2468e46f", Type: "modal", Callback: "request",
			Team: "T1DC2JH3J", App: "A0KRD7HC3", Values: map[string]Value{"reason": {"INC-7", true, "plain_text_input"}},
		},
		Suggestion: Suggestion{Block: "resource", Action: "resource", Typed: "prod-"},
	},
	"view_submission.json": {
		Type: ViewSubmission, Team: "T1DC2JH3J", App: "A0KRD7HC3", User: bo, Trigger: "12466734323.1395872398.abc",
		View: &View{
			ID: "VNHU13V36", RootID: "VNHU13V34", PreviousID: "VNHU13V35", Hash: "156663117.cd33ad1f", Type: "modal", Callback: "request",
			Metadata: "C0LAN2Q65", ExternalID: "form-1", Team: "T1DC2JH3J", App: "A0KRD7HC3",
			Values: map[string]Value{
				"resource": {"prod-db", true, "external_select"}, "reason": {`INC-7 <!channel> "q"`, true, "plain_text_input"}, "extra": {Type: "plain_text_input"}, "empty": {Type: "plain_text_input"}, "for": {"W012A3CDE", true, "users_select"},
				"nobody": {Type: "users_select"}, "them": {"U1A\nU2B", true, "multi_users_select"}, "where": {"C0LAN2Q65", true, "conversations_select"}, "channel": {"C0LAN2Q65", true, "channels_select"},
				"start": {"1795000000", true, "datetimepicker"}, "never": {Type: "datetimepicker"}, "day": {"2026-11-23", true, "datepicker"}, "hour": {"12:05", true, "timepicker"}, "radio": {Type: "radio_buttons"},
				"boxes": {"a\nb", true, "checkboxes"}, "none": {Type: "checkboxes"}, "file": {Type: "file_input"},
			},
		},
	},
	"view_closed.json": {
		Type: ViewClosed, Team: "T1DC2JH3J", App: "A0KRD7HC3", User: bo, Cleared: true,
		View: &View{
			ID: "VNHU13V36", RootID: "VNHU13V36", Hash: "156663117.cd33ad1f", Type: "modal", Callback: "request", Team: "T1DC2JH3J", App: "A0KRD7HC3",
		},
	},
	"shortcut.json": {
		Type: Shortcut, Team: "T1DC2JH3J", App: "A0KRD7HC3", User: bo, Callback: "request_access",
		Trigger: "944799105734.773906753841.38b5894552bdd4a780554ee59d1f3638",
	},
	"message_action.json": {
		Type: MessageAction, Team: "T1DC2JH3J", App: "A0KRD7HC3", User: bo, Callback: "from_message",
		Channel: "G0LAN2Q65", Message: "1583637139.000300",
		ResponseURL: "https://hooks.slack.com/app/T1DC2JH3J/991722129138/KbMj",
		Trigger:     "924938715298.16089063591.14e0dbfd4c0a8ea94e1ab5ac7d6d9b7d",
	},
}

func TestInteractionsAreTakenApart(t *testing.T) {
	t.Parallel()
	for name, want := range interactions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := file(t, name)
			got, err := ParseInteractionJSON(whole)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			posted, err := ParseInteraction([]byte(url.Values{"payload": {string(whole)}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, posted); diff != "" {
				t.Errorf("as a form: %s", diff)
			}
		})
	}
}

func TestAnEmptyListOfValuesIsAViewWithoutInputs(t *testing.T) {
	t.Parallel()
	whole := string(file(t, "block_actions_home.json"))
	state := regexp.MustCompile(`"state":\s*\{\s*"values":\s*\{\s*\}\s*\}`)
	if !state.MatchString(whole) {
		t.Fatal("the example has no empty state")
	}
	for values, ok := range map[string]bool{"[]": true, "[ ]": true, "{}": true, "[1]": false, `""`: false} {
		got, err := ParseInteractionJSON([]byte(state.ReplaceAllString(whole, `"state":{"values":`+values+`}`)))
		if (err == nil) != ok || ok && len(got.View.Values) != 0 {
			t.Errorf("%s: %v, %v", values, got.View, err)
		}
	}
}

func TestT05OnlyTheOneFieldOfAnInteractionIsRead(t *testing.T) {
	t.Parallel()
	good := "payload=" + url.QueryEscape(string(file(t, "shortcut.json")))
	for name, c := range map[string]struct{ body, want string }{
		"the one field":        {good, ""},
		"nothing":              {"", "field.missing"},
		"another field alone":  {"text=x", "field.missing"},
		"another field too":    {good + "&text=x", "form.malformed"},
		"the payload twice":    {good + "&" + good, "form.duplicate"},
		"twice, once escaped":  {good + "&%70ayload=%7B%7D", "form.duplicate"},
		"the name in capitals": {"PAYLOAD" + good[7:], "field.missing"},
		"an empty payload":     {"payload=", "json.syntax"},
		"the bare JSON":        {string(file(t, "shortcut.json")), "form.malformed"},
		"a byte over 1 MiB":    {"payload=" + strings.Repeat("a", MaxBody-7), "form.size"},
		"two payloads in one":  {good + "%7B%7D", "json.trailing"},
		"escaped twice":        {"payload=" + url.QueryEscape(url.QueryEscape(string(file(t, "shortcut.json")))), "json.syntax"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, errOf(ParseInteraction([]byte(c.body)))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// edit is one change to a file under testdata.
type edit struct{ file, old, new, want string }

func (e edit) apply(t *testing.T) []byte {
	t.Helper()
	whole := string(file(t, e.file))
	if !strings.Contains(whole, e.old) {
		t.Fatalf("%s does not have %s", e.file, e.old)
	}
	return []byte(strings.Replace(whole, e.old, e.new, 1))
}

func TestT06AnInteractionThatReadersCouldTakeForAnotherIsRefused(t *testing.T) {
	t.Parallel()
	const user = `"user": {"id": "U2CERLKJA"`
	for name, e := range map[string]edit{
		"two users":                    {"shortcut.json", user, `"user": {"id": "U9"}, ` + user, "json.duplicate"},
		"two ids":                      {"shortcut.json", user, `"user": {"id": "U9", "id": "U2CERLKJA"`, "json.duplicate"},
		"an id in capitals":            {"shortcut.json", user, user + `, "ID": "U9"`, "json.case"},
		"a user with a long s":         {"shortcut.json", user, `"uſer": {"id": "U9"}, ` + user, "json.case"},
		"an action's value twice":      {"block_actions_message.json", `"value": "req_01j8", "style"`, `"value": "a", "value": "req_01j8", "style"`, "json.duplicate"},
		"an action's value, capitals":  {"block_actions_message.json", `"value": "req_01j8", "style"`, `"value": "req_01j8", "Value": "x", "style"`, "json.case"},
		"a state value in capitals":    {"view_submission.json", `"selected_user": "W012A3CDE"`, `"selected_user": "W012A3CDE", "SELECTED_USER": "U9"`, "json.case"},
		"a block twice":                {"view_submission.json", `"extra": {"extra"`, `"reason": {"extra"`, "json.duplicate"},
		"channels that differ":         {"block_actions_message.json", `"channel": {"id": "C0LAN2Q65"`, `"channel": {"id": "C9"`, "field.bad"},
		"messages that differ":         {"block_actions_message.json", `"ts": "1548261231.000200"`, `"ts": "1548261231.000201"`, "field.bad"},
		"messages of a click differ":   {"block_actions_message.json", `"enterprise": null`, `"enterprise": null, "message_ts": "1.1"`, "field.bad"},
		"messages of an action differ": {"message_action.json", `"ts": "1583637139.000300"`, `"ts": "1583637139.000301"`, "field.bad"},
		"views that differ":            {"block_actions_home.json", `"view_id": "V0PKB1ZFV"`, `"view_id": "V0PKB1ZFX"`, "field.bad"},
		"organisations that differ":    {"block_actions_home.json", `"enterprise_id": "E12KS1G65"`, `"enterprise_id": "E9"`, "field.bad"},
		"apps that differ":             {"view_submission.json", `"app_id": "A0KRD7HC3", "external_id"`, `"app_id": "A9", "external_id"`, "field.bad"},
		"two inputs in one block":      {"view_submission.json", `{"extra": {`, `{"more": {"type": "plain_text_input", "value": "x"}, "extra": {`, "field.bad"},
		"a view in a message":          {"block_actions_message.json", `"enterprise": null`, `"enterprise": null, "view": {"id": "V1"}`, "field.bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, errOf(ParseInteractionJSON(e.apply(t)))); got != e.want {
				t.Errorf("got %q, want %q", got, e.want)
			}
		})
	}
}

func TestAnInteractionWithoutWhatItsTypeNeedsIsRefused(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]edit{
		"no type":                       {"shortcut.json", `"type": "shortcut"`, `"kind": "shortcut"`, "field.missing"},
		"an unknown type":               {"shortcut.json", `"type": "shortcut"`, `"type": "dialog_submission"`, "type.unknown"},
		"a type in capitals":            {"shortcut.json", `"type": "shortcut"`, `"type": "Shortcut"`, "type.unknown"},
		"no user":                       {"shortcut.json", `"id": "U2CERLKJA"`, `"uid": "U2CERLKJA"`, "field.missing"},
		"a user that is none":           {"shortcut.json", `"id": "U2CERLKJA"`, `"id": "<!channel>"`, "field.bad"},
		"a user's team that is none":    {"shortcut.json", `"team_id": "T1DC2JH3J"`, `"team_id": "x"`, "field.bad"},
		"a stranger's team is fine":     {"shortcut.json", `"team_id": "T1DC2JH3J"`, `"team_id": "T9"`, ""},
		"no app":                        {"view_closed.json", `"api_app_id"`, `"app"`, "field.missing"},
		"no team":                       {"shortcut.json", `"team": {"id": "T1DC2JH3J", "domain": "example"}`, `"team": null`, "field.missing"},
		"no organisation":               {"block_actions_ephemeral.json", `"enterprise": {"id": "E12KS1G65", "name": "Example Org"}`, `"enterprise": null`, "field.missing"},
		"a shortcut without a trigger":  {"shortcut.json", `"trigger_id"`, `"t"`, "field.missing"},
		"a shortcut without a name":     {"shortcut.json", `"request_access"`, `""`, "field.missing"},
		"a name without end":            {"shortcut.json", `"request_access"`, `"` + strings.Repeat("a", 1021) + `"`, "field.bad"},
		"a submission without a view":   {"view_submission.json", `"view"`, `"v"`, "field.missing"},
		"a null for a view":             {"view_submission.json", `"view": {`, `"view": null, "v": {`, "field.missing"},
		"a view without an id":          {"view_submission.json", `"id": "VNHU13V36"`, `"id": ""`, "field.missing"},
		"a view of no type":             {"view_submission.json", `"type": "modal"`, `"type": "workflow_step"`, "field.bad"},
		"metadata without end":          {"view_submission.json", `"private_metadata": "C0LAN2Q65"`, `"private_metadata": "` + strings.Repeat("a", 12001) + `"`, "field.bad"},
		"metadata of 3,000 characters":  {"view_submission.json", `"private_metadata": "C0LAN2Q65"`, `"private_metadata": "` + strings.Repeat("ü", 3000) + `"`, ""},
		"a state that is null":          {"block_actions_home.json", `"state": {"values": {}}`, `"state": null`, ""},
		"a chosen user that is none":    {"view_submission.json", `"selected_user": "W012A3CDE"`, `"selected_user": "@here"`, "field.bad"},
		"one of the users is none":      {"view_submission.json", `"U1A", "U2B"`, `"U1A", "x"`, "field.bad"},
		"an instant before 1970":        {"view_submission.json", `1795000000`, `-1`, "field.bad"},
		"an instant in the year 9999":   {"view_submission.json", `1795000000`, `253370764800`, "field.bad"},
		"an instant with a fraction":    {"view_submission.json", `1795000000`, `1795000000.5`, "json.type"},
		"an instant as a text":          {"view_submission.json", `1795000000`, `"1795000000"`, "json.type"},
		"no actions":                    {"block_actions_home.json", `"actions": [`, `"acts": [`, "field.missing"},
		"an empty list of actions":      {"block_actions_home.json", `"actions": [`, `"actions": [], "acts": [`, "field.missing"},
		"an action without an id":       {"block_actions_home.json", `"action_id": "end"`, `"id": "end"`, "field.missing"},
		"an action at no time":          {"block_actions_home.json", `"1571318425.267782"`, `"now"`, "field.bad"},
		"a legacy attachment's action":  {"block_actions_home.json", `"type": "button", `, ``, "field.missing"},
		"an action's user that is none": {"block_actions_ephemeral.json", `"selected_user": "U2CERLKJA"`, `"selected_user": "U2CERLKJA>"`, "field.bad"},
		"no container":                  {"block_actions_message.json", `"container": {`, `"box": {`, "field.missing"},
		"an unknown container":          {"block_actions_message.json", `"container": {"type": "message"`, `"container": {"type": "canvas"`, "field.bad"},
		"a message without a ts":        {"block_actions_ephemeral.json", `"message_ts": "1548261231.000300"`, `"message_ts": ""`, "field.missing"},
		"a ts that is a float":          {"block_actions_ephemeral.json", `"message_ts": "1548261231.000300"`, `"message_ts": "1.5e9"`, "field.bad"},
		"a channel that is none":        {"block_actions_ephemeral.json", `"channel_id": "D0LAN2Q65"`, `"channel_id": "ops"`, "field.bad"},
		"a suggestion without a block":  {"block_suggestion.json", `"block_id": "resource"`, `"b": "resource"`, "field.missing"},
		"a suggestion without an id":    {"block_suggestion.json", `"action_id": "resource"`, `"a": "resource"`, "field.missing"},
		"a suggestion without text":     {"block_suggestion.json", `"value": "prod-"`, `"value": ""`, ""},
		"a message action without one":  {"message_action.json", `"channel": {"id": "G0LAN2Q65"`, `"channel": {"id": ""`, "field.missing"},
		"a URL with a line break":       {"message_action.json", `https://hooks.slack.com/app/`, `https://hooks.slack.com/\r\n`, "field.bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, errOf(ParseInteractionJSON(e.apply(t)))); got != e.want {
				t.Errorf("got %q, want %q", got, e.want)
			}
		})
	}
}

// FuzzInteraction: nothing panics, and whatever is taken is whole: it has a
// person, an app, an origin and what its type promises. The seeds are in
// testdata.
func FuzzInteraction(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ParseInteraction(data); err != nil {
			code(t, err)
		}
		i, err := ParseInteractionJSON(data)
		if err != nil {
			code(t, err)
			return
		}
		if !isID(i.User.ID, userID) || !isID(i.App, appID) || i.Team == "" && i.Enterprise == "" || len(i.Key()) != keyLength {
			t.Fatalf("not whole: %+v", i)
		}
		switch i.Type {
		case BlockActions:
			if len(i.Actions) == 0 || (i.View == nil) == (i.Message == "") {
				t.Fatalf("not whole: %+v", i)
			}
		case ViewSubmission, ViewClosed:
			if i.View == nil || i.View.Hash == "" {
				t.Fatalf("not whole: %+v", i)
			}
		case Shortcut, MessageAction:
			if i.Callback == "" || i.Trigger == "" {
				t.Fatalf("not whole: %+v", i)
			}
		}
		posted, err := ParseInteraction([]byte("payload=" + url.QueryEscape(string(data))))
		if err != nil && code(t, err) != "form.size" || err == nil && posted.Key() != i.Key() {
			t.Fatalf("as a form: %v", err)
		}
	})
}

func TestAClickThatNothingTellsFromOthersIsRefused(t *testing.T) {
	t.Parallel()
	const trigger, at = `"trigger_id"`, `"1571318425.267782"`
	text := string(file(t, "block_actions_home.json"))
	for name, c := range map[string]struct {
		text string
		good bool
	}{
		"both":    {text, true},
		"trigger": {strings.Replace(text, at, `""`, 1), true},
		"time":    {strings.Replace(text, trigger, `"t"`, 1), true},
		"neither": {strings.Replace(strings.Replace(text, trigger, `"t"`, 1), at, `""`, 1), false},
	} {
		if _, err := ParseInteractionJSON([]byte(c.text)); (err == nil) != c.good {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
