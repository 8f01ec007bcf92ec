// Package world runs jitbot with real parts around it for tests: a store, a
// loopback AWS behind the real SDK, people, a policy, and a clock to move.
package world

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/aws"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// World is jitbot with real parts around it: a SQLite file, a loopback AWS
// behind the real SDK, a policy, six people, a clock that tests move, and a
// chat that remembers. Crash drops jitbot and keeps everything else.
type World struct {
	T       *testing.T
	Clock   *Clock
	AWS     *awsfake.Server
	Chat    *bottest.Chat
	People  *bot.Directory
	Store   storage.Store
	Service *bot.Service
	Log     *strings.Builder

	dir    string
	config Setup
	aws    *aws.Provisioner
	policy *policy.Policy
	stop   func()
	// changed is closed at the next write of the store now open.
	changed func() <-chan struct{}
	nonce   atomic.Int64
	ids     atomic.Int64
	logMu   sync.Mutex
}

// Setup changes a [World] from the ordinary one. The zero value is ordinary.
type Setup struct {
	Policy       string // YAML; empty: Policy
	Provisioners map[string]bot.Provisioner
	OnCall       map[string]bot.OnCall
	Groups       map[string]bot.Groups
	Tickets      bot.Tickets
	Chats        map[string]bot.Chat
	Live         bool // the loops run by themselves; otherwise nothing moves but by Step and Pass
	CallTime     time.Duration
	Change       func(*bot.Config) // what else is different; called at every Boot

	// What stands between jitbot and its store and provisioners, if anything;
	// called at every Boot.
	WrapStore       func(storage.Store) storage.Store
	WrapProvisioner func(bot.Provisioner) bot.Provisioner
}

// Start is when the clock of a World starts: a Monday morning.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Account is the twelve digits of the loopback AWS.
const Account = "111122223333"

// TokenLife is how long the token of a linked machine works in a World.
const TokenLife = 30 * 24 * time.Hour

// New starts a world; it ends with the test.
func New(t *testing.T, setup Setup) *World {
	t.Helper()
	w := &World{T: t, Clock: &Clock{now: Start}, Chat: bottest.NewChat("web"), People: &bot.Directory{}, Log: &strings.Builder{}, dir: t.TempDir(), config: setup}
	w.startAWS()
	w.loadPolicy()
	w.mustBe(w.People.Replace(Cast()))
	w.Boot()
	t.Cleanup(w.Crash)
	return w
}

// Cast is the people of a World: ann and bo of payments, cy and di of platform,
// sam of security, ada the admin, and con the contractor.
func Cast() []bot.Person {
	var out []bot.Person
	for _, name := range []string{"Ann Lee", "Bo Berg", "Cy Cole", "Di Diaz", "Sam Sand", "Ada Agard", "Con Tractor"} {
		handle := strings.ToLower(strings.Fields(name)[0])
		out = append(out, bot.Person{
			Principal: jit.Principal{ID: handle + "@example.com", Name: name},
			Accounts:  []jit.Account{{Platform: "web", User: handle}},
		})
	}
	return out
}

func (w *World) startAWS() {
	w.T.Helper()
	var err error
	w.AWS, err = awsfake.New(awsfake.Config{
		Account: Account,
		Users:   []string{"ann@example.com", "bo@example.com", "cy@example.com", "di@example.com", "con@example.com", "eve@example.com"},
		Groups:  []awsfake.Group{{Name: "prod-db-operators"}, {Name: "staging-operators", Members: []string{"di@example.com"}}},
		Roles:   []awsfake.Role{{Name: "ProdDB"}, {Name: "Logs"}},
		Keys:    []awsfake.Key{{ID: "AKIAJITBOT0000000000", Secret: "canary-long-term-secret", User: "jitbot"}},
		Now:     w.Clock.Now,
	})
	w.mustBe(err)
	url, stop, err := w.AWS.Start(w.T.Context(), "127.0.0.1:0")
	w.mustBe(err)
	w.T.Cleanup(stop)
	w.aws, err = aws.Open(aws.Config{
		Endpoint: url, SigninURL: url + "/federation", Region: "eu-central-1",
		AccessKeyID: "AKIAJITBOT0000000000", SecretAccessKey: "canary-long-term-secret",
		Entitlements: w.entitlements,
	}, bot.Deps{Log: slog.New(slog.DiscardHandler), Now: w.Clock.Now})
	w.mustBe(err)
}

