package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// post sends a request as anybody on the way could and returns the answer.
func (s *stage) post(path string, header http.Header, body []byte) (status int, answer string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// commandBody is a slash command of ann's as it goes over the wire.
func commandBody(change func(url.Values)) []byte {
	form := url.Values{
		"team_id": {team}, "api_app_id": {app}, "channel_id": {channels["access"]}, "user_id": {uid("ann")}, "command": {"/jit"},
		"text": {"request prod-db 1h orders are stuck"}, "response_url": {"https://hooks.slack.com/commands/T0TEAM/1/x"}, "trigger_id": {"1.2.3"},
		"is_enterprise_install": {"false"},
	}
	if change != nil {
		change(form)
	}
	return []byte(form.Encode())
}

func formHeader(signed http.Header) http.Header {
	h := signed.Clone()
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	return h
}

func (s *stage) signed(body []byte) http.Header {
	return formHeader(slackfake.Sign(signingSecret, s.world.Clock.Now(), body))
}

// nothingHappened fails if anything but one refusal with this code was written.
func (s *stage) nothingHappened(code string) {
	s.t.Helper()
	<-s.world.Service.Rest()
	all := s.world.Events("")
	refused := 0
	for _, e := range all {
		switch {
		case e.Kind == jit.EventRefused && strings.Contains(string(e.Data), `"code":"`+code+`"`):
			refused++
		case e.Kind == jit.EventRefused:
			s.t.Errorf("refused as %s, want %s", e.Data, code)
		case e.Kind == jit.EventRequested:
			s.t.Errorf("a request was filed: %s", e.Data)
		}
	}
	if refused != 1 {
		s.t.Errorf("%d refusals with %s are written down, want 1", refused, code)
	}
}

func TestT01ToT02WhatIsNotSignedAsSlackSignsIsRefusedUnread(t *testing.T) { // feature 33
	t.Parallel()
	body := commandBody(nil)
	sign := func(at time.Time) http.Header { return formHeader(slackfake.Sign(signingSecret, at, body)) }
	with := func(h http.Header, name string, values ...string) http.Header {
		h[http.CanonicalHeaderKey(name)] = values
		return h
	}
	const ts, sig = "X-Slack-Request-Timestamp", "X-Slack-Signature"
	now := world.Start
	for name, c := range map[string]struct {
		header http.Header
		code   string
	}{
		"no signature":              {with(sign(now), sig), "signature.missing"},
		"no time":                   {with(sign(now), ts), "timestamp.missing"},
		"the old token alone":       {formHeader(http.Header{}), "signature.missing"},
		"another secret":            {formHeader(slackfake.Sign("guess", now, body)), "signature.wrong"},
		"another body":              {formHeader(slackfake.Sign(signingSecret, now, append([]byte("x"), body...))), "signature.wrong"},
		"another scheme":            {with(sign(now), sig, "v1="+strings.TrimPrefix(sign(now).Get(sig), "v0=")), "signature.scheme"},
		"half a signature":          {with(sign(now), sig, sign(now).Get(sig)[:40]), "signature.malformed"},
		"two signatures":            {with(sign(now), sig, sign(now).Get(sig), sign(now).Get(sig)), "signature.repeated"},
		"two times":                 {with(sign(now), ts, sign(now).Get(ts), sign(now).Get(ts)), "timestamp.repeated"},
		"301 seconds old":           {sign(now.Add(-301 * time.Second)), "signature.stale"},
		"301 seconds ahead":         {sign(now.Add(301 * time.Second)), "signature.stale"},
		"a negative time":           {with(sign(now), ts, "-1772442000"), "timestamp.malformed"},
		"a time with a sign":        {with(sign(now), ts, "+1772442000"), "timestamp.malformed"},
		"a time beyond all numbers": {with(sign(now), ts, "99999999999999999999"), "timestamp.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeHTTP, setup{})
			status, answer := s.post("/slack/commands", c.header, body)
			if status != http.StatusUnauthorized || answer != "" {
				t.Errorf("answered %d %q", status, answer)
			}
			s.nothingHappened(c.code)
		})
	}
}

