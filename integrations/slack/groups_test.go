package slack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
)

const (
	payGroup = "S0PAY"
	payRoom  = "C0ROOM"
)

// source is a place in Slack where the group payments lives, in a test.
type source struct {
	kind, id string
	method   string // what reads it
	event    string // what says that it changed
	event2   string // and what else does
	members  func(s *stage, handles ...string)
	gone     func(s *stage)
}

func sources() map[string]source {
	return map[string]source{
		"a user group": {
			kind: slack.KindUserGroup, id: payGroup, method: "usergroups.users.list",
			event:  fmt.Sprintf(`{"type":"subteam_members_changed","subteam_id":%q,"team_id":%q}`, payGroup, team),
			event2: fmt.Sprintf(`{"type":"subteam_updated","subteam":{"id":%q,"team_id":%q}}`, payGroup, team),
			members: func(s *stage, handles ...string) {
				s.slack.SetGroup(slackfake.Group{ID: payGroup, Handle: "payments", Users: uids(handles)})
			},
			gone: func(s *stage) {
				s.slack.SetGroup(slackfake.Group{ID: payGroup, Handle: "payments", Users: uids([]string{"ann", "bo"}), Disabled: true})
			},
		},
		"a channel": {
			kind: slack.KindChannel, id: payRoom, method: "conversations.members",
			event:  fmt.Sprintf(`{"type":"member_left_channel","user":%q,"channel":%q,"channel_type":"C","team":%q}`, uid("bo"), payRoom, team),
			event2: fmt.Sprintf(`{"type":"member_joined_channel","user":%q,"channel":%q,"channel_type":"C","team":%q}`, uid("bo"), payRoom, team),
			members: func(s *stage, handles ...string) {
				s.slack.SetChannel(slackfake.Channel{ID: payRoom, Name: "payments", Members: uids(handles), BotIn: true})
			},
			gone: func(s *stage) {
				s.slack.SetChannel(slackfake.Channel{ID: payRoom, Name: "payments", Members: uids([]string{"ann", "bo"}), Private: true}) // and the bot was put out
			},
		},
	}
}

func uids(handles []string) []string {
	out := make([]string, len(handles))
	for i, h := range handles {
		out[i] = uid(h)
	}
	return out
}

// livePolicy has payments live in Slack.
func livePolicy(src source) string {
	return strings.Replace(world.Policy, "payments: [ann@example.com, bo@example.com]", fmt.Sprintf("payments: {%s: {id: %s}}", src.kind, src.id), 1)
}

// everySource runs a test with payments in a user group and in a channel.
func everySource(t *testing.T, run func(t *testing.T, src source)) {
	t.Helper()
	for name, src := range sources() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, src)
		})
	}
}

// withGroup is a stage on which ann and bo are in payments, which lives in Slack.
func withGroup(t *testing.T, mode string, src source) *stage {
	t.Helper()
	s := newStage(t, mode, setup{world: world.Setup{Policy: livePolicy(src)}})
	src.members(s, "ann", "bo")
	return s
}

// members asks the source itself.
func (s *stage) members(src source) ([]string, error) {
	return s.chat.Groups()[src.kind].Members(s.t.Context(), "payments", map[string]string{"id": src.id})
}

func TestThePolicyTakesGroupsOfSlackByTheirIDsAlone(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"{slack_usergroup: S0PAY}":           true,
		"{slack_usergroup: {id: S0PAY}}":     true,
		"{slack_channel: C0ROOM}":            true,
		"{slack_channel: {id: G0ROOM}}":      true,
		"{slack_usergroup: payments}":        false,
		"{slack_usergroup: C0ROOM}":          false,
		"{slack_usergroup: {name: S0PAY}}":   false,
		"{slack_usergroup: {}}":              false,
		"{slack_channel: '#payments'}":       false,
		"{slack_channel: S0PAY}":             false,
		"{slack_team: T0TEAM}":               false,
		"{slack_channel: C0A, x: y}":         false,
		"{slack_channel: {id: C0A, x: y}}":   false,
		"{slack_usergroup: ['S0PAY', 'S1']}": false,
	} {
		src := strings.Replace(world.Policy, "payments: [ann@example.com, bo@example.com]", "payments: "+text, 1)
		if _, err := policy.Load("policy.yaml", []byte(src), policy.Options{Kinds: world.Kinds(), GroupSources: slack.GroupKinds()}); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMembersOfAGroupInSlackAskAndApproveAndOthersDoNot(t *testing.T) {
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		bothModes(t, func(t *testing.T, mode string) {
			t.Helper()
			s := withGroup(t, mode, src)
			says(t, bottest.ReplyWords(s.Say("ada", "request prod-db 1h orders are stuck")), "is for group:payments or group:platform, not for ada@example.com")
			r, card := s.asked()
			says(t, bottest.Words(card.Card), "Bo Berg")
			if want := []string{"bo@example.com", "cy@example.com"}; !cmp.Equal(r.Decision.Approvers, want) {
				t.Errorf("asked are %v, want %v", r.Decision.Approvers, want)
			}
			says(t, bottest.ReplyWords(s.click("sam", card, "approve")), "You cannot decide on this request")
			says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "Approved for 1h")
			s.Pass(0)
			if g := s.world.Grant("ann"); g.State != jit.GrantActive {
				t.Errorf("the grant is %s", g.State)
			}
		})
	})
}

