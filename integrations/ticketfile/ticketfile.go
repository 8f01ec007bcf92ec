// Package ticketfile answers for tickets and incidents from a YAML or JSON
// file that something else keeps up to date: an export of the tracker, a job,
// or a person. It asks no network. A file that is missing, broken or too old
// is an outage: its tickets are unknown, and unknown never allows.
package ticketfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"jitbot/bot"
	"jitbot/internal/strictyaml"
	"jitbot/policy"
)

// Config says where the file is.
type Config struct {
	// Path is the file. Empty: there are no tickets, and rules that need one
	// give nothing.
	Path string `yaml:"path"`
	// MaxAge is how old the file's last change may be before what it says
	// counts as unknown. Zero: any age, for files kept by hand.
	MaxAge time.Duration `yaml:"max_age"`
}

// Source reads the file when it has changed. Safe for concurrent use.
type Source struct {
	cfg Config
	now func() time.Time

	mu     sync.Mutex
	stamp  time.Time
	parsed content
}

type content struct {
	Tickets   []ticket   `yaml:"tickets"`
	Incidents []incident `yaml:"incidents"`
}

type ticket struct {
	ID       string `yaml:"id,required"`
	Open     bool   `yaml:"open"`
	Assignee string `yaml:"assignee"`
}

type incident struct {
	ID       string `yaml:"id,required"`
	OpenedBy string `yaml:"opened_by"`
	Since    string `yaml:"since"` // RFC 3339
}

// Open returns the source; the file is read when it is first asked.
func Open(cfg Config, now func() time.Time) (*Source, error) {
	if cfg.Path == "" || now == nil {
		return nil, errors.New("ticket file: a path and a clock are needed")
	}
	return &Source{cfg: cfg, now: now}, nil
}

// Ticket returns the state of a ticket; an id the file does not know is an
// error wrapping bot.ErrNoTicket.
func (s *Source) Ticket(_ context.Context, id string) (policy.Ticket, error) {
	c, err := s.read()
	if err != nil {
		return policy.Ticket{}, err
	}
	for _, t := range c.Tickets {
		if t.ID == id {
			return policy.Ticket{ID: t.ID, Open: t.Open, Assignee: strings.ToLower(t.Assignee)}, nil
		}
	}
	return policy.Ticket{}, fmt.Errorf("ticket %s: %w", id, bot.ErrNoTicket)
}

// Incidents lists the open incidents.
func (s *Source) Incidents(context.Context) ([]policy.Incident, error) {
	c, err := s.read()
	if err != nil {
		return nil, err
	}
	out := make([]policy.Incident, 0, len(c.Incidents))
	for _, i := range c.Incidents {
		since, err := time.Parse(time.RFC3339, i.Since)
		if i.Since != "" && err != nil {
			return nil, fmt.Errorf("ticket file %s: incident %s: since: %w", s.cfg.Path, i.ID, err)
		}
		out = append(out, policy.Incident{ID: i.ID, OpenedBy: strings.ToLower(i.OpenedBy), Since: since})
	}
	return out, nil
}

func (s *Source) read() (content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.cfg.Path)
	if err != nil {
		return content{}, fmt.Errorf("ticket file: %w", err)
	}
	if age := s.now().Sub(info.ModTime()); s.cfg.MaxAge > 0 && age > s.cfg.MaxAge {
		return content{}, fmt.Errorf("ticket file %s was last written %s ago; at most %s counts", s.cfg.Path, age.Truncate(time.Second), s.cfg.MaxAge)
	}
	if info.ModTime().Equal(s.stamp) {
		return s.parsed, nil
	}
	src, err := os.ReadFile(s.cfg.Path)
	if err != nil {
		return content{}, fmt.Errorf("ticket file: %w", err)
	}
	var c content
	if err := strictyaml.Decode(s.cfg.Path, src, &c, nil); err != nil {
		return content{}, fmt.Errorf("ticket file: %w", err)
	}
	s.parsed, s.stamp = c, info.ModTime()
	return c, nil
}
