package trail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

const (
	account = "111122223333"
	home    = "eu-central-1"
	prodDB  = "arn:aws:iam::111122223333:role/jit/ProdDB"
	address = "http://127.0.0.1:1"
)

// sinceFake moves a bubble's clock to where logs are believed.
const sinceFake = 235_800 * time.Hour

func now() time.Time { return time.Now().Add(sinceFake).UTC() }

// inProcess calls a handler without a network, so that waiting takes no time.
type inProcess struct {
	handler http.Handler
	mu      sync.Mutex
	most    int // bytes of the largest answer
}

func (p *inProcess) Do(r *http.Request) (resp *http.Response, err error) {
	in := r.Clone(r.Context())
	in.Host, in.RemoteAddr, in.RequestURI = r.URL.Host, "127.0.0.1:2", r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	aborted := false
	func() {
		defer func() { aborted = recover() != nil }()
		p.handler.ServeHTTP(w, in)
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if aborted && w.Body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	resp = w.Result()
	p.mu.Lock()
	p.most = max(p.most, w.Body.Len())
	p.mu.Unlock()
	if n, _ := strconv.Atoi(w.Header().Get("Content-Length")); aborted || n > w.Body.Len() && r.Method != http.MethodHead {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(w.Body.Bytes()), &broken{}))
	}
	return resp, nil
}

// broken is a connection that is cut.
type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// world is a loopback AWS, and an intake that remembers.
type world struct {
	*testing.T
	aws    *awsfake.Server
	http   *inProcess
	intake *intake
	key    [3]string // of whoever calls next; empty: the hub
}

// inWorld runs a story in a bubble, where time passes by itself.
func inWorld(t *testing.T, trail awsfake.Trail, story func(w *world)) {
	t.Helper()
	t.Parallel()
	inWorldAlone(t, trail, story)
}

