// Package slackfake is a small Slack that lives on the loopback interface: the
// Web API, Socket Mode, signed HTTP callbacks and response URLs, so that an
// ordinary Slack client library can be pointed at it. It exists so that tests,
// benchmarks and the demo can show what every person really sees, check each
// message against Slack's limits, and break Slack in the ways it breaks.
//
// It reads what the app sends on its own, without the client library's types.
// Whatever Slack would refuse is refused with Slack's error, and kept, together
// with what Slack would let pass but no careful app sends: a test ends with
// [Server.Violations] being empty. It never reaches out to a network other than
// loopback, never echoes a token, and knows nothing of the app it serves.
//
// The life of a test:
//
//	s, err := slackfake.New(slackfake.Config{Now: clock, Users: ..., Channels: ...})
//	url, stop, err := s.Start(ctx, "")          // for slack.OptionAPIURL(url)
//	d, err := s.Command(ctx, "U1", "C1", "request prod 1h")
//	d, err = s.Click(ctx, "U2", slackfake.OnMessage("C1", ts), "approve", "", "")
//	d, err = s.Submit(ctx, "U1", viewID, map[string]string{"reason": "INC-42"})
//
// # What tests call
//
// Set-up and change: [New], [Server.Start], [Server.SetCallback],
// [Server.SetUser], [Server.SetChannel], [Server.SetMembers],
// [Server.SetBotIn], [Server.SetGroup], [Server.SetScopes].
//
// People: [Server.Command], [Server.Click], [Server.Type], [Server.Submit],
// [Server.CloseView], [Server.Suggest], [Server.Shortcut], [Server.OpenHome],
// [Server.Say]. The platform: [Server.Event], [Server.Interact],
// [Server.VerifyURL], [Server.Raw], [Server.Redeliver], [Server.Retry].
//
// What is seen: [Server.Messages], [Server.Message], [Server.Private],
// [Server.View], [Server.Views], [Server.Home], [Server.Calls],
// [Server.CallLog], [Server.Violations], [Server.Changed].
//
// Sockets: [Server.Sockets], [Server.SocketsOpened], [Server.Disconnect],
// [Server.DropSockets], [Server.Frame]. Faults: [Server.Break], [Server.LimitPosts].
package slackfake
