package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"jitbot/api"
)

const credsUsage = `usage: bot creds [GRANT] --format process|env|json [--server URL]

Fetches credentials of a grant you hold, which may be left out where you hold
just one that gives any. The formats:
  process   for ~/.aws/config:
              [profile prod]
              credential_process = /usr/local/bin/bot creds --format process
  env       for a shell: eval "$(bot creds --format env)"
  json      everything there is

The first time it says a code to type in chat. The server is --server, else
JITBOT_SERVER, else where bot login went last, or bot creds first.
`

const (
	requestTime   = 20 * time.Second // of one request: credentials wait for the provider
	pollTime      = 8 * time.Second
	patienceSDK   = 40 * time.Second // how long --format process waits for a person: SDKs give up after a minute
	processTime   = 55 * time.Second
	maxPollErrors = 3 // on end
)

// machine is this computer as a user of a jitbot.
type machine struct {
	command string
	kept    keeping
	api     client
	out     io.Writer
	err     io.Writer
	name    string // what it calls itself
	now     func() time.Time
	pause   func(context.Context, time.Duration) error
}

// nextError says what went wrong and what to do.
type nextError struct {
	say, next string
	usage     bool
}

// Error is both.
func (e *nextError) Error() string { return strings.TrimSpace(e.say + "\n" + e.next) }

func next(say, next string) error { return &nextError{say: say, next: next} }

func wrongUse(format string, args ...any) error {
	return &nextError{say: fmt.Sprintf(format, args...), usage: true}
}

func runCreds(ctx context.Context, args []string, env environment) int {
	return asMachine("creds", credsUsage, args, env, func(m *machine, c credsFlags) error {
		if c.format == formatProcess {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, processTime)
			defer cancel()
		}
		return m.creds(ctx, c.grant, c.format)
	})
}

func runLogin(ctx context.Context, args []string, env environment) int {
	return asMachine("login", loginUsage, args, env, func(m *machine, _ credsFlags) error { return m.login(ctx) })
}

func runLogout(args []string, env environment) int {
	return asMachine("logout", logoutUsage, args, env, func(m *machine, _ credsFlags) error { return m.logout() })
}

// credsFlags is what the command line says.
type credsFlags struct{ grant, format, server string }

func asMachine(command, usage string, args []string, env environment, do func(*machine, credsFlags) error) int {
	c, err := parseCreds(command, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(env.stdout, usage)
		return exitOK
	}
	var m *machine
	if err == nil {
		m, err = newMachine(command, c.server, env)
	}
	if err == nil {
		err = do(m, c)
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(env.stderr, "bot %s: %v\n", command, err)
	var n *nextError
	if errors.As(err, &n) && n.usage {
		fmt.Fprintf(env.stderr, "\n%s", usage)
		return exitUsage
	}
	return exitRefused
}

func parseCreds(command string, args []string) (c credsFlags, err error) {
	fl := flag.NewFlagSet(command, flag.ContinueOnError)
	fl.SetOutput(io.Discard)
	fl.StringVar(&c.server, "server", "", "")
	most := 0
	if command == "creds" {
		most = 1
		fl.StringVar(&c.format, "format", "", "")
	}
	var plain []string
	for {
		if err := fl.Parse(args); errors.Is(err, flag.ErrHelp) {
			return c, err
		} else if err != nil {
			return c, wrongUse("%v", err)
		}
		if fl.NArg() == 0 {
			break
		}
		plain, args = append(plain, fl.Arg(0)), fl.Args()[1:]
	}
	if len(plain) > most {
		return c, wrongUse("%q is one word too many", plain[most])
	}
	if len(plain) == 1 {
		c.grant = plain[0]
	}
	if command == "creds" && credsFormats()[c.format] == nil {
		return c, wrongUse("--format has to be process, env or json")
	}
	return c, nil
}

func newMachine(command, server string, env environment) (*machine, error) {
	kept, err := keepingOf(env.getenv)
	if err != nil {
		return nil, err
	}
	if server == "" {
		server = env.getenv("JITBOT_SERVER")
	}
	if server == "" {
		var last keptServer
		if err := kept.read(serverFile, &last); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		server = last.Server
	}
	if server == "" {
		return nil, wrongUse("which jitbot? Give --server URL, or set JITBOT_SERVER")
	}
	if server, err = serverURL(server); err != nil {
		return nil, wrongUse("%v", err)
	}
	name, _ := os.Hostname() // a machine without a name says so in chat
	if user := env.getenv("USER"); user != "" {
		name = user + "@" + name
	}
	return &machine{
		command: command, kept: kept, api: newClient(server), out: env.stdout, err: env.stderr, name: name,
		now: time.Now, pause: pauseFor,
	}, nil
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// creds prints the credentials of a grant.
func (m *machine) creds(ctx context.Context, grant, format string) error {
	var t keptToken
	err := m.kept.read(tokenFile(m.api.server), &t)
	if errors.Is(err, fs.ErrNotExist) {
		until := time.Time{}
		if format == formatProcess {
			until = m.now().Add(patienceSDK)
		}
		if t, err = m.signIn(ctx, until); err == nil {
			err = m.rememberFirst()
		}
	}
	if err != nil {
		return err
	}
	c, err := m.fetch(ctx, t, grant)
	if err != nil {
		return err
	}
	return credsFormats()[format](m.out, c)
}

// rememberFirst makes the server the one that is meant where none is named,
// unless there is one already.
func (m *machine) rememberFirst() error {
	var last keptServer
	err := m.kept.read(serverFile, &last)
	if errors.Is(err, fs.ErrNotExist) {
		return m.kept.write(serverFile, keptServer{m.api.server})
	}
	return err
}

// fetch asks for credentials; where there were too many of late, once more.
func (m *machine) fetch(ctx context.Context, t keptToken, grant string) (c api.CredentialsAnswer, err error) {
	for try := range 2 {
		err = m.request(ctx, requestTime, api.PathCredentials, t.Token, api.CredentialsRequest{Grant: grant}, &c)
		var refused *serverError
		if !errors.As(err, &refused) {
			break
		}
		if refused.code == api.InvalidToken {
			return c, m.dead(t)
		}
		wait := refused.after
		if end, ok := ctx.Deadline(); wait == 0 || try > 0 || ok && m.now().Add(wait+requestTime).After(end) {
			break
		}
		if err := m.pause(ctx, wait); err != nil {
			return c, next("stopped while waiting: "+refused.say, "")
		}
	}
	if err != nil {
		return c, err
	}
	return c, checkAnswer(c)
}

// request is one request that does not hang.
func (m *machine) request(ctx context.Context, within time.Duration, path, token string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return m.api.post(ctx, path, token, in, out)
}

// dead forgets a token that does not work any more.
func (m *machine) dead(t keptToken) error {
	var now keptToken
	if err := m.kept.read(tokenFile(m.api.server), &now); err == nil && now.Token == t.Token { // not one that came meanwhile
		if err := m.kept.remove(tokenFile(m.api.server)); err != nil {
			return err
		}
	}
	return next("this computer is not linked any more: its token was revoked or has run out.", "Link it again: bot login --server "+m.api.server)
}
