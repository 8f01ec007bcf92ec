package webchat

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"jitbot/bot"
)

// Config switches the page on and says what it shows.
type Config struct {
	// Enabled mounts the page at /chat. It answers this computer alone.
	Enabled bool `yaml:"enabled"`
	// Workspace is the heading of the page. Empty: jitbot.
	Workspace string `yaml:"workspace"`
	// Channels are the names of the channels, without #, in the order shown.
	// At least one.
	Channels []string `yaml:"channels"`
	// Path is the SQLite file the messages are kept in. It is created, with
	// its folder, readable by its owner alone.
	Path string `yaml:"path"`

	// Guide is shown to newcomers under "What to try".
	Guide []GuideStep `yaml:"-"`
	// Links are shown below the guide.
	Links []bot.Link `yaml:"-"`
	// Commands are completed and explained while they are typed. Empty: the
	// commands of /jit.
	Commands []Command `yaml:"-"`
}

// Person is somebody one can act as on the page.
type Person struct {
	User      string `json:"user"`            // short handle, such as ann
	Name      string `json:"name"`            // what messages say
	Principal string `json:"-"`               // company e-mail
	Title     string `json:"title,omitempty"` // such as "Payments engineer, on call"
	Zone      string `json:"zone,omitempty"`  // IANA name; empty: the browser's
}

// GuideStep is one thing for a newcomer to try. Its button switches to the
// person, opens the channel and fills in the text; sending is left to the reader.
type GuideStep struct {
	Title string `json:"title"`
	Note  string `json:"note,omitempty"`  // a sentence on what will happen
	As    string `json:"as,omitempty"`    // handle of a Person; empty: whoever it is
	Where string `json:"where,omitempty"` // channel, or @jitbot for the direct messages; empty: wherever one is
	Text  string `json:"text,omitempty"`  // what is filled in; empty: nothing to type
}

// Command is one verb of /jit.
type Command struct {
	Verb  string `json:"verb"`
	Usage string `json:"usage,omitempty"` // such as "<resource> <duration> <reason>"
	Help  string `json:"help"`
}

const (
	defaultWorkspace = "jitbot"
	maxChannels      = 50
	maxPeople        = 200
)

var (
	channelName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,79}$`)
	handle      = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)
)

// check returns everything that is wrong with c, joined.
func (c Config) check() error {
	var errs []error
	if c.Path == "" {
		errs = append(errs, errors.New("path is empty: name the file the messages are kept in"))
	}
	if len(c.Channels) == 0 || len(c.Channels) > maxChannels {
		errs = append(errs, fmt.Errorf("channels: name between 1 and %d, not %d", maxChannels, len(c.Channels)))
	}
	seen := map[string]bool{}
	for _, name := range c.Channels {
		if !channelName.MatchString(name) {
			errs = append(errs, fmt.Errorf("channels: %q: use a-z, 0-9, - and _, without #", name))
		}
		if seen[name] {
			errs = append(errs, fmt.Errorf("channels: %q is listed twice; remove one", name))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

// checkPeople returns everything that is wrong with people, joined.
func checkPeople(people []Person) error {
	var errs []error
	if len(people) == 0 || len(people) > maxPeople {
		errs = append(errs, fmt.Errorf("people: name between 1 and %d, not %d", maxPeople, len(people)))
	}
	seen := map[string]bool{}
	for _, p := range people {
		if !handle.MatchString(p.User) {
			errs = append(errs, fmt.Errorf("people: handle %q: use a-z, 0-9, ., - and _", p.User))
		}
		if seen[p.User] {
			errs = append(errs, fmt.Errorf("people: handle %q is listed twice; handles are unique", p.User))
		}
		if p.Name == "" || p.Principal == "" {
			errs = append(errs, fmt.Errorf("people: %q needs a name and a principal", p.User))
		}
		if _, err := time.LoadLocation(p.Zone); err != nil {
			errs = append(errs, fmt.Errorf("people: %q: zone: %w; use a name such as Europe/Berlin", p.User, err))
		}
		seen[p.User] = true
	}
	return errors.Join(errs...)
}

// jitCommands is what the composer knows when the configuration brings nothing.
func jitCommands() []Command {
	return []Command{
		{"request", "<resource> <duration> <reason>", "Ask for access"},
		{"mine", "", "Your requests and what you hold"},
		{"resources", "", "What you may ask for, and under which rule"},
		{"creds", "<grant>", "A one-time link to your credentials"},
		{"end", "<grant>", "Give access back early"},
		{"extend", "<grant> <duration> <reason>", "Ask for more time"},
		{"show", "<id>", "All about one request or grant"},
		{"again", "<request>", "Repeat an earlier request"},
		{"cancel", "<request>", "Withdraw a pending request"},
		{"why", "<resource> <duration>", "What the policy would say, and why"},
		{"break-glass", "<resource> <duration> <reason>", "Emergency access, announced and reviewed"},
		{"help", "", "Every command with an example"},
	}
}
