package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// errWidens says that a policy gives more, or may, where it was not to.
var errWidens = errors.New("the new policy gives more")

// policyDiff is `bot policy diff OLD NEW`.
func policyDiff(args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("diff", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "")
	failOn := fs.String("fail-on", "", "")
	since := fs.String("since", "", "")
	files, err := parseWithFiles(fs, args, stderr)
	if err != nil {
		return err
	}
	if len(files) != 2 {
		return fmt.Errorf("%w: two files, OLD and NEW", errUsage)
	}
	if *failOn != "" && *failOn != string(policy.Widen) {
		return fmt.Errorf("%w: --fail-on %s is not possible; only widen", errUsage, *failOn)
	}
	o := policy.CompareOptions{}
	if *since != "" {
		if o.Since, err = time.Parse(time.RFC3339, *since); err != nil {
			return fmt.Errorf("%w: --since %q is not a time; write it like 2026-01-07T12:00:00Z", errUsage, *since)
		}
	}
	before, err := loadPolicy(files[0])
	after, err2 := loadPolicy(files[1])
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	c := policy.Compare(before, after, o)
	if err := writeDiff(stdout, c, *asJSON); err != nil {
		return err
	}
	if *failOn != "" && c.Direction != policy.Same && c.Direction != policy.Narrow {
		return errWidens
	}
	return nil
}

func writeDiff(w io.Writer, c policy.Comparison, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(c)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", c.Direction, directionWords[c.Direction])
	for _, change := range c.Changes {
		fmt.Fprintf(&b, "  %-8s%s\n", change.Direction, change.Sentence)
		if x := change.Counterexample; x != nil {
			fmt.Fprintf(&b, "          %s\n", exampleWords(x, change.Direction))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var directionWords = map[policy.Direction]string{
	policy.Same:    "every request gets what it got",
	policy.Narrow:  "nobody gets more, some get less",
	policy.Widen:   "some get more",
	policy.Mixed:   "some get more, some get less",
	policy.Unknown: "whether somebody gets more could not be shown; take it that somebody does",
}

// exampleWords is a counterexample as one would tell it.
func exampleWords(x *policy.Example, d policy.Direction) string {
	var b strings.Builder
	b.WriteString(whoWords(x))
	if d == policy.Narrow {
		b.WriteString(" can no longer ")
	} else {
		b.WriteString(" could now ")
	}
	fmt.Fprintf(&b, "%s%s%s", doWords(x), lengthWords(x), circumstances(x))
	if d == policy.Narrow {
		fmt.Fprintf(&b, " %s; now: %s.", answerWords(x.Old), answerWords(x.New))
	} else {
		fmt.Fprintf(&b, " %s; before: %s.", answerWords(x.New), answerWords(x.Old))
	}
	if len(x.Approvals) > 0 {
		fmt.Fprintf(&b, " For one, %s would be enough.", strings.Join(x.Approvals, " and "))
	}
	return b.String()
}

func whoWords(x *policy.Example) string {
	who := x.User
	if strings.HasSuffix(who, "@elsewhere.example") {
		who = "somebody whom neither policy names"
	}
	if len(x.Groups) > 0 {
		who += " (in " + strings.Join(x.Groups, ", ") + ")"
	}
	if len(x.OnCall) > 0 {
		who += " (on call for " + strings.Join(x.OnCall, ", ") + ")"
	}
	if x.By != "" {
		who += ", for whom " + x.By + " asks,"
	}
	return who
}

func doWords(x *policy.Example) string {
	switch x.Kind {
	case policy.BreakGlass:
		return "break the glass for " + x.Resource
	case policy.Extension:
		return "extend " + x.Resource + ", held for " + jit.FormatDuration(time.Duration(x.Held))
	default:
		return "get " + x.Resource
	}
}

func lengthWords(x *policy.Example) string {
	switch d := time.Duration(x.Duration); {
	case d == 0:
		return " without saying how long"
	case x.Kind == policy.Extension:
		return ", by " + jit.FormatDuration(d)
	default:
		return " for " + jit.FormatDuration(d)
	}
}

func circumstances(x *policy.Example) string {
	out := " on " + x.At.Format("Mon 2006-01-02 15:04 MST")
	if x.Reason != "" {
		out += fmt.Sprintf(", reason %q", x.Reason)
	}
	if x.Ticket != "" {
		out += ", ticket " + x.Ticket
	}
	if x.Incident {
		out += ", with an incident open"
	}
	return out + ","
}

// answerWords makes words for people of those for programs.
func answerWords(answer string) string {
	outcome, rest, _ := strings.Cut(answer, " ")
	switch outcome {
	case policy.Deny.String():
		return "no"
	case policy.AutoApprove.String():
		return "with no approval, " + rest
	default:
		return "with approval " + rest
	}
}

// parseWithFiles parses flags that stand before, between or after files.
func parseWithFiles(fs *flag.FlagSet, args []string, stderr io.Writer) (files []string, err error) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, policyUsage)
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if fs.NArg() == 0 {
			return files, nil
		}
		files, args = append(files, fs.Arg(0)), fs.Args()[1:]
	}
}
