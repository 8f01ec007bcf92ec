// Package awsfake is a small AWS that lives on the loopback interface: enough
// of STS, of IAM, of IAM Identity Center and of the console's federation
// endpoint for the ordinary AWS SDK to be pointed at it. It exists so that the demo and the tests can show
// what access really is at every instant, and break AWS in the ways it breaks.
//
// It checks signatures, limits and names as AWS documents them, enforces the
// denies in a role's inline policies on the sessions of that role, and keeps a
// timeline of every membership and every denial. It never reaches out to a
// network, stores no secret but one key of its own, and serves no address that
// is not loopback. Two things differ from AWS on purpose: the age of a
// signature is not checked, because tests move the clock, and long-term keys
// may call everything that no policy of theirs rules out.
//
// A Server is one account. [Join] makes several of them one AWS.
package awsfake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"jitbot/internal/loopback"
)

// Config says what the account holds at the start. Account, Now and at least
// one key are needed; everything else has a useful zero value.
type Config struct {
	Account   string           // twelve digits
	Partition string           // "aws" when empty; also aws-cn, aws-us-gov
	Users     []string         // IAM user names; a Key's user needs no entry of its own
	Groups    []Group          // IAM groups
	Roles     []Role           // IAM roles that can be assumed
	Keys      []Key            // long-term access keys, each of an IAM user
	Now       func() time.Time // the account's clock
	PageSize  int              // the longest page of a list; 100 when zero
	ReadLag   time.Duration    // how far reads and enforcement trail behind writes
	StateFile string           // where changes outlive the process; nowhere when empty
	Trail     Trail            // what becomes of what is done
	Center    Center           // IAM Identity Center; none when it has no instance
}

// Group is an IAM group and the users who stand in it from the beginning.
type Group struct {
	Name    string
	Members []string
}

// Role is an IAM role. MaxSession is one hour when zero. ExternalID, when set,
// must be given by whoever assumes the role. Allow lists what its sessions may
// do as action patterns; iam:Get* and iam:List* when empty.
type Role struct {
	Name       string
	Path       string // "/" when empty
	MaxSession time.Duration
	ExternalID string
	Trust      string // trust policy; when empty, the account and who gives ExternalID
	Boundary   string // ARN of the permissions boundary
	Allow      []string
	Policies   map[string]string // inline policies that stood before
}

// Key is a long-term access key of an IAM user. Policy, when set, is all that
// the user may do.
type Key struct {
	ID, Secret, User string
	Policy           string
}

// Server is one loopback account. Make it with [New]; all methods may be
// called at once from many goroutines.
type Server struct {
	cfg    Config
	users  map[string]bool
	groups map[string]bool
	roles  map[string]Role
	keys   map[string]Key
	ops    map[string]operation
	root   []byte // every session's secret and token derive from it
	faults faults
	peers  []*Server // the other accounts of the same AWS, and this one
	trail  trail

	mu    *sync.Mutex // guards what follows, in all accounts of the same AWS
	state state
	calls []Call
	links map[string]signinLink // by hash of the sign-in token

	center    center            // what Identity Center is busy with
	called    map[string]string // users and groups of IAM: the name they had first, by the one they have
	regrouped map[string]string // groups of the identity store, as renamed
	renamed   map[string]string // users of the identity store: the name they had first, by the one they have
}

var (
	accountPattern   = regexp.MustCompile(`^\d{12}$`)
	partitionPattern = regexp.MustCompile(`^aws(-[a-z]+)*$`)
	namePattern      = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
)

// New returns the account that cfg describes, as the state file left it when
// there is one. The error names the entry that does not fit.
func New(cfg Config) (*Server, error) {
	if cfg.Partition == "" {
		cfg.Partition = "aws"
	}
	if cfg.PageSize <= 0 {
		cfg.PageSize = defaultPage
	}
	s := &Server{
		cfg: cfg, mu: &sync.Mutex{}, users: map[string]bool{}, groups: map[string]bool{}, roles: map[string]Role{},
		keys: map[string]Key{}, renamed: map[string]string{}, regrouped: map[string]string{}, called: map[string]string{}, links: map[string]signinLink{}, state: newState(),
	}
	s.ops = operations()
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("loopback AWS: %w", err)
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("loopback AWS: %w", err)
	}
	return s, nil
}

