package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

// MaxBytes is the largest policy [Load] reads; ten thousand rules need half
// of it.
const MaxBytes = 4 << 20

// What holds where defaults says nothing.
const (
	stdMaxDuration     = 8 * time.Hour
	stdDefaultDuration = time.Hour
	stdPendingTTL      = 8 * time.Hour
	stdRemindAfter     = 15 * time.Minute
	stdWarnBefore      = 10 * time.Minute
	stdReviewWithin    = 24 * time.Hour
	stdBreakGlass      = time.Hour
)

// loader holds what is needed while a policy is read, and not afterwards.
type loader struct {
	f       *strictyaml.File
	p       *Policy
	o       Options
	sum     hash.Hash
	exprID  map[string]int32
	celEnv  *celEnv
	ruleAt  []*yaml.Node       // by rule
	used    map[ref]bool       // groups and schedules something refers to
	globs   map[string][]int32 // resources by match, see resourcesOf
	warned  []warning
	groupAt map[string]*yaml.Node // keys, for warnings
	schedAt map[string]*yaml.Node
}

// Load reads a policy. name is how problems call the file. The error is a
// strictyaml.Problems that holds everything found wrong, in the order of the
// file; the examples under tests run when nothing else is wrong.
func Load(name string, src []byte, o Options) (*Policy, error) {
	f, err := strictyaml.Parse(name, src, MaxBytes)
	if err != nil {
		return nil, err
	}
	l := newLoader(f, o)
	l.sum.Write(src)
	l.p.src = slices.Clone(src)
	top, ok := f.Mapping(f.Root, topKeys)
	if !ok {
		return nil, f.Err()
	}
	l.version(top)
	l.defaults(top.Get("defaults"))
	l.groups(top.Get("groups"))
	l.schedules(top.Get("on_call"))
	l.resources(top.Get("resources"))
	l.bundles(top.Get("bundles"))
	l.rules(top.Get("rules"))
	l.p.sum = hex.EncodeToString(l.sum.Sum(nil))
	if err := f.Err(); err != nil {
		return nil, err
	}
	l.p.buildIndex()
	l.p.buildNeeds()
	l.checkReach()
	l.checkUse()
	if err := f.Err(); err != nil {
		return nil, err
	}
	l.tests(top.Get("tests"))
	if err := f.Err(); err != nil {
		return nil, err
	}
	return l.p, nil
}

func newLoader(f *strictyaml.File, o Options) *loader {
	return &loader{
		f: f, o: o, sum: sha256.New(),
		exprID: map[string]int32{}, used: map[ref]bool{}, globs: map[string][]int32{},
		groupAt: map[string]*yaml.Node{}, schedAt: map[string]*yaml.Node{},
		p: &Policy{
			file: f.Name, personID: map[string]int32{}, groupID: map[string]int32{}, schedID: map[string]int32{},
			resID: map[string]int32{}, bundles: map[string][]string{},
		},
	}
}

func (l *loader) version(top strictyaml.Mapping) {
	n := top.Get("version")
	if n == nil {
		l.f.Problemf(top.Node, "version is missing; write version: 1")
		return
	}
	if v, ok := l.f.Int(n); ok && v != 1 {
		l.f.Problemf(n, "version %d is not known; this program reads version 1", v)
	}
}

func (l *loader) defaults(n *yaml.Node) {
	d := &l.p.defaults
	*d = defaults{time.UTC, stdPendingTTL, stdRemindAfter, stdWarnBefore, stdMaxDuration, 0, QuietHours{}}
	if n != nil {
		if m, ok := l.f.Mapping(n, defaultsKeys); ok {
			d.loc = l.zone(m.Get("timezone"), time.UTC)
			l.duration(m.Get("pending_ttl"), &d.pendingTTL)
			l.duration(m.Get("remind_after"), &d.remind)
			l.duration(m.Get("warn_before"), &d.warn)
			l.duration(m.Get("max_duration"), &d.maxDuration)
			l.duration(m.Get("default_duration"), &d.defaultDuration)
			l.quietHours(m.Get("quiet_hours"))
			if d.defaultDuration > d.maxDuration {
				l.f.Problemf(m.Get("default_duration"), "%s is over defaults.max_duration %s; shorten it or raise the maximum",
					jit.FormatDuration(d.defaultDuration), jit.FormatDuration(d.maxDuration))
			}
		}
	}
	if d.defaultDuration == 0 {
		d.defaultDuration = min(stdDefaultDuration, d.maxDuration)
	}
}

func (l *loader) quietHours(n *yaml.Node) {
	if n == nil {
		return
	}
	m, ok := l.f.Mapping(n, quietKeys)
	if !ok {
		return
	}
	from, okFrom := l.clock(l.must(m, "from"))
	to, okTo := l.clock(l.must(m, "to"))
	if okFrom && okTo {
		l.p.defaults.quiet = QuietHours{time.Duration(from) * time.Minute, time.Duration(to) * time.Minute}
	}
}

func (l *loader) clock(n *yaml.Node) (int, bool) {
	s, ok := l.f.Text(n)
	if !ok {
		return 0, false
	}
	minute, ok := parseClock(s)
	if !ok {
		l.f.Problemf(n, "%q is not a time of day; write it like \"07:00\"", s)
	}
	return minute, ok
}

// zone reads the name of a time zone, or gives std.
func (l *loader) zone(n *yaml.Node, std *time.Location) *time.Location {
	if n == nil {
		return std
	}
	name, ok := l.f.Text(n)
	if !ok {
		return std
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		l.f.Problemf(n, "%q is not a time zone; write it like Europe/Berlin", name)
		return std
	}
	return loc
}

// duration reads n into into; absent and wrong values leave it as it is.
func (l *loader) duration(n *yaml.Node, into *time.Duration) {
	if n == nil {
		return
	}
	if n.Kind != yaml.ScalarNode {
		l.f.Text(n)
		return
	}
	d, err := jit.ParseDuration(n.Value)
	if err != nil {
		l.f.Problemf(n, "%v", err)
		return
	}
	*into = d
}

// text reads n, or gives an empty string if it is absent.
func (l *loader) text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	s, ok := l.f.Text(n)
	if ok && s == "" {
		l.f.Problemf(n, "is empty; give a value or remove the key")
	}
	return s
}

// phrase reads n as words that will stand in a message.
func (l *loader) phrase(n *yaml.Node) string {
	s := l.text(n)
	if clean := strings.Join(strings.Fields(s), " "); clean != strings.TrimSpace(s) || hasControl(s) {
		l.f.Problemf(n, "must be one line of text without control characters")
	}
	if len(s) > maxPhrase {
		l.f.Problemf(n, "is too long; at most %d bytes", maxPhrase)
	}
	return s
}

const maxPhrase = 500
