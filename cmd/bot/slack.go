package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"jitbot/integrations/slack"
)

const slackUsage = `usage: bot slack manifest [--mode socket|http] [--url https://jit.example.com] [--command /jit]
       bot slack manifest --config FILE

Prints the manifest of the Slack app, with the reason for every right, to be
pasted at https://api.slack.com/apps under Create New App, From a manifest. Mode
socket, the default, needs no public address; mode http needs the --url where
Slack reaches jitbot. With --config all of it comes from the configuration.
`

func runSlack(args []string, env environment) int {
	if len(args) == 0 || args[0] != "manifest" {
		if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
			fmt.Fprint(env.stdout, slackUsage)
			return exitOK
		}
		fmt.Fprint(env.stderr, slackUsage)
		return exitUsage
	}
	text, err := manifest(args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, slackUsage)
		return exitOK
	case err != nil:
		fmt.Fprintf(env.stderr, "bot slack manifest: %v\n\n%s", err, slackUsage)
		return exitUsage
	}
	fmt.Fprint(env.stdout, text)
	return exitOK
}

// manifest is the manifest the arguments ask for.
func manifest(args []string) (string, error) {
	fs := flag.NewFlagSet("manifest", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	mode, base := fs.String("mode", "", ""), fs.String("url", "", "")
	command, path := fs.String("command", "", ""), fs.String("config", "", "")
	if err := fs.Parse(args); err != nil {
		return "", err
	}
	if fs.NArg() > 0 {
		return "", fmt.Errorf("%q is too much", fs.Arg(0))
	}
	if *path != "" {
		c, err := readConfig(*path)
		if err != nil {
			return "", err
		}
		*mode, *base, *command = orElse(*mode, c.Slack.Mode), orElse(*base, c.BaseURL), orElse(*command, c.Slack.Command)
	}
	switch *mode = orElse(*mode, slack.ModeSocket); {
	case *mode != slack.ModeSocket && *mode != slack.ModeHTTP:
		return "", fmt.Errorf("--mode %q is neither socket nor http", *mode)
	case *mode == slack.ModeHTTP && !safeBase(*base):
		return "", errors.New("mode http needs --url, where Slack reaches jitbot by https")
	}
	return slack.Manifest(*mode, *base, *command), nil
}
