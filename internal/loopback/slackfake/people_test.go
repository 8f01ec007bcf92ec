package slackfake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

func TestTheBotLearnsWhoItIsAndWhatItMayDo(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.EnterpriseID = "E1" })
	got, err := w.api.AuthTestContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.TeamID != "T0TEAM" || got.UserID != "U0BOT" || got.BotID != "B0BOT" || got.EnterpriseID != "E1" {
		t.Errorf("%+v", got)
	}
	if scopes := got.Header.Get("X-OAuth-Scopes"); scopes != strings.Join(DefaultScopes(), ",") {
		t.Errorf("scopes %q", scopes)
	}
}

func TestUsersShowEveryFlagThatMatters(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.EnterpriseID = "E1" })
	w.SetUser(User{
		ID: "W7", Name: "x", RealName: "X Y", Email: "x@example.com", TZ: "UTC", EnterpriseUserID: "W7", IsUltraRestricted: true,
		IsInvited: true, IsWorkflowBot: true, IsConnectorBot: true, EmailUnconfirmed: true,
	})
	u, err := w.api.GetUserInfoContext(t.Context(), "W7")
	if err != nil {
		t.Fatal(err)
	}
	if !u.IsRestricted || !u.IsUltraRestricted || !u.IsInvitedUser || !u.IsWorkflowBot || !u.IsConnectorBot || u.IsEmailConfirmed || u.IsBot || u.Deleted || u.IsStranger {
		t.Errorf("flags %+v", u)
	}
	if u.TeamID != "T0TEAM" || u.Profile.Email != "x@example.com" || u.TZ != "UTC" || u.Enterprise.EnterpriseID != "E1" || u.Enterprise.ID != "W7" {
		t.Errorf("%+v", u)
	}
	stranger, err := w.api.GetUserInfoContext(t.Context(), "U4")
	if err != nil || !stranger.IsStranger || stranger.TeamID != "T9" || stranger.Enterprise.EnterpriseID != "" || !stranger.IsEmailConfirmed {
		t.Errorf("%+v %v", stranger, err)
	}
	_, err = w.api.GetUserInfoContext(t.Context(), "U99")
	wantCode(t, err, "user_not_found")
}

func TestUsersAreFoundByEmailUnlessTheyLeft(t *testing.T) {
	t.Parallel()
	w := setup(t)
	u, err := w.api.GetUserByEmailContext(t.Context(), "ANN@example.com")
	if err != nil || u.ID != "U1" {
		t.Errorf("%+v %v", u, err)
	}
	for _, email := range []string{"gone@example.com", "nobody@example.com", ""} {
		_, err := w.api.GetUserByEmailContext(t.Context(), email)
		wantCode(t, err, "users_not_found")
	}
}

func TestUsersAreListedInPagesWithoutStrangers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	users, err := w.api.GetUsersContext(t.Context(), slack.GetUsersOptionLimit(2))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	if diff := cmp.Diff([]string{"U0BOT", "U1", "U2", "U3"}, ids); diff != "" {
		t.Error(diff)
	}
	if w.Calls("users.list") != 2 {
		t.Errorf("%d calls", w.Calls("users.list"))
	}
}

func TestMembersComeInPagesThatNeitherSkipNorRepeat(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var want, got []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("U%d", 10+i))
	}
	w.SetMembers("C1", want...)
	cursor := ""
	for {
		page, next, err := w.api.GetUsersInConversationContext(t.Context(), &slack.GetUsersInConversationParameters{ChannelID: "C1", Limit: 3, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if cursor = next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(append(want, "U0BOT"), got); diff != "" {
		t.Error(diff)
	}
	_, _, err := w.api.GetUsersInConversationContext(t.Context(), &slack.GetUsersInConversationParameters{ChannelID: "C1", Cursor: "made up"})
	wantCode(t, err, "invalid_cursor")
}

func TestChannelsSayWhetherOutsidersAreIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	info := func(id string) (*slack.Channel, error) {
		return w.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: id})
	}
	c, err := info("C4")
	if err != nil || !c.IsExtShared || !c.IsShared || !c.IsMember || c.Name != "shared" {
		t.Errorf("%+v %v", c, err)
	}
	if c, err := info("C2"); err != nil || c.IsMember || c.IsExtShared {
		t.Errorf("%+v %v", c, err)
	}
	_, err = info("G3")
	wantCode(t, err, "channel_not_found")
	w.SetBotIn("G3", true)
	if c, err := info("G3"); err != nil || !c.IsPrivate {
		t.Errorf("%+v %v", c, err)
	}
	_, err = info("C9")
	wantCode(t, err, "channel_not_found")
}