func TestT04WhatIsMeantForAnotherAppOrWorkspaceIsRefusedAndBothIDsAreLogged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ field, value, code string }{
		"another app":       {"api_app_id", "A0OTHER", "app.other"},
		"another workspace": {"team_id", "T0OTHER", "team.other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeHTTP, setup{})
			body := commandBody(func(v url.Values) { v.Set(c.field, c.value) })
			status, answer := s.post("/slack/commands", s.signed(body), body)
			if status != http.StatusUnauthorized || answer != "" {
				t.Errorf("answered %d %q", status, answer)
			}
			s.nothingHappened(c.code)
			if log := s.world.LogText(); !strings.Contains(log, c.value) || !strings.Contains(log, map[string]string{"api_app_id": app, "team_id": team}[c.field]) {
				t.Error("the ids are not in the log")
			}
		})
	}
}

func TestT05OnlyASignedPostOfTheRightKindAndSizeIsRead(t *testing.T) {
	t.Parallel()
	body := commandBody(nil)
	for name, c := range map[string]struct {
		method, path string
		change       func(http.Header)
		body         []byte
		status       int
		code         string
	}{
		"a query":           {http.MethodPost, "/slack/commands?user_id=U0BO", nil, body, 400, "request.query"},
		"a GET":             {http.MethodGet, "/slack/commands", nil, nil, 405, "request.method"},
		"an override":       {http.MethodGet, "/slack/commands", func(h http.Header) { h.Set("X-Http-Method-Override", "POST") }, nil, 405, "request.method"},
		"JSON":              {http.MethodPost, "/slack/commands", func(h http.Header) { h.Set("Content-Type", "application/json") }, body, 415, "request.type"},
		"no type":           {http.MethodPost, "/slack/commands", func(h http.Header) { h.Del("Content-Type") }, body, 415, "request.type"},
		"compressed":        {http.MethodPost, "/slack/commands", func(h http.Header) { h.Set("Content-Encoding", "gzip") }, body, 415, "request.type"},
		"a byte over 1 MiB": {http.MethodPost, "/slack/commands", nil, append(body, bytes.Repeat([]byte("x"), 1<<20+1-len(body))...), 413, "request.large"},
		"a form of events":  {http.MethodPost, "/slack/events", nil, body, 415, "request.type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeHTTP, setup{})
			req, err := http.NewRequestWithContext(t.Context(), c.method, s.url+c.path, bytes.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = s.signed(c.body)
			if c.change != nil {
				c.change(req.Header)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("answered %d, want %d", resp.StatusCode, c.status)
			}
			s.nothingHappened(c.code)
		})
	}
}

func TestT06SignedNonsenseIsRefusedAndNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string
		body string
		code string
	}{
		"two users":           {"/slack/commands", string(commandBody(nil)) + "&user_id=U0BO", "form.duplicate"},
		"a user in capitals":  {"/slack/commands", strings.Replace(string(commandBody(nil)), "user_id", "USER_ID", 1), "form.case"},
		"no user":             {"/slack/commands", strings.Replace(string(commandBody(nil)), "user_id", "x_id", 1), "field.missing"},
		"a name for an id":    {"/slack/commands", strings.Replace(string(commandBody(nil)), "U0ANN", "ann", 1), "field.bad"},
		"half a payload":      {"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"block_actions",`), "json.syntax"},
		"two types":           {"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"block_actions","type":"view_submission"}`), "json.duplicate"},
		"no payload":          {"/slack/interactions", "x=1", "field.missing"},
		"a payload and more":  {"/slack/interactions", "payload=%7B%7D&user=U0BO", "form.malformed"},
		"deeper than 64":      {"/slack/interactions", "payload=" + url.QueryEscape(strings.Repeat(`{"a":`, 70)+"1"+strings.Repeat("}", 70)), "json.depth"},
		"text after the JSON": {"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"shortcut"} {}`), "json.trailing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeHTTP, setup{})
			status, answer := s.post(c.path, s.signed([]byte(c.body)), []byte(c.body))
			if status != http.StatusBadRequest || answer != "" {
				t.Errorf("answered %d %q", status, answer)
			}
			s.nothingHappened(c.code)
		})
	}
}

