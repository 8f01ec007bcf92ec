package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

const policyUsage = `usage:
  bot policy check   FILE
  bot policy explain FILE --user WHO --resource NAME [--duration 1h] [--reason TEXT] [--ticket ID]
                     [--by WHO] [--at RFC3339] [--on-call NAME|NAME=WHO]... [--groups a,b]
                     [--incident] [--break-glass] [--json]
  bot policy replay  --policy NEW [--since 90d] [--fail-on denied|widened] [--anyway] [--json]
                     with --data DIR or --config FILE: what NEW would have done with the
                     requests of the past. Exits 1 if too few of them can be decided again
                     as they were (--anyway judges by the rest) or a file does not load,
                     and 3 if something happened that --fail-on names
  bot policy suggest --config FILE [--policy FILE] [--since 180d] [--class A2,A13] [--out DIR] [--json]
                     which edits the past speaks for; --help says more
  bot policy diff    OLD NEW [--json] [--since RFC3339] [--fail-on widen]
                     what NEW gives that OLD does not, and the other way round; with --fail-on widen
                     the exit code is 3 unless NEW is shown to give nobody more
  bot policy schema
`

// errUsage is wrapped by what is wrong with a command line.
var errUsage = errors.New("usage")

// runPolicy is `bot policy`. It returns the exit code: 0 answered, 1 the
// policy does not load, 2 the command line is wrong, 3 diff or replay was
// to fail.
func runPolicy(ctx context.Context, args []string, env environment) int {
	stdout, stderr := env.stdout, env.stderr
	verb := ""
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	var err error
	switch verb {
	case "replay":
		return runReplay(ctx, args, env)
	case "suggest":
		return runSuggest(ctx, args, env)
	case "check":
		err = policyCheck(args, stdout, stderr)
	case "explain":
		err = policyExplain(args, stdout, stderr)
	case "diff":
		err = policyDiff(args, stdout, stderr)
	case "schema":
		_, err = stdout.Write(policy.Schema())
	default:
		fmt.Fprint(stderr, policyUsage)
		return 2
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errWidens):
		return 3
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "bot policy %s: %v\n%s", verb, err, policyUsage)
		return 2
	default:
		fmt.Fprintln(stderr, err)
		return 1
	}
}

func policyCheck(args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("check", flag.ContinueOnError)
	file, err := parseWithFile(fs, args, stderr)
	if err != nil {
		return err
	}
	p, err := loadPolicy(file)
	if err != nil {
		return err
	}
	for _, w := range p.Warnings() {
		fmt.Fprintf(stderr, "%s (warning)\n", w)
	}
	for _, w := range expired(p, time.Now()) {
		fmt.Fprintf(stderr, "%s (warning)\n", w)
	}
	_, err = fmt.Fprintf(stdout, "%s: ok: %d rules, %d resources, %d examples passed, sha256 %s\n",
		file, p.Rules(), len(p.Resources()), p.Examples(), p.SHA256())
	return err
}

// expired tells the rules whose auto_approve is over.
func expired(p *policy.Policy, now time.Time) []string {
	var out []string
	for i := range p.Rules() {
		r := p.Rule(i)
		if end := r.Auto.Expires; !end.IsZero() && !now.Before(end) {
			out = append(out, fmt.Sprintf("%s:%d: rule %s: auto_approve expired on %s; give it another day, or remove it",
				p.File(), r.Line, r.ID, end.In(p.Timezone()).Format(time.DateOnly)))
		}
	}
	return out
}

// parseWithFile parses flags that stand before or after the one FILE.
func parseWithFile(fs *flag.FlagSet, args []string, stderr io.Writer) (file string, err error) {
	files, err := parseWithFiles(fs, args, stderr)
	switch {
	case err != nil:
		return "", err
	case len(files) > 1:
		return "", fmt.Errorf("%w: one FILE, not also %q", errUsage, files[1])
	case len(files) == 0:
		return "", fmt.Errorf("%w: FILE is missing", errUsage)
	}
	return files[0], nil
}

// loadPolicy reads a policy file and the files it names, which lie in its
// folder or below.
func loadPolicy(file string) (*policy.Policy, error) {
	return parsePolicy(file, nil)
}

