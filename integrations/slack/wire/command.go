package wire

// Command is a slash command as one person gave it.
type Command struct {
	Team       string // T…; empty only for an org-wide install
	Enterprise string // E…; empty outside an Enterprise organisation
	App        string // A…
	Channel    string // C…, D… or G…
	User       string // U… or W…
	Name       string // the command, such as /jit
	Text       string // what was typed after it; see [ParseCommand]
	// ResponseURL takes five answers within 30 minutes. Whoever has it can
	// answer: it is never logged. Its host is for the sender to check.
	ResponseURL string
	Trigger     string // opens one modal within 3 s; never logged
	// SSLCheck is Slack asking whether the certificate is good: nothing else
	// is set, and 200 is the whole answer.
	SSLCheck bool
	// EnterpriseInstall says that the app is installed for a whole organisation.
	EnterpriseInstall bool
}

// maxName is Slack's limit for the name of a command, slash included.
const maxName = 32

// commandNames are the fields that are read; Slack sends more, and some, such
// as user_name, anybody can choose for himself.
var commandNames = []string{
	"team_id", "enterprise_id", "is_enterprise_install", "api_app_id", "channel_id",
	"user_id", "command", "text", "response_url", "trigger_id", "ssl_check",
}

// commandFields is a command as it comes, over HTTP or a socket.
type commandFields struct {
	Team        string `json:"team_id"`
	Enterprise  string `json:"enterprise_id"`
	Wide        flag   `json:"is_enterprise_install"`
	App         string `json:"api_app_id"`
	Channel     string `json:"channel_id"`
	User        string `json:"user_id"`
	Name        string `json:"command"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
	Trigger     string `json:"trigger_id"`
	SSLCheck    flag   `json:"ssl_check"`
}

// ParseCommand reads the body of a slash command. Nothing is asked of a body
// with ssl_check set; any other has all fields of [Command] but Enterprise,
// and ids of the form they have at Slack. An error is a [*Refusal].
//
// Text is what the person typed, decoded once, in this order: percent
// escapes; then, in one pass from left to right that reads nothing it has
// written, Slack's own marks and the entities &amp; &lt; &gt;. So a person is
// <@U123>, a channel #name, a link its address, <!here> the word @here; but
// &lt;!here&gt;, which is typed brackets, stays the text <!here>, and
// &amp;lt; the text &lt;. A typed <@U123> looks as a chosen person does: both
// name somebody, and neither proves anything. Quotes and spaces stay.
func ParseCommand(body []byte) (Command, error) {
	var f form
	if r := readForm(body, &f); r != nil {
		return Command{}, r
	}
	if f.otherLetters(commandNames) {
		return Command{}, refuse("form.case", "a field is written in other letters than the known one")
	}
	get := func(name string) string {
		value, _ := f.get(name)
		return value
	}
	in := commandFields{
		Team: get("team_id"), Enterprise: get("enterprise_id"), App: get("api_app_id"), Channel: get("channel_id"),
		User: get("user_id"), Name: get("command"), Text: get("text"), ResponseURL: get("response_url"), Trigger: get("trigger_id"),
	}
	var c checks
	c.flag("is_enterprise_install", get("is_enterprise_install"), &in.Wide)
	c.flag("ssl_check", get("ssl_check"), &in.SSLCheck)
	return in.command(c)
}

// ParseCommandJSON reads a slash command as it comes over a socket: the
// fields of the form as a JSON object. Everything else is as with [ParseCommand].
func ParseCommandJSON(payload []byte) (Command, error) {
	var in commandFields
	if err := decode(payload, &in); err != nil {
		return Command{}, err
	}
	return in.command(checks{})
}

func (in commandFields) command(c checks) (Command, error) {
	if in.SSLCheck && c.err() == nil {
		return Command{SSLCheck: true}, nil
	}
	c.origin(in.Team, in.Enterprise, in.App, bool(in.Wide))
	c.need("api_app_id", in.App, true)
	c.need("user_id", in.User, isID(in.User, userID))
	c.need("channel_id", in.Channel, isID(in.Channel, channelID))
	c.need("command", in.Name, len(in.Name) > 1 && len(in.Name) <= maxName && in.Name[0] == '/' && allOf(in.Name, isVisible))
	c.may("response_url", in.ResponseURL, isURL(in.ResponseURL))
	c.need("trigger_id", in.Trigger, isToken(in.Trigger))
	c.text("text", in.Text)
	if err := c.err(); err != nil {
		return Command{}, err
	}
	return Command{
		Team: in.Team, Enterprise: in.Enterprise, App: in.App, Channel: in.Channel, User: in.User, Name: in.Name,
		Text: plainText(in.Text), ResponseURL: in.ResponseURL, Trigger: in.Trigger, EnterpriseInstall: bool(in.Wide),
	}, nil
}