func TestAnUnknownKindOfInteractionIsAcknowledgedAndCounted(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		payload := json.RawMessage(fmt.Sprintf(`{"type":"workflow_step_edit","team":{"id":%q},"user":{"id":%q},"api_app_id":%q}`, team, uid("ann"), app))
		s.must(s.slack.Forge(t.Context(), slackfake.KindInteraction, payload))
		s.nothingHappened("type.unknown")
	})
}

func TestT03AReplayOfAValidRequestHasOneEffect(t *testing.T) { // feature 5
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.Say("ann", "request prod-db 1h orders are stuck")
		for range 3 {
			s.Again()
			s.world.Clock.Move(time.Minute)
		}
		s.Pass(0)
		if n := len(s.world.Events(jit.EventRequested)); n != 1 {
			t.Errorf("%d requests", n)
		}
		if n := len(s.See("ada")); n != 1 {
			t.Errorf("%d cards", n)
		}
	})
}

func TestT03AReplayOnAnotherReplicaOrAfterARestartHasOneEffect(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.Say("ann", "request prod-db 1h orders are stuck")
	first := s.last
	other := newReplica(t, s)
	s.must(s.slack.Redeliver(t.Context(), first, other))
	s.world.Crash()
	s.world.Boot()
	s.must(s.slack.Redeliver(t.Context(), first, newReplica(t, s)))
	<-s.world.Service.Rest()
	if n := len(s.world.Events(jit.EventRequested)); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestT03AClickThatComesOnTwoReplicasInOneInstantApprovesOnce(t *testing.T) { // feature 25
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.Say("ann", "request prod-db 1h orders are stuck")
	s.Pass(0)
	card := s.See("bo")[0]
	d := s.must(s.slackClick("bo", card, "approve"))
	other := newReplica(t, s)
	results := make(chan error, 8)
	for n := range cap(results) {
		to := ""
		if n%2 == 0 {
			to = other
		}
		go func() {
			_, err := s.slack.Redeliver(context.WithoutCancel(t.Context()), d, to)
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	<-s.world.Service.Rest()
	if n := len(s.world.Events(jit.EventRequestApproved)); n != 1 {
		t.Errorf("%d approvals", n)
	}
}

func TestT08AReplayIsRefusedOnceItsSignatureIsStale(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.Say("ann", "mine")
	s.world.Clock.Move(6 * time.Minute)
	d, err := s.slack.Redeliver(t.Context(), s.last, "")
	if err == nil || d.Status != http.StatusUnauthorized {
		t.Errorf("answered %d, %v", d.Status, err)
	}
}

func TestT10AForgedClickChangesNothing(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.forgiven = "no such response_url"
		s.Say("ann", "request prod-db 1h orders are stuck")
		s.Pass(0)
		r := s.world.Request("ann")
		for n, forged := range []struct{ user, verb, id string }{
			{uid("ann"), "approve", r.ID},            // her own
			{uid("con"), "approve", r.ID},            // no right
			{"U0NOBODY", "approve", r.ID},            // of no workspace
			{uid("bo"), "approve", "req_999999"},     // a guess
			{uid("bo"), "approve", r.ID + "x"},       // edited
			{uid("bo"), "grant", r.ID},               // a verb that is none
			{uid("bo"), "deny", r.ID},                // a denial without its words
			{uid("con"), "end", "grt_000001"},        // somebody else's
			{uid("con"), "end-many", "all:"},         // everybody's
			{uid("con"), "account-confirm", "x:y/z"}, // an admin's
		} {
			s.must(s.slack.Forge(t.Context(), slackfake.KindInteraction, click(n, forged.user, forged.verb, forged.id, s.hook(n))))
			<-s.world.Service.Rest()
		}
		if got := s.world.Request("ann"); got.State != jit.RequestPending || got.Version != r.Version {
			t.Errorf("the request is %s, version %d", got.State, got.Version)
		}
		if n := len(s.world.Events(jit.EventRefused)); n != 10 {
			t.Errorf("%d refusals are written down", n)
		}
	})
}

// click is a click on a made-up message.
func click(n int, user, verb, id, hook string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"type":"block_actions","team":{"id":%q},"user":{"id":%q,"team_id":%q},"api_app_id":%q,
		"container":{"type":"message","message_ts":"1.%06d","channel_id":"C0MADEUP"},"channel":{"id":"C0MADEUP"},"trigger_id":"9.%d.x","response_url":%q,
		"actions":[{"type":"button","action_id":%q,"block_id":"b","value":%q,"action_ts":"1.%06d"}]}`, team, user, team, app, n, n, hook, verb, id, n))
}

// hook is a response URL that leads nowhere of this workspace.
func (s *stage) hook(n int) string {
	return fmt.Sprintf("%s/response/made-up-%d", strings.TrimSuffix(s.api, "/api/"), n)
}

func TestT25AForgedResponseURLIsNotCalled(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	trap := trapServer(t, called)
	s := newStage(t, slack.ModeHTTP, setup{})
	s.must(s.slack.Forge(t.Context(), slackfake.KindInteraction, click(1, uid("ann"), "show", "req_1", trap)))
	<-s.world.Service.Rest()
	select {
	case <-called:
		t.Error("an address outside Slack was called")
	default:
	}
}

func TestT21TextsOfPeopleStayText(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	evil := "see <https://evil.example|https://sso.example> <!channel> <@U0BO> *Approved by* @ciso `x` :tada: \u202edlrow"
	s.Say("ann", "request prod-db 1h "+evil)
	s.Pass(0)
	for _, m := range s.slack.Messages(uid("bo")) {
		raw := string(m.Blocks) + m.Text
		for _, live := range []string{"<!channel>", "<@U0BO>", "<https://evil", "\u202e"} {
			if strings.Contains(m.Text, live) || strings.Contains(markdownOf(t, m.Blocks), live) {
				t.Errorf("%q is live in %s", live, raw)
			}
		}
	}
	card := s.See("bo")[0].Card
	if !strings.Contains(bottest.Words(card), "<!channel> <@U0BO> *Approved by* @ciso") {
		t.Errorf("the words were changed: %s", card.Quote)
	}
}

// markdownOf is all text of blocks that Slack reads as markup.
func markdownOf(t *testing.T, blocks json.RawMessage) string {
	t.Helper()
	var all []any
	if err := json.Unmarshal(blocks, &all); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if v["type"] == "mrkdwn" {
				fmt.Fprintln(&out, v["text"])
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(all)
	return out.String()
}

func TestT13NoSecretIsInTheStoreTheLogOrAMessage(t *testing.T) { // feature 50
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.grant("ann")
	r := s.Say("ann", "creds")
	link := r.Card.Links[0].URL
	token := link[strings.LastIndex(link, "/")+1:]
	for _, m := range s.slack.Messages(uid("ann")) {
		if strings.Contains(string(m.Blocks)+m.Text, token) {
			t.Error("the link stands in a message that stays")
		}
	}
	if p := s.slack.Private(uid("ann")); !strings.Contains(string(p[len(p)-1].Blocks), token) || strings.Contains(p[len(p)-1].Text, token) {
		t.Error("the link is not in the private answer, or in its notification")
	}
	for _, canary := range []string{token, botToken, appToken, signingSecret, s.last.TriggerID, s.last.ResponseURL} {
		if where := s.world.Find(canary); where != "" {
			t.Errorf("%.12q… stands in %s", canary, where)
		}
		if strings.Contains(s.world.LogText(), canary) {
			t.Errorf("%.12q… stands in the log", canary)
		}
	}
}

// grant has a person hold prod-db for an hour.
func (s *stage) grant(user string) jit.Grant {
	s.t.Helper()
	s.Say(user, "request prod-db 1h orders are stuck")
	s.Pass(0)
	s.must(s.slackClick("bo", s.See("bo")[0], "approve"))
	s.Pass(0)
	var g jit.Grant
	s.world.Is(func(v storage.View) bool {
		all, err := v.Grants(storage.GrantFilter{Principal: user + "@example.com", Limit: 1})
		if err != nil || len(all) == 0 || all[0].State != jit.GrantActive {
			s.t.Fatalf("%s holds nothing: %v %v", user, all, err)
		}
		g = all[0]
		return true
	})
	return g
}

// slackClick clicks a button of a message by its verb.
func (s *stage) slackClick(user string, m bottest.Shown, verb string) (slackfake.Delivery, error) {
	channel, ts, _ := strings.Cut(m.ID, "/")
	return s.slack.Click(s.t.Context(), uid(user), slackfake.OnMessage(channel, ts), verb, "", "")
}