// parsePolicy is loadPolicy of a text that would be in the file; nil: of the
// file itself.
func parsePolicy(file string, src []byte) (*policy.Policy, error) {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("open the folder of the policy: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing was written
	if src == nil {
		if src, err = readPolicy(file); err != nil {
			return nil, err
		}
	}
	return policy.Load(file, src, policy.Options{
		Kinds: entitlementKinds(), GroupSources: groupKinds(),
		ReadFile: func(name string) ([]byte, error) { return readBounded(root, filepath.FromSlash(name), maxInlined) },
	})
}

// readPolicy reads the file that somebody named, which may be a link or a pipe:
// `bot policy diff <(git show main:policy.yaml) policy.yaml`. Only the files it
// names have to lie beside it.
func readPolicy(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	return bounded(f, file, policy.MaxBytes)
}

// maxInlined is the largest file a policy may name.
const maxInlined = 64 << 10

func readBounded(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return bounded(f, name, most)
}

// bounded reads at most one byte more than most, which tells the reader that
// there was more.
func bounded(r io.Reader, name string, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// question is what `bot policy explain` is asked.
type question struct {
	req    policy.Request
	given  policy.Given
	asJSON bool
}

func policyExplain(args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("explain", flag.ContinueOnError)
	ask := questionFlags(fs)
	file, err := parseWithFile(fs, args, stderr)
	if err != nil {
		return err
	}
	q, err := ask()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	p, err := loadPolicy(file)
	if err != nil {
		return err
	}
	if err := knownNames(p, q.given); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	x := p.Explain(&q.req, p.Offline(&q.req, q.given))
	if q.asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(x)
	}
	return writeExplanation(stdout, q.req, x)
}

// questionFlags declares the flags; the function it returns reads them once
// they are parsed.
func questionFlags(fs *flag.FlagSet) func() (question, error) {
	var q question
	q.given.OnCallAs = map[string]string{}
	fs.StringVar(&q.req.User, "user", "", "")
	fs.StringVar(&q.req.By, "by", "", "")
	fs.StringVar(&q.req.Resource, "resource", "", "")
	fs.StringVar(&q.req.Reason, "reason", "", "")
	fs.StringVar(&q.req.Ticket, "ticket", "", "")
	fs.BoolVar(&q.given.Incident, "incident", false, "")
	fs.BoolVar(&q.asJSON, "json", false, "")
	glass := fs.Bool("break-glass", false, "")
	at := fs.String("at", "", "")
	fs.Func("duration", "", func(s string) (err error) {
		q.req.Duration, err = jit.ParseDuration(s)
		return err
	})
	fs.Func("on-call", "", func(s string) error { return addOnCall(&q.given, s) })
	fs.Func("groups", "", func(s string) error {
		for name := range strings.SplitSeq(s, ",") {
			q.given.Groups = append(q.given.Groups, strings.TrimPrefix(strings.TrimSpace(name), "group:"))
		}
		return nil
	})
	return func() (question, error) {
		q.req.User, q.req.By = strings.ToLower(q.req.User), strings.ToLower(q.req.By)
		q.req.Reason = strings.Join(strings.Fields(q.req.Reason), " ")
		if *glass {
			q.req.Kind = policy.BreakGlass
		}
		if q.req.User == "" || q.req.Resource == "" {
			return q, errors.New("--user and --resource are needed")
		}
		var err error
		q.given.At, err = parseAt(*at)
		return q, err
	}
}

func parseAt(s string) (time.Time, error) {
	if s == "" {
		return time.Now(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("--at %q is not a time; write it like 2026-01-07T12:00:00Z", s)
	}
	return t, nil
}

// addOnCall reads NAME, the user is on call there, or NAME=WHO.
func addOnCall(g *policy.Given, s string) error {
	name, who, named := strings.Cut(s, "=")
	name = strings.TrimPrefix(name, "oncall:")
	if !named {
		g.OnCall = append(g.OnCall, name)
		return nil
	}
	if !strings.Contains(who, "@") {
		return errors.New("write NAME, or NAME=somebody@example.com")
	}
	g.OnCallAs[name] = strings.ToLower(who)
	return nil
}

// knownNames refuses schedules and groups the policy does not have: they
// would be typing mistakes that change the answer.
func knownNames(p *policy.Policy, g policy.Given) error {
	for name := range g.OnCallAs {
		if !slices.Contains(p.Schedules(), name) {
			return fmt.Errorf("--on-call %s: the policy has no such schedule; it has %s", name, strings.Join(p.Schedules(), ", "))
		}
	}
	for _, name := range g.OnCall {
		if !slices.Contains(p.Schedules(), name) {
			return fmt.Errorf("--on-call %s: the policy has no such schedule; it has %s", name, strings.Join(p.Schedules(), ", "))
		}
	}
	for _, name := range g.Groups {
		if !slices.Contains(p.Groups(), name) {
			return fmt.Errorf("--groups %s: the policy has no such group; it has %s", name, strings.Join(p.Groups(), ", "))
		}
	}
	return nil
}

// writeExplanation prints an answer for people.
func writeExplanation(w io.Writer, r policy.Request, x policy.Explanation) error {
	var b strings.Builder
	words := map[policy.Outcome]string{policy.Deny: "No", policy.Approval: "After approval", policy.AutoApprove: "Yes, at once"}
	fmt.Fprintf(&b, "%s: %s for %s", words[x.Outcome], r.Resource, r.User)
	if x.Outcome != policy.Deny {
		fmt.Fprintf(&b, ", at most %s", jit.FormatDuration(time.Duration(x.MaxDuration)))
	}
	b.WriteString("\n")
	for _, reason := range x.Reasons {
		fmt.Fprintf(&b, "  %s\n", reason)
	}
	if x.Outcome == policy.Approval {
		fmt.Fprintf(&b, "Approvers (%d needed): %s\n", x.Count, strings.Join(x.Approvers, ", "))
	}
	if len(x.Trace) > 0 {
		b.WriteString("Rules in file order:\n")
	}
	for _, s := range x.Trace {
		mark := "-"
		if s.Matched {
			mark = "+"
		}
		fmt.Fprintf(&b, "  %s line %-4d %s %s\n", mark, s.Line, s.Rule, s.Why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