func TestT16WhoIsTakenOutOfAGroupIsRefusedAtOnceWhenSlackSaysSo(t *testing.T) {
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		bothModes(t, func(t *testing.T, mode string) {
			t.Helper()
			for _, event := range []string{src.event, src.event2} {
				s := withGroup(t, mode, src)
				r, card := s.asked()
				src.members(s, "ann")
				s.must(s.slack.Event(t.Context(), json.RawMessage(event)))
				says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "You cannot decide on this request any more", "Cy Cole can")
				s.untouched(r, card, "bo")
				s.refusedOnce(bot.CodeNoRight)
			}
		})
	})
}

func TestT16WhoIsTakenOutOfAGroupIsRefusedAfterAMinuteThoughSlackSaysNothing(t *testing.T) {
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		s := withGroup(t, slack.ModeHTTP, src)
		r, card := s.asked()
		src.members(s, "ann")
		s.world.Clock.Move(time.Minute)
		says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "You cannot decide on this request any more")
		s.untouched(r, card, "bo")
	})
}

func TestAGroupIsReadOnceAMinute(t *testing.T) {
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		s := withGroup(t, slack.ModeSocket, src)
		for range 3 {
			if _, err := s.members(src); err != nil {
				t.Fatal(err)
			}
			s.world.Clock.Move(time.Minute/2 - time.Second)
		}
		if n := s.slack.Calls(src.method); n != 1 {
			t.Errorf("read %d times within a minute", n)
		}
		s.world.Clock.Move(3 * time.Second)
		if _, err := s.members(src); err != nil || s.slack.Calls(src.method) != 2 {
			t.Errorf("read %d times in more than a minute, %v", s.slack.Calls(src.method), err)
		}
	})
}

// outages are the ways in which a group cannot be read.
func outages(src source) map[string]func(s *stage) {
	fail := func(f slackfake.Fault) func(*stage) {
		return func(s *stage) { s.slack.Break(src.method, f, 1_000_000) }
	}
	return map[string]func(s *stage){
		"down":            fail(slackfake.Fault{Kind: slackfake.Unavailable}),
		"cut":             fail(slackfake.Fault{Kind: slackfake.ResetBefore}),
		"throttled":       fail(slackfake.Fault{Kind: slackfake.Throttle, RetryAfter: time.Hour}),
		"on a free plan":  fail(slackfake.Fault{Kind: slackfake.Fail, Error: "plan_upgrade_required"}),
		"not to be found": fail(slackfake.Fault{Kind: slackfake.Fail, Error: "no_such_subteam"}),
		"without a scope": func(s *stage) {
			s.slack.SetScopes("commands", "chat:write", "users:read", "users:read.email", "im:write")
		},
		"switched off, or out of the bot's sight": src.gone,
	}
}

func TestF38WhileAGroupCannotBeReadItsMembersAreUnknownAndTheAnswerSaysSo(t *testing.T) { // feature 38, T16
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		for what, breaks := range outages(src) {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				s := withGroup(t, slack.ModeSocket, src)
				r, card := s.asked()
				breaks(s)
				s.world.Clock.Move(59 * time.Second)
				if _, err := s.members(src); err != nil { // what was read within a minute still counts
					t.Errorf("unknown before its minute is over: %v", err)
				}
				s.world.Clock.Move(time.Second)
				if got, err := s.members(src); err == nil {
					t.Fatalf("known after its minute: %v", got)
				}
				says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "does not allow this request any more", "group:payments", "ann@example.com could not be checked")
				s.untouched(r, card, "bo")
				says(t, bottest.ReplyWords(s.Say("ann", "request prod-logs 1h look at the logs")), "group:payments", "ann@example.com could not be checked")
				if got := s.world.Request("ann"); got.ID != r.ID && got.State != jit.RequestDenied {
					t.Errorf("%s is %s", got.ID, got.State)
				}
				if log := s.world.LogText(); !strings.Contains(log, "a fact is unknown") || !strings.Contains(log, "name=payments") {
					t.Error("the operator is not told")
				}
			})
		}
	})
}

