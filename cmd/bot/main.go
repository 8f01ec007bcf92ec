// Command bot is jitbot: just-in-time access from chat. See README.md, or run
// `bot demo` and follow the page it names.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes.
const (
	exitOK      = 0
	exitRefused = 1 // the answer is no, or a check failed
	exitUsage   = 2 // the command or a setting is wrong
)

const usageText = `jitbot: just-in-time access from chat.

  bot demo      [--listen ADDR] [--data DIR]      try everything; nothing to set up
  bot serve     --config FILE                     run
  bot doctor    --config FILE [--accept-clock]    is everything set up well?
  bot policy    check|explain|replay|suggest|... offline checks of a policy file
  bot aws       policy --config FILE              what AWS has to let jitbot do, to be pasted there
  bot slack     manifest                          the Slack app, to be pasted where apps are made
  bot requests  list|show ID                      --data DIR or --config FILE
  bot grants    list|show ID|end ID               --data DIR or --config FILE
  bot drift     list|accept ID|fix ID             where the outside and jitbot do not agree
  bot activity  import FILE... --data DIR         logs of what was done, into the contextual log
  bot simulate  --out DIR                         a made-up organisation with a past, to try analyses on
  bot history   import FILE... --data DIR         requests and grants that another tool kept
  bot review    [--week 2026-W47] [--post]        a look back on a week, and what to decide
  bot audit     verify|export ...                 the event log
  bot backup    FILE                              --data DIR or --config FILE
  bot restore   FILE                              --data DIR or --config FILE
  bot login     [--server URL]                    link this computer to you, for bot creds
  bot creds     [GRANT] --format process|env|json credentials of a grant you hold
  bot logout    [--server URL]                    forget that link
  bot version

Each command explains itself with --help.
`

// environment is what a command may use of the world, so that tests can start
// one as a value.
type environment struct {
	stdout, stderr io.Writer
	getenv         func(string) string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], environment{os.Stdout, os.Stderr, os.Getenv})
	stop()
	os.Exit(code)
}

// run does what args say until it is done or ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	if len(args) == 0 {
		fmt.Fprint(env.stderr, usageText)
		return exitUsage
	}
	rest := args[1:]
	switch args[0] {
	case "demo":
		return runDemo(ctx, rest, env)
	case "serve":
		return runServe(ctx, rest, env)
	case "doctor":
		return runDoctor(ctx, rest, env)
	case "policy":
		return runPolicy(ctx, rest, env)
	case "aws":
		return runAWS(ctx, rest, env)
	case "slack":
		return runSlack(rest, env)
	case "requests":
		return runRequests(ctx, rest, env)
	case "grants":
		return runGrants(ctx, rest, env)
	case "drift":
		return runDrift(ctx, rest, env)
	case "activity":
		return runActivity(ctx, rest, env)
	case "simulate":
		return runSimulate(ctx, rest, env)
	case "history":
		return runHistory(ctx, rest, env)
	case "review":
		return runReview(ctx, rest, env)
	case "audit":
		return runAudit(ctx, rest, env)
	case "backup":
		return runBackup(rest, env.stdout, env.stderr)
	case "restore":
		return runRestore(rest, env.stdout, env.stderr)
	case "login":
		return runLogin(ctx, rest, env)
	case "creds":
		return runCreds(ctx, rest, env)
	case "logout":
		return runLogout(rest, env)
	case "healthcheck":
		return runHealthcheck(ctx, rest, env)
	case "version":
		fmt.Fprintln(env.stdout, version())
		return exitOK
	case "help", "-h", "--help":
		fmt.Fprint(env.stdout, usageText)
		return exitOK
	default:
		fmt.Fprintf(env.stderr, "bot: unknown command %q\n\n%s", args[0], usageText)
		return exitUsage
	}
}