func TestGroupsAreListedAndDisabledOnesOnlyOnRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	members, err := w.api.GetUserGroupMembersContext(t.Context(), "S1")
	if err != nil || !slices.Equal(members, []string{"U2"}) {
		t.Errorf("%v %v", members, err)
	}
	for _, id := range []string{"S2", "S9"} {
		_, err := w.api.GetUserGroupMembersContext(t.Context(), id)
		wantCode(t, err, "no_such_subteam")
	}
	w.SetGroup(Group{ID: "S1", Handle: "approvers", Users: []string{"U1", "U2"}})
	groups, err := w.api.GetUserGroupsContext(t.Context(), slack.GetUserGroupsOptionIncludeUsers(true))
	if err != nil || len(groups) != 1 || len(groups[0].Users) != 2 || groups[0].Handle != "approvers" {
		t.Errorf("%+v %v", groups, err)
	}
}

func TestMissingScopesSayWhatIsNeeded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.SetScopes("chat:write", "users:read")
	_, err := w.api.GetUserGroupMembersContext(t.Context(), "S1")
	var e slack.SlackErrorResponse
	if !errors.As(err, &e) || e.Err != "missing_scope" || e.Needed != "usergroups:read" || e.Provided != "chat:write,users:read" {
		t.Errorf("%+v", e)
	}
	if u, err := w.api.GetUserInfoContext(t.Context(), "U1"); err != nil || u.Profile.Email != "" {
		t.Errorf("an e-mail without its scope: %+v %v", u, err)
	}
	_, err = w.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: "C1"})
	wantCode(t, err, "missing_scope")
}

func TestTokensAreCheckedAndNeverEchoed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct{ header, kind, body, want string }{
		{"", "", "", "not_authed"},
		{"Bearer xoxb-wrong", "", "", "invalid_auth"},
		{"", "application/x-www-form-urlencoded", "token=xoxb-wrong", "invalid_auth"},
		{"Bearer xapp-test", "", "", "not_allowed_token_type"},
		{"Bearer xoxb-test", "", "", ""},
		{"", "application/x-www-form-urlencoded", "token=xoxb-test", ""},
		{"", "application/json", `{"token":"xoxb-test"}`, ""},
		{"Bearer xoxb-test", "application/json", `{`, "invalid_form_data"},
	} {
		got := w.raw(t, "auth.test", c.header, c.kind, c.body)
		if want := `"error":"` + c.want + `"`; c.want != "" && !strings.Contains(got, want) || c.want == "" && !strings.Contains(got, `"ok":true`) {
			t.Errorf("%q %q: %s", c.header, c.body, got)
		}
		if strings.Contains(got, "xoxb-") || strings.Contains(got, "xapp-") {
			t.Errorf("a token comes back: %s", got)
		}
	}
	if got := w.raw(t, "apps.connections.open", "", "application/x-www-form-urlencoded", "token=xapp-test"); !strings.Contains(got, "not_authed") {
		t.Error(got)
	}
	if got := w.raw(t, "chat.teleport", "Bearer xoxb-test", "", ""); !strings.Contains(got, "unknown_method") {
		t.Error(got)
	}
	if log := fmt.Sprint(w.CallLog(), w.Violations()); strings.Contains(log, "xoxb-") || strings.Contains(log, "xapp-") {
		t.Errorf("a token is kept: %s", log)
	}
}

func (w *world) raw(t *testing.T, method, auth, kind, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+method, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", auth)
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestCommandsAreForMembersOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range [][2]string{{"U4", "C4"}, {"U3", DM("U3")}, {"U9", "C1"}, {"U1", "C2"}, {"U1", DM("U2")}} {
		if _, err := w.Command(t.Context(), c[0], c[1], "x"); !errors.Is(err, ErrNotShown) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestConfigurationsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	now := (&clock{}).now
	for want, cfg := range map[string]Config{
		"no clock":   {},
		"user id":    {Now: now, Users: []User{{ID: "ann"}}},
		"channel id": {Now: now, Channels: []Channel{{ID: "general"}}},
		"group id":   {Now: now, Groups: []Group{{ID: "G1"}}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	s, err := New(Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Start(t.Context(), "0.0.0.0:0"); err == nil {
		t.Error("served beyond loopback")
	}
}