func TestF38OtherApproversStillDecideWhileAGroupCannotBeRead(t *testing.T) { // feature 38
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		s := withGroup(t, slack.ModeSocket, src)
		s.slack.Break(src.method, slackfake.Fault{Kind: slackfake.Unavailable}, 1_000_000)
		s.Say("di", "request prod-db 1h orders are stuck") // of platform, which the policy lists
		s.Pass(0)
		card := s.posted("cy", "#access-prod", "Di Diaz asks for prod-db")
		if want := []string{"cy@example.com"}; !cmp.Equal(s.world.Request("di").Decision.Approvers, want) {
			t.Errorf("asked are %v", s.world.Request("di").Decision.Approvers)
		}
		says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "You cannot decide on this request")
		says(t, bottest.ReplyWords(s.click("cy", card, "approve")), "Approved for 1h")
	})
}

func TestAGroupThatIsKnownToBeEmptyLetsNobodyIn(t *testing.T) { // T16
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		s := withGroup(t, slack.ModeSocket, src)
		src.members(s)
		got, err := s.members(src)
		if err != nil || len(got) != 0 || got == nil {
			t.Errorf("members %v, %v", got, err)
		}
		says(t, bottest.ReplyWords(s.Say("ann", "request prod-db 1h orders are stuck")), "Refused by the policy")
	})
}

func TestMembersWithoutALinkedAccountAreLeftOut(t *testing.T) {
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		s := newStage(t, slack.ModeSocket, setup{
			users: []slackfake.User{eve(), {ID: uid("out"), Name: "out", TeamID: "T0OTHER", Email: "cy@example.com"}},
			world: world.Setup{Policy: livePolicy(src), Change: trusting},
		})
		s.join("eve")
		s.list("ann", jit.Account{Platform: "slack", Team: team, User: "U0ANNTOO"})
		s.list("sam", jit.Account{Platform: "slack", Team: "T0OTHER", User: uid("out")})
		src.members(s, "eve", "out", "bo", "ann", "anntoo", "nobody")
		if got, err := s.members(src); err != nil || !cmp.Equal(got, []string{"ann@example.com", "bo@example.com"}) {
			t.Errorf("members %v, %v", got, err)
		}
		s.Say("eve", "mine") // and is linked by that
		got, err := s.members(src)
		if err != nil || !slices.Contains(got, "eve@example.com") {
			t.Errorf("members %v, %v", got, err)
		}
	})
}

// crowd is a channel of n people, with ann first and bo last.
func crowd(n int) []string {
	members := []string{uid("ann")}
	for i := range n - 2 {
		members = append(members, fmt.Sprintf("U1%05d", i))
	}
	return append(members, uid("bo"))
}

func TestAChannelOfManyIsReadPageByPage(t *testing.T) {
	t.Parallel()
	src := sources()["a channel"]
	s := withGroup(t, slack.ModeSocket, src)
	s.slack.SetMembers(payRoom, crowd(450)...)
	_, card := s.asked()
	if n := s.slack.Calls(src.method); n != 3 {
		t.Errorf("read in %d pages", n)
	}
	says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "Approved for 1h")
}

func TestAPageThatFailsLeavesTheWholeChannelUnknown(t *testing.T) {
	t.Parallel()
	src := sources()["a channel"]
	s := withGroup(t, slack.ModeSocket, src)
	s.slack.SetMembers(payRoom, crowd(450)...)
	s.slack.Break(src.method, slackfake.Fault{Kind: slackfake.Slow, Delay: time.Millisecond}, 2)
	s.slack.Break(src.method, slackfake.Fault{Kind: slackfake.Unavailable}, 1)
	if got, err := s.members(src); err == nil {
		t.Errorf("half a channel: %v", got)
	}
	if got, err := s.members(src); err != nil || !cmp.Equal(got, []string{"ann@example.com", "bo@example.com"}) {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

func TestACrowdOfMoreThanTwoThousandIsNoGroup(t *testing.T) {
	t.Parallel()
	everySource(t, func(t *testing.T, src source) {
		t.Helper()
		s := withGroup(t, slack.ModeSocket, src)
		s.slack.SetGroup(slackfake.Group{ID: payGroup, Users: crowd(2001)})
		s.slack.SetMembers(payRoom, crowd(2001)...) // and the bot
		if got, err := s.members(src); err == nil || !strings.Contains(err.Error(), "more than 2000 members") {
			t.Errorf("members %v, %v", got, err)
		}
		says(t, bottest.ReplyWords(s.Say("ann", "request prod-db 1h orders are stuck")), "Refused by the policy")
	})
}

func TestAGroupWithoutAnIDOfSlackIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	for _, src := range sources() {
		for _, id := range []string{"", "payments", "S0pay", "S0PAY&x=y", "T0TEAM"} {
			src.id = id
			if got, err := s.members(src); !bot.IsPermanent(err) {
				t.Errorf("%q: %v, %v", id, got, err)
			}
		}
		if n := s.slack.Calls(src.method); n != 0 {
			t.Errorf("%s was called %d times", src.method, n)
		}
	}
}
