package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/reports"
	"jitbot/storage"
)

// exportOrder is what one `bot audit export` was told.
type exportOrder struct {
	dir        string
	chosen     reports.Selection
	encoder    reports.Encoder
	activities bool
	bundle     string // file; empty: to standard output, without a signature
	key        ed25519.PrivateKey
}

func auditExport(ctx context.Context, args []string, env environment) error {
	o, err := parseExport(args, env.getenv)
	if err != nil {
		return err
	}
	reader, err := activity.NewReader()
	if err != nil {
		return err
	}
	// A folder without a store is told by reading it, before anything is written.
	if err := readStore(o.dir, func(storage.View) error { return nil }); err != nil {
		return err
	}
	if err := o.record(ctx); err != nil {
		fmt.Fprintf(env.stderr, "bot audit export: this export is not on record, as the store cannot be written: %v\n", err)
	}
	return readStore(o.dir, func(v storage.View) error {
		if o.bundle != "" {
			return o.writeBundle(v, reader, env.stdout)
		}
		write, err := o.encoder.Writer(env.stdout, o.activities)
		if err != nil {
			return err
		}
		if o.activities {
			return o.chosen.Activities(v, reader, write)
		}
		return o.chosen.Events(v, write)
	})
}

func parseExport(args []string, getenv func(string) string) (o exportOrder, err error) {
	fs := flag.NewFlagSet("export", flag.ContinueOnError)
	fs.StringVar(&o.dir, "data", "", "")
	path, format := fs.String("config", "", ""), fs.String("format", "", "")
	since, until := fs.String("since", "", ""), fs.String("until", "", "")
	fs.BoolVar(&o.activities, "activities", false, "")
	fs.StringVar(&o.encoder.OCSF, "ocsf-version", reports.OCSF19, "")
	fs.StringVar(&o.bundle, "bundle", "", "")
	fs.StringVar(&o.chosen.Person, "person", "", "")
	fs.StringVar(&o.chosen.Resource, "resource", "", "")
	fs.StringVar(&o.chosen.Grant, "grant", "", "")
	if err := parseFlags(fs, args); err != nil {
		return o, err
	}
	var errSince, errUntil error
	o.chosen.Since, errSince = parseWhen("--since", *since)
	o.chosen.Until, errUntil = parseWhen("--until", *until)
	o.encoder.Format, o.encoder.Product = reports.Format(*format), version()
	if err := errors.Join(errSince, errUntil, o.checkFormat()); err != nil {
		return o, err
	}
	return o, o.configure(*path, getenv)
}

func (o *exportOrder) checkFormat() error {
	switch {
	case o.bundle != "" && (o.encoder.Format != "" || o.activities):
		return fmt.Errorf("%w: a bundle holds events and activities as jsonl; leave --format and --activities out", errUsage)
	case o.bundle == "" && !o.encoder.Format.Known():
		return fmt.Errorf("%w: --format %q; choose jsonl, ocsf, cef or csv", errUsage, o.encoder.Format)
	case o.encoder.OCSF != reports.OCSF18 && o.encoder.OCSF != reports.OCSF19:
		return fmt.Errorf("%w: --ocsf-version %q; choose 1.9 or 1.8", errUsage, o.encoder.OCSF)
	}
	return nil
}

// configure takes the folder, and for a bundle the key, from a configuration.
func (o *exportOrder) configure(path string, getenv func(string) string) error {
	if path == "" && o.dir == "" {
		return errNoData
	}
	if path == "" && o.bundle != "" {
		return fmt.Errorf("%w: --bundle needs --config FILE, where audit.signing_key names the key", errUsage)
	}
	if path == "" {
		return nil
	}
	c, err := readConfig(path)
	if err != nil {
		return err
	}
	o.dir = orElse(o.dir, c.Data)
	if o.bundle == "" {
		return nil
	}
	if !c.Audit.SigningKey.IsConfigured() {
		return fmt.Errorf("%s: audit.signing_key is missing: name the Ed25519 key to sign with, such as file:/etc/jitbot/audit.pem", path)
	}
	if err := c.Audit.SigningKey.Resolve(getenv); err != nil {
		return fmt.Errorf("%s: audit.signing_key: %w", path, err)
	}
	o.key, err = reports.ParseSigningKey(c.Audit.SigningKey.Reveal())
	return err
}

// record has the export written down, by the jitbot that runs, or in the store
// itself where none does.
func (o *exportOrder) record(ctx context.Context) error {
	details := o.details()
	err := sendOrder(ctx, o.dir, order{Do: "note-export", Export: details})
	if errors.Is(err, errNotRunning) {
		err = withStore(ctx, o.dir, func(s *bot.Service) error { return s.NoteExport(ctx, osActor(), details) })
	}
	return err
}

func (o *exportOrder) details() map[string]any {
	details := map[string]any{
		"format": string(o.encoder.Format), "person": o.chosen.Person, "resource": o.chosen.Resource, "grant": o.chosen.Grant,
	}
	switch {
	case o.bundle != "":
		details["what"], details["format"] = "events and activities", "bundle"
	case o.activities:
		details["what"] = "activities"
	default:
		details["what"] = "events"
	}
	for name, at := range map[string]time.Time{"since": o.chosen.Since, "until": o.chosen.Until} {
		if !at.IsZero() {
			details[name] = at.UTC().Format(time.RFC3339)
		}
	}
	return details
}

// writeBundle writes the bundle beside its place, for its owner alone, and puts
// it there once it is whole. What is there already stays.
func (o *exportOrder) writeBundle(v storage.View, reader *activity.Reader, stdout io.Writer) (err error) {
	if _, err := os.Lstat(o.bundle); err == nil {
		return fmt.Errorf("%s is there already; give another name", o.bundle)
	}
	f, err := os.CreateTemp(filepath.Dir(o.bundle), filepath.Base(o.bundle)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	m := reports.Manifest{MadeAt: time.Now().UTC().Truncate(time.Second), MadeBy: osActor(), Product: version()}
	if err := o.chosen.WriteBundle(v, reader, f, o.key, m); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), o.bundle); err != nil { // unlike a rename it takes nothing's place
		return err
	}
	fmt.Fprintf(stdout, "%s: written and signed\n", o.bundle)
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// verifyBundle checks a bundle with the public key alone.
func verifyBundle(path, keyPath string, stdout io.Writer) (err error) {
	if keyPath == "" {
		return fmt.Errorf("%w: --key PUBLIC is missing; write it: openssl pkey -in PRIVATE -pubout -out PUBLIC", errUsage)
	}
	text, err := os.ReadFile(keyPath)
	if err != nil {
		return err
	}
	key, err := reports.ParsePublicKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", keyPath, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := reports.VerifyBundle(f, info.Size(), key)
	if err != nil {
		return err
	}
	return printBundle(r, stdout)
}

func printBundle(r reports.BundleReport, stdout io.Writer) error {
	if r.Fault != "" {
		fmt.Fprintf(stdout, "TAMPERED: %s\n", r.Fault)
		return errFault
	}
	what := "a part of the log, each row as it was written"
	if r.Manifest.Whole() {
		what = "the whole log, one chain"
	}
	manifest, err := json.MarshalIndent(r.Manifest, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "ok: signed, and holds %d events (%s; %d with their data blanked); compare the head with one kept elsewhere\n%s\n",
		r.Events, what, r.Blanked, manifest)
	return nil
}