func (w *World) entitlements() []jit.Entitlement {
	var out []jit.Entitlement
	for _, r := range w.policy.Resources() {
		out = append(out, r.Entitlements...)
	}
	return out
}

func (w *World) loadPolicy() {
	w.T.Helper()
	text := w.config.Policy
	if text == "" {
		text = Policy
	}
	var err error
	w.policy, err = policy.Load("policy.yaml", []byte(text), policy.Options{Kinds: aws.Kinds()})
	w.mustBe(err)
}

// Boot opens the store and starts jitbot on it, as after a crash.
func (w *World) Boot() {
	w.T.Helper()
	file, err := sqlite.Open(w.T.Context(), sqlite.Config{Dir: w.dir, Ballast: -1})
	w.mustBe(err)
	store := newWatched(file)
	w.Store = store
	if w.config.WrapStore != nil {
		w.Store = w.config.WrapStore(store)
	}
	chats := w.config.Chats
	if chats == nil {
		chats = map[string]bot.Chat{"web": w.Chat}
	}
	config := bot.Config{
		Store: w.Store, People: w.People, Policy: w.policy, Now: w.Clock.Now, Steady: w.Clock.Steady, NewID: w.newID, Log: slog.New(slog.NewTextHandler(&lockedWriter{w: w}, nil)),
		Chats: chats, Provisioners: w.provisioners(), OnCall: w.config.OnCall, Groups: w.config.Groups, Tickets: w.config.Tickets,
		BaseURL: "http://127.0.0.1:8080", DefaultChannel: "access", AlertChannel: "alerts",
		Admins: []string{"ada@example.com"}, Security: []string{"sam@example.com"}, CallTime: w.config.CallTime,
		Retry:     bot.Backoff{First: time.Second, Most: time.Minute},
		TokenLife: TokenLife,
	}
	if w.config.Change != nil {
		w.config.Change(&config)
	}
	w.Service, err = bot.New(config)
	w.mustBe(err)
	w.mustBe(w.Service.LoadAccounts(w.T.Context()))
	ctx, cancel := context.WithCancel(w.T.Context())
	done := make(chan struct{})
	w.changed = store.changed
	if !w.config.Live {
		close(done)
	} else {
		w.Clock.onMove(w.Service.Wake)
		go func() {
			defer close(done)
			if err := w.Service.Run(ctx); err != nil {
				w.T.Errorf("run: %v", err)
			}
		}()
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		w.Clock.onMove(nil)
		_ = file.Close()
	})
}

// newID counts, so that ids sort as they were made and a story reads the same
// each time.
func (w *World) newID(kind string, _ time.Time) string {
	return fmt.Sprintf("%s_%06d", kind, w.ids.Add(1))
}

// provisioners are what the world's jitbot gives access with.
func (w *World) provisioners() map[string]bot.Provisioner {
	if w.config.Provisioners != nil {
		return w.config.Provisioners
	}
	var p bot.Provisioner = w.aws
	if w.config.WrapProvisioner != nil {
		p = w.config.WrapProvisioner(p)
	}
	return map[string]bot.Provisioner{aws.KindSession: p, aws.KindGroup: p}
}

// Crash stops jitbot and closes its store. Boot starts it again.
func (w *World) Crash() { w.stop() }

type lockedWriter struct{ w *World }

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.w.logMu.Lock()
	defer l.w.logMu.Unlock()
	return l.w.Log.Write(p)
}

func (w *World) mustBe(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// WriteLog adds to the log what a part around jitbot logs. It may be called
// concurrently.
func (w *World) WriteLog(p []byte) (int, error) { return (&lockedWriter{w}).Write(p) }

// LogText is what jitbot logged so far.
func (w *World) LogText() string {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.Log.String()
}

// Kinds are the entitlements the world's policy may name.
func Kinds() []policy.Kind { return aws.Kinds() }