// inWorldAlone is inWorld while no other test runs, which could be counted too.
func inWorldAlone(t *testing.T, trail awsfake.Trail, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, err := awsfake.New(awsfake.Config{
			Account: account, Now: now, Trail: trail, PageSize: 3,
			Roles: []awsfake.Role{{Name: "ProdDB", Path: "/jit/", MaxSession: 4 * time.Hour}},
			Keys:  []awsfake.Key{{ID: "AKIAHUB", Secret: "hub-secret", User: "jitbot"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		story(&world{T: t, aws: server, http: &inProcess{handler: server.Handler()}, intake: newIntake()})
	})
}

func (w *world) config(region string) awssdk.Config {
	if region == "" {
		region = home
	}
	key := w.key
	if key[0] == "" {
		key = [3]string{"AKIAHUB", "hub-secret", ""}
	}
	return awssdk.Config{
		Region: region, BaseEndpoint: awssdk.String(address), HTTPClient: w.http,
		Credentials: credentials.NewStaticCredentialsProvider(key[0], key[1], key[2]),
		Retryer:     func() awssdk.Retryer { return awssdk.NopRetryer{} },
	}
}

// open makes a source that reads the world.
func (w *world) open(cfg Config) activity.Source {
	w.Helper()
	s, err := Open("trail", cfg, reach.New(reach.Config{Timeout: 5 * time.Second}, nil), bot.Deps{Now: now})
	if err != nil {
		w.Fatal(err)
	}
	var c *common
	switch s := s.(type) {
	case *lookups:
		c = &s.common
	case *listed:
		c = &s.common
	case *announced:
		c = &s.common
	}
	c.in = func(_ context.Context, _, region string) (awssdk.Config, error) { return w.config(region), nil }
	c.into = w.intake.into
	return s
}

// does opens a session named after a grant and reads its role so often.
func (w *world) does(grant string, times int) {
	w.Helper()
	out, err := sts.NewFromConfig(w.config(home)).AssumeRole(w.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String(prodDB), RoleSessionName: &grant, SourceIdentity: awssdk.String("ann@example.com"),
	})
	if err != nil {
		w.Fatal(err)
	}
	cfg := w.config(home)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	client := iam.NewFromConfig(cfg)
	for range times {
		if _, err := client.GetRole(w.Context(), &iam.GetRoleInput{RoleName: awssdk.String("ProdDB")}); err != nil {
			w.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}

// read reads a source once and fails on errors.
func (w *world) read(s activity.Source) {
	w.Helper()
	if err := s.Read(w.Context(), w.intake); err != nil {
		w.Fatal(err)
	}
}

func (w *world) want(records int) {
	w.Helper()
	if got := len(w.intake.records); got != records {
		w.Errorf("%d records, want %d: %v", got, records, slices.Sorted(maps.Keys(w.intake.records)))
	}
}

func subject(grant string, from time.Time) activity.Subject {
	return activity.Subject{
		Grant: grant, From: from, Holdings: []jit.Holding{{Entitlement: jit.Entitlement{Kind: "aws_session", Params: map[string]string{"role": prodDB}}}},
		Marks: []activity.Mark{{Method: jit.BySessionName, Scope: prodDB, Value: grant, Person: "ann@example.com"}},
	}
}

// padded gives every batch an address of its own, also while it holds nothing.
type padded struct {
	activity.Batch
	_ [8]byte
}

// filled is what a batch of the intake took in.
type filled struct {
	part    string
	records []activity.Record
	bad     map[string]int64
}

// intake remembers what was taken, as the core does: an action is one by its
// ID, and nothing counts before it is taken.
type intake struct {
	mu       sync.Mutex
	open     map[*activity.Batch]*filled
	cursor   []byte
	subjects []activity.Subject
	parts    map[string]bool
	records  map[string]activity.Record
	again    int // records that were known
	bad      map[string]int64
	since    time.Time // of the last that told up to when
	until    time.Time
	newest   time.Time
	gaps     []activity.Span
	begun    []string // parts that were not taken before
	takes    int
	failAt   int // the Take that fails, counted from 1
}

func newIntake() *intake {
	return &intake{
		open: map[*activity.Batch]*filled{}, parts: map[string]bool{}, records: map[string]activity.Record{}, bad: map[string]int64{},
	}
}

func (i *intake) into(b *activity.Batch) (func(*activity.Record), func(string, int64)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f := i.open[b]
	return func(r *activity.Record) { f.records = append(f.records, kept(r)) }, func(why string, n int64) { f.bad[why] += n }
}

func (i *intake) Cursor(context.Context) ([]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.cursor), nil
}

func (i *intake) Subjects(context.Context) ([]activity.Subject, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.subjects), nil
}

func (i *intake) Begin(_ context.Context, part string) (*activity.Batch, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.parts[part] {
		return nil, true, nil
	}
	if part != "" {
		i.begun = append(i.begun, part)
	}
	b := &new(padded).Batch
	i.open[b] = &filled{part: part, bad: map[string]int64{}}
	return b, false, nil
}

var errStore = errors.New("the store is away")

func (i *intake) Take(_ context.Context, b *activity.Batch, p activity.Progress) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	f := i.open[b]
	if f == nil {
		return errors.New("a batch that was used up")
	}
	if i.takes++; i.takes == i.failAt {
		return errStore
	}
	delete(i.open, b)
	for _, r := range f.records {
		if _, known := i.records[r.ID]; known && !r.Amends {
			i.again++
			continue
		}
		i.records[r.ID] = r
	}
	for why, n := range f.bad {
		i.bad[why] += n
	}
	if f.part != "" {
		i.parts[f.part] = true
	}
	if p.Cursor != nil {
		i.cursor = p.Cursor
	}
	if p.Until.After(i.until) {
		i.since, i.until = p.Since, p.Until
	}
	if p.Newest.After(i.newest) {
		i.newest = p.Newest
	}
	if p.Gap != (activity.Span{}) {
		i.gaps = append(i.gaps, p.Gap)
	}
	return nil
}

// made is a record of the trail that nobody's call made.
func made(id string, at time.Time, session string) awsfake.Told {
	text := plainRecord(id, "")
	text = strings.ReplaceAll(text, "grt_1", session)
	text = strings.ReplaceAll(text, "2026-11-23T09:12:13Z", at.UTC().Format(time.RFC3339))
	return awsfake.Told{ID: id, Name: "GetObject", Source: "ssm.amazonaws.com", Region: home, Username: session, At: at, Record: text}
}

// file is a packed object of records.
func file(t testing.TB, from, n int) []byte {
	t.Helper()
	var list []string
	for i := range n {
		list = append(list, plainRecord(fmt.Sprintf("e%d", from+i), ""))
	}
	return zip(t, `{"Records":[`+strings.Join(list, ",")+`]}`)
}
