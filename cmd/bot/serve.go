package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"jitbot/policy"
)

const serveUsage = `usage: bot serve --config FILE

Runs jitbot until it is told to stop (SIGTERM, Ctrl-C). SIGHUP, and any change
of the policy file, loads the policy again; SIGHUP also loads the people, admins
and security leads of the configuration again. A file that cannot be loaded leaves the old one in force.
`

func runServe(ctx context.Context, args []string, env environment) int {
	path, code := configFlag("serve", serveUsage, args, env)
	if path == "" {
		return code
	}
	c, err := loadConfig(path, env.getenv)
	if err != nil {
		fmt.Fprintf(env.stderr, "bot serve: %v\n", err)
		return exitUsage
	}
	log := newLog(c.Log, env.stderr)
	if os.Geteuid() == 0 {
		log.Warn("running as root; jitbot needs no privileges: run it as a user of its own, as deploy/jitbot.service does")
	}
	if err := serve(ctx, c, env, func() (*policy.Policy, error) { return loadPolicy(c.Policy) }, path, nil); err != nil {
		fmt.Fprintf(env.stderr, "bot serve: %v\n", err)
		return exitCode(err)
	}
	return exitOK
}

// exitCode tells a wrong setting from a failure while running.
func exitCode(err error) int {
	var opErr *net.OpError
	if errors.As(err, &opErr) {
		return exitRefused
	}
	return exitUsage
}

// configFlag reads --config; an empty path comes with the exit code.
func configFlag(name, usage string, args []string, env environment) (path string, code int) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&path, "config", "", "")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, usage)
		return "", exitOK
	case err != nil:
		fmt.Fprintf(env.stderr, "bot %s: %v\n\n%s", name, err, usage)
		return "", exitUsage
	case path == "" || fs.NArg() > 0:
		fmt.Fprintf(env.stderr, "bot %s: --config FILE is needed, and nothing else\n\n%s", name, usage)
		return "", exitUsage
	}
	return path, exitOK
}

// serve listens, opens the app, and runs it until ctx ends. /healthz answers
// before the rest stands. started, if not nil, is told once everything runs.
func serve(ctx context.Context, c config, env environment, load func() (*policy.Policy, error), configPath string, started func(*app, string)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; if another jitbot runs there choose another address: --listen for the demo, listen in the configuration", err)
	}
	c.listensAt(ln.Addr().String())
	f, served := &front{}, make(chan error, 1)
	go func() { served <- serveHTTP(ctx, ln, f) }()
	a, err := openApp(ctx, c, newLog(c.Log, env.stderr), load)
	if err != nil {
		stop()
		return errors.Join(err, <-served)
	}
	h, err := a.handler()
	if err != nil {
		stop()
		return errors.Join(err, <-served, a.close())
	}
	f.stand(h)
	err = a.run(ctx, func() {
		if started != nil {
			started(a, ln.Addr().String())
		}
	}, configPath, load, env)
	stop()
	return errors.Join(err, <-served, a.close())
}

// run runs the service and what watches over it until ctx ends.
func (a *app) run(ctx context.Context, started func(), configPath string, load func() (*policy.Policy, error), env environment) error {
	control, err := a.listenControl(ctx)
	if err != nil {
		return err
	}
	var around sync.WaitGroup
	around.Go(func() { control.run(ctx) })
	around.Go(a.watch(ctx, configPath, load, env))
	around.Go(func() { a.export.Run(ctx) })
	a.log.Info("jitbot runs", "listen", a.cfg.Listen, "policy_sha256", a.service.Policy().SHA256(), "version", version())
	for _, w := range a.service.Policy().Warnings() {
		a.log.Warn("policy", "warning", w)
	}
	started()
	debug.FreeOSMemory() // what loading a large policy left behind is not needed again
	err = a.service.Run(ctx)
	around.Wait()
	return err
}

// release is set by the build (-X main.release=...); empty in a plain go build.
var release string

// version is the release, the commit it was built from, or the module's version.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return orElse(info.Main.Version, "unknown")
}

const healthUsage = `usage: bot healthcheck [--listen ADDR]

Asks a running jitbot whether it lives; for the container's health check.
`

func runHealthcheck(ctx context.Context, args []string, env environment) int {
	fs := flag.NewFlagSet("healthcheck", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	listen := fs.String("listen", "127.0.0.1:8080", "")
	if err := fs.Parse(args); err != nil || fs.NArg() > 0 {
		fmt.Fprint(env.stderr, healthUsage)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+*listen+"/healthz", http.NoBody)
	if err != nil {
		fmt.Fprintf(env.stderr, "bot healthcheck: %v\n", err)
		return exitUsage
	}
	answer, err := (&http.Client{}).Do(req)
	if err != nil {
		fmt.Fprintf(env.stderr, "bot healthcheck: %v\n", err)
		return exitRefused
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		fmt.Fprintf(env.stderr, "bot healthcheck: %s\n", answer.Status)
		return exitRefused
	}
	return exitOK
}
