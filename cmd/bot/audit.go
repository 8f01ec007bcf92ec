package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"jitbot/storage"
	"jitbot/storage/sqlite"
)

const auditUsage = `usage:
  bot audit verify --data DIR [--json]
  bot audit verify --bundle FILE --key PUBLIC
  bot audit export --data DIR|--config FILE --format jsonl|ocsf|cef|csv [--activities]
                   [--ocsf-version 1.9|1.8] [--since WHEN] [--until WHEN]
                   [--person WHO] [--resource NAME] [--grant ID]
  bot audit export --config FILE --bundle FILE [--since WHEN] ...

WHEN is a day (2026-03-27) or an instant (2026-03-27T09:30:00Z), in UTC.
--activities writes what was done with grants instead of the events. A bundle
holds both, and is signed with audit.signing_key of the configuration; whoever
has the public key checks it without the store. Each export is an event of its
own; where the store cannot be written it goes on without one, and says so.
`

// errFault says that the log is not as it was written; what was found has been
// printed already.
var errFault = errors.New("the log is not as it was written")

// runAudit is `bot audit`. It reads beside a bot that runs. It returns the
// exit code: 0 done and intact, 1 the log was tampered with or cannot be read,
// 2 the command line is wrong.
func runAudit(ctx context.Context, args []string, env environment) int {
	stdout, stderr := env.stdout, env.stderr
	verb := ""
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	switch verb {
	case "verify":
		return storeExit("bot audit verify", auditUsage, auditVerify(args, stdout), stdout, stderr)
	case "export":
		return storeExit("bot audit export", auditUsage, auditExport(ctx, args, env), stdout, stderr)
	case "-h", "--help", "help":
		fmt.Fprint(stdout, auditUsage)
		return 0
	}
	fmt.Fprint(stderr, auditUsage)
	return 2
}

// storeExit turns the error of a command that works on a store into its exit
// code, and says what it was.
func storeExit(command, usage string, err error, stdout, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.Is(err, errFault):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "%s: %v\n%s", command, err, usage)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %v\n", command, err)
	return 1
}

// parseAnywhere parses flags that stand before, between or after the plain
// arguments.
func parseAnywhere(fs *flag.FlagSet, args []string) (plain []string, err error) {
	fs.SetOutput(io.Discard)
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if fs.NArg() == 0 {
			return plain, nil
		}
		plain, args = append(plain, fs.Arg(0)), fs.Args()[1:]
	}
}

// parseStoreFlags is parseAnywhere for commands on a store, with as many plain
// arguments as want.
func parseStoreFlags(fs *flag.FlagSet, args []string, want int) (plain []string, err error) {
	if plain, err = parseAnywhere(fs, args); err != nil {
		return nil, err
	}
	if len(plain) != want {
		return nil, fmt.Errorf("%w: got %d arguments besides the flags, want %d", errUsage, len(plain), want)
	}
	if cfg := fs.Lookup("config"); cfg != nil && cfg.Value.String() != "" {
		return plain, nil // it names the folder
	}
	if data := fs.Lookup("data"); data.Value.String() == "" {
		return nil, errNoData
	}
	return plain, nil
}

var errNoData = fmt.Errorf("%w: --data DIR is missing; give the bot's data directory", errUsage)

// parseFlags parses flags and nothing else.
func parseFlags(fs *flag.FlagSet, args []string) error {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%w: %q is too much", errUsage, fs.Arg(0))
	}
	return nil
}

// readStore runs fn on one view of the store in dir, without its lock.
func readStore(dir string, fn func(storage.View) error) (err error) {
	r, err := sqlite.OpenReader(sqlite.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return r.Read(context.Background(), fn)
}

func auditVerify(args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet("verify", flag.ContinueOnError)
	data := fs.String("data", "", "")
	asJSON := fs.Bool("json", false, "")
	bundle, key := fs.String("bundle", "", ""), fs.String("key", "", "")
	if err := parseFlags(fs, args); err != nil {
		return err
	}
	if *bundle != "" {
		return verifyBundle(*bundle, *key, stdout)
	}
	if *data == "" {
		return errNoData
	}
	var report storage.Report
	err := readStore(*data, func(v storage.View) (err error) {
		report, err = storage.Verify(v, nil)
		return err
	})
	if err != nil {
		return err
	}
	if err := printReport(report, *asJSON, stdout); err != nil {
		return err
	}
	if report.Fault != "" {
		return errFault
	}
	return nil
}

func printReport(r storage.Report, asJSON bool, stdout io.Writer) error {
	switch {
	case asJSON:
		return json.NewEncoder(stdout).Encode(map[string]any{
			"ok": r.Fault == "", "rows": r.Rows, "blanked": r.Blanked, "head": r.Seq, "hash": hex.EncodeToString(r.Hash[:]),
			"bad_row": r.Row, "fault": r.Fault,
		})
	case r.Fault != "":
		_, err := fmt.Fprintf(stdout, "TAMPERED: %s\n", r.Fault)
		return err
	}
	_, err := fmt.Fprintf(stdout, "ok: %d rows form one chain, %d of them with their data blanked; head is row %d, hash %s\n",
		r.Rows, r.Blanked, r.Seq, hex.EncodeToString(r.Hash[:]))
	return err
}

func parseWhen(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s %q is neither a day like 2026-03-27 nor an instant like 2026-03-27T09:30:00Z", errUsage, name, text)
}
