package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"jitbot/bot"
	"jitbot/policy"
)

// settleTime is how long a changed file has to stay quiet before it is read:
// editors and copies write in several steps.
const settleTime = 300 * time.Millisecond

// watch loads the policy again when its file changes or SIGHUP comes, and the
// people, admins and security leads of the configuration on SIGHUP. From its
// return on SIGHUP does not end the process any more; what it returns does the
// work until ctx ends, and has to be run.
func (a *app) watch(ctx context.Context, configPath string, load func() (*policy.Policy, error), env environment) (run func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return func() {
		defer signal.Stop(hup)
		a.followFiles(ctx, hup, configPath, load, env)
	}
}

func (a *app) followFiles(ctx context.Context, hup <-chan os.Signal, configPath string, load func() (*policy.Policy, error), env environment) {
	changes := a.policyChanges(ctx)
	if info, err := os.Stat(a.cfg.Policy); err == nil && info.ModTime().After(a.loadedAt) {
		a.reloadPolicy(ctx, load) // it changed between its loading and the watch
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			if configPath != "" {
				a.reloadPeople(ctx, configPath, env)
			}
			a.reloadPolicy(ctx, load)
		case <-changes:
			a.reloadPolicy(ctx, load)
		}
	}
}

// policyChanges tells when something in the policy's folder was written: the
// file may be replaced rather than written to. Without a watch SIGHUP still works.
func (a *app) policyChanges(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	w, err := fsnotify.NewWatcher()
	if err == nil {
		err = w.Add(filepath.Dir(a.cfg.Policy))
	}
	if err != nil {
		a.log.Warn("the policy file is not watched; send SIGHUP after a change", "cause", err)
		return changed
	}
	go func() {
		defer func() { _ = w.Close() }() // the watch ends with it either way
		settled := time.NewTimer(time.Hour)
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-w.Events:
				if !ok {
					return
				}
				if a.ofPolicy(e.Name) {
					settled.Reset(settleTime)
				}
			case err := <-w.Errors:
				a.log.Warn("watching the policy file", "cause", err)
			case <-settled.C:
				changed <- struct{}{}
			}
		}
	}()
	return changed
}

// ofPolicy reports whether a file in the policy's folder may be part of the
// policy: the file itself, the JSON files it names, or the link by which a
// cluster swaps mounted files. The store may live in the same folder.
func (a *app) ofPolicy(name string) bool {
	base := filepath.Base(name)
	return base == filepath.Base(a.cfg.Policy) || base == "..data" || filepath.Ext(base) == ".json"
}

func (a *app) reloadPolicy(ctx context.Context, load func() (*policy.Policy, error)) {
	p, err := load()
	if err != nil {
		a.log.Error("the policy was not loaded; the one in force stays", "cause", err)
		if err := a.service.PolicyRefused(ctx, err); err != nil {
			a.log.Error("a refused policy could not be recorded", "cause", err)
		}
		return
	}
	if p.SHA256() == a.service.Policy().SHA256() {
		return
	}
	if err := a.service.SetPolicy(ctx, p, "file"); err != nil {
		a.log.Error("the policy in force stays", "cause", err)
		return
	}
	a.log.Info("policy in force", "policy_sha256", p.SHA256())
}

// takePeople puts the people, admins and security leads of a configuration in
// force: what is wrong with any of them is found before the first is replaced.
func (a *app) takePeople(ctx context.Context, path string, env environment) error {
	c, err := loadConfig(path, env.getenv)
	if err != nil {
		return err
	}
	all, err := c.people()
	if err != nil {
		return err
	}
	if err := (&bot.Directory{}).Replace(all); err != nil {
		return err
	}
	if a.chat != nil {
		if err := a.chat.SetPeople(c.webPeople()); err != nil {
			return err
		}
	}
	if err := a.people.Replace(all); err != nil {
		return err
	}
	return a.service.SetOverseers(ctx, c.Admins, c.Security, "file", map[string]any{"people": len(all)})
}

func (a *app) reloadPeople(ctx context.Context, path string, env environment) {
	if err := a.takePeople(ctx, path, env); err != nil {
		a.log.Error("the people were not loaded; the old ones stay", "cause", err)
		return
	}
	if err := a.service.PeopleChanged(ctx); err != nil {
		a.log.Error("the grants of people who left could not be ended yet; tried again every minute", "cause", err)
	}
}
