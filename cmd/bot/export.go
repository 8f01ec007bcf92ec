package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"jitbot/bot"
	"jitbot/integrations/exportfile"
	"jitbot/integrations/otlp"
	"jitbot/integrations/syslog"
	"jitbot/internal/secret"
	"jitbot/reports"
	"jitbot/reports/stream"
)

// exportConfig says where events and activities are sent to, each place under
// a name of its own.
type exportConfig struct {
	OCSFVersion string                       `yaml:"ocsf_version"`
	Files       map[string]exportfile.Config `yaml:"files"`
	Syslog      map[string]syslog.Config     `yaml:"syslog"`
	OTLP        map[string]otlp.Config       `yaml:"otlp"`
}

// auditConfig is about the records themselves.
type auditConfig struct {
	// SigningKey is the Ed25519 key that bundles are signed with. Only `bot audit
	// export --bundle` reads it.
	SigningKey secret.Value `yaml:"signing_key"`
	// SilentAfter is for how long a source of activity may tell nothing.
	SilentAfter time.Duration `yaml:"silent_after"`
}

// Check implements [strictyaml.Checker].
func (c auditConfig) Check(report func(key, text string)) {
	if c.SilentAfter != 0 && c.SilentAfter < 10*time.Minute {
		report("silent_after", fmt.Sprintf("%s is less than 10m: sources tell late by themselves", c.SilentAfter))
	}
}

// Check implements [strictyaml.Checker].
func (c exportConfig) Check(report func(key, text string)) {
	if v := c.OCSFVersion; v != "" && v != reports.OCSF18 && v != reports.OCSF19 {
		report("ocsf_version", fmt.Sprintf("%q is neither 1.9 nor 1.8", v))
	}
	seen := map[string]bool{}
	for _, name := range c.names() {
		if seen[name] {
			report("", fmt.Sprintf("two places are called %q; how far each has come is kept by its name", name))
		}
		seen[name] = true
	}
	paths := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		if path := c.Files[name].Path; paths[path] {
			report("files", fmt.Sprintf("two places write to %s", path))
		} else {
			paths[path] = true
		}
	}
}

// names are the names of all places, those that are there twice too.
func (c exportConfig) names() []string {
	names := slices.Collect(maps.Keys(c.Files))
	names = slices.AppendSeq(slices.AppendSeq(names, maps.Keys(c.Syslog)), maps.Keys(c.OTLP))
	slices.Sort(names)
	return names
}

// fill makes the paths whole.
func (c *exportConfig) fill(inDir func(string) string) {
	whole := func(path string) string {
		if path == "" {
			return ""
		}
		return inDir(path)
	}
	for name, f := range c.Files {
		f.Path = whole(f.Path)
		c.Files[name] = f
	}
	for name, s := range c.Syslog {
		s.CA, s.Cert = whole(s.CA), whole(s.Cert)
		c.Syslog[name] = s
	}
	for name, o := range c.OTLP {
		o.CA, o.Cert = whole(o.CA), whole(o.Cert)
		c.OTLP[name] = o
	}
}

// resolve reads the secrets from where the file says they are.
func (c *exportConfig) resolve(getenv func(string) string) error {
	var errs []error
	for name, s := range c.Syslog {
		if err := s.Resolve(getenv); err != nil {
			errs = append(errs, fmt.Errorf("export.syslog.%s.%w", name, err))
		}
		c.Syslog[name] = s
	}
	for name, o := range c.OTLP {
		if err := o.Resolve(getenv); err != nil {
			errs = append(errs, fmt.Errorf("export.otlp.%s.%w", name, err))
		}
		c.OTLP[name] = o
	}
	return errors.Join(errs...)
}

// targets are the places, in order of their names within each kind.
func (c exportConfig) targets(now func() time.Time) (out []stream.Target, err error) {
	var errs []error
	add := func(name string, w reports.Wanted, open func() (reports.Sink, error)) {
		sink, err := open()
		if err != nil {
			errs = append(errs, fmt.Errorf("export: %s: %w", name, err))
			return
		}
		out = append(out, stream.Target{Name: name, Sink: sink, Only: w})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		f := c.Files[name]
		add(name, f.Wanted, func() (reports.Sink, error) { return exportfile.Open(f, version(), c.OCSFVersion) })
	}
	for _, name := range slices.Sorted(maps.Keys(c.Syslog)) {
		s := c.Syslog[name]
		add(name, s.Wanted, func() (reports.Sink, error) { return syslog.Open(s, version(), c.OCSFVersion, now) })
	}
	for _, name := range slices.Sorted(maps.Keys(c.OTLP)) {
		o := c.OTLP[name]
		add(name, o.Wanted, func() (reports.Sink, error) { return otlp.Open(o, version(), now) })
	}
	return out, errors.Join(errs...)
}

// openExport makes the stream to all places. Nothing is sent before it runs.
func (a *app) openExport() error {
	targets, err := a.cfg.Export.targets(a.now)
	if err != nil {
		return err
	}
	a.export, err = stream.New(stream.Config{
		Store: a.store, Reader: a.service.Activity().Reader(), Now: a.now, Log: a.log, Sinks: targets,
	})
	return err
}

// examineExport sees that each place would take something, without giving it
// anything.
func examineExport(ctx context.Context, c config, getenv func(string) string) []bot.Finding {
	found := c.Audit.examine(getenv)
	targets, err := c.Export.targets(time.Now)
	if err != nil {
		return append(found, problemFindings("export", err)...)
	}
	for _, t := range targets {
		found = append(found, examineSink(ctx, t)...)
	}
	return found
}

// examine sees that bundles could be signed.
func (c auditConfig) examine(getenv func(string) string) []bot.Finding {
	if !c.SigningKey.IsConfigured() {
		return nil
	}
	err := c.SigningKey.Resolve(getenv)
	if err == nil {
		_, err = reports.ParseSigningKey(c.SigningKey.Reveal())
	}
	if err != nil {
		return []bot.Finding{wrong("without it `bot audit export --bundle` signs nothing", "audit.signing_key: %v", err)}
	}
	return []bot.Finding{fine("audit.signing_key can sign bundles")}
}

func examineSink(ctx context.Context, t stream.Target) []bot.Finding {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer func(c io.Closer) { _ = c.Close() }(t.Sink)
	found := t.Sink.Check(ctx)
	for i := range found {
		found[i].What = "export " + t.Name + ": " + found[i].What
	}
	return found
}