// check takes over the configured names and refuses what AWS would refuse.
func (s *Server) check() error {
	switch {
	case s.cfg.Now == nil:
		return errors.New("no clock given")
	case !accountPattern.MatchString(s.cfg.Account):
		return fmt.Errorf("account %q is not twelve digits", s.cfg.Account)
	case !partitionPattern.MatchString(s.cfg.Partition):
		return fmt.Errorf("partition %q is none of aws, aws-cn, aws-us-gov", s.cfg.Partition)
	case len(s.cfg.Keys) == 0:
		return errors.New("no access key given: nobody could call it")
	}
	for _, u := range s.cfg.Users {
		s.users[u] = true
	}
	for _, k := range s.cfg.Keys {
		s.users[k.User], s.keys[k.ID] = true, k
		if k.ID == "" || k.Secret == "" {
			return fmt.Errorf("access key %q of %q needs an id and a secret", k.ID, k.User)
		}
		if _, err := parsePolicy(k.Policy); k.Policy != "" && err != nil {
			return fmt.Errorf("policy of %s: %w", k.User, err)
		}
	}
	for u := range s.users {
		if !namePattern.MatchString(u) {
			return fmt.Errorf("user name %q is not one that IAM takes", u)
		}
	}
	return errors.Join(s.checkGroups(), s.checkRoles(), s.checkCenter())
}

func (s *Server) checkGroups() error {
	for _, g := range s.cfg.Groups {
		if !namePattern.MatchString(g.Name) || s.groups[g.Name] {
			return fmt.Errorf("group name %q is invalid or given twice", g.Name)
		}
		s.groups[g.Name] = true
		for _, m := range g.Members {
			if !s.users[m] {
				return fmt.Errorf("group %s: member %q is no user", g.Name, m)
			}
		}
	}
	return nil
}

func (s *Server) checkRoles() error {
	for _, r := range s.cfg.Roles {
		if _, twice := s.roles[r.Name]; twice || !namePattern.MatchString(r.Name) {
			return fmt.Errorf("role name %q is invalid or given twice", r.Name)
		}
		if r.Path == "" {
			r.Path = "/"
		}
		if r.MaxSession == 0 {
			r.MaxSession = time.Hour
		}
		if r.MaxSession < time.Hour || r.MaxSession > 12*time.Hour {
			return fmt.Errorf("role %s: longest session %s is outside 1h to 12h", r.Name, r.MaxSession)
		}
		if len(r.Allow) == 0 {
			r.Allow = []string{"iam:Get*", "iam:List*"}
		}
		if _, err := parseTrust(s.trust(r)); err != nil {
			return fmt.Errorf("role %s: trust policy: %w", r.Name, err)
		}
		s.roles[r.Name] = r
	}
	return nil
}

// Start serves the account at addr, which must be a loopback address; empty
// means a free port of 127.0.0.1. It returns the endpoint to give to an SDK
// and a func that stops serving, cuts open calls, and returns when both are
// done.
func (s *Server) Start(ctx context.Context, addr string) (url string, stop func(), err error) {
	ln, url, err := loopback.Listen(ctx, "loopback AWS", addr)
	if err != nil {
		return "", nil, err
	}
	return url, loopback.Serve(ln, s.Handler()), nil
}

// Handler serves the endpoint: signed calls are POSTs to /, the page is GET /,
// and /federation hands out console links. Requests whose Host is not loopback
// are refused, so that no web page can reach it by a name of its own.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serveCall)
	mux.HandleFunc("GET /{$}", s.servePage)
	mux.Handle("GET /static/", staticFiles())
	mux.HandleFunc("/federation", s.serveFederation)
	return loopback.Local(s.delivery(mux))
}

func (s *Server) arn(service, rest string) string {
	return "arn:" + s.cfg.Partition + ":" + service + "::" + s.cfg.Account + ":" + rest
}

func (s *Server) roleARN(r Role) string { return s.arn("iam", "role"+r.Path+r.Name) }
