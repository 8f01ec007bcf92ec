package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/integrations/aws/trail"
	"jitbot/jit"
	"jitbot/policy"
)

const awsUsage = `usage: bot aws policy --config FILE [--hub ARN] [--account ID] [--json]

Prints the least that AWS has to let jitbot do for what the policy gives: the
permissions of its own user or role and of the role it assumes in each other
account, and the trust policies of these and of the roles people get. --hub is
the ARN of jitbot's own user or role; without it AWS is asked who jitbot is.
--account leaves out what is to be pasted in other accounts.
`

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

func runAWS(ctx context.Context, args []string, env environment) int {
	if len(args) == 0 || args[0] != "policy" {
		fmt.Fprint(env.stderr, awsUsage)
		return exitUsage
	}
	fs := flag.NewFlagSet("aws policy", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	path, hub, account := fs.String("config", "", ""), fs.String("hub", "", ""), fs.String("account", "", "")
	asJSON := fs.Bool("json", false, "")
	err := fs.Parse(args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, awsUsage)
		return exitOK
	case err != nil || *path == "" || fs.NArg() > 0:
		fmt.Fprintf(env.stderr, "bot aws policy: --config FILE is needed\n\n%s", awsUsage)
		return exitUsage
	case *account != "" && !accountID.MatchString(*account):
		fmt.Fprintf(env.stderr, "bot aws policy: --account %q is not the twelve digits of an account\n\n%s", *account, awsUsage)
		return exitUsage
	}
	if err := awsPolicy(ctx, *path, *hub, *account, *asJSON, env); err != nil {
		fmt.Fprintf(env.stderr, "bot aws policy: %v\n", err)
		return exitRefused
	}
	return exitOK
}

func awsPolicy(ctx context.Context, path, hub, account string, asJSON bool, env environment) error {
	c, err := readConfig(path) // no secret is needed
	if err != nil {
		return err
	}
	p, err := loadPolicy(c.Policy)
	if err != nil {
		return err
	}
	if hub == "" {
		if hub, err = askHub(ctx, c, env); err != nil {
			return err
		}
	}
	rights, err := awsRights(c, p, hub)
	if err != nil {
		return err
	}
	out := rights.Policies()
	if account != "" {
		out = out.Only(account)
	}
	for _, note := range out.Notes {
		fmt.Fprintf(env.stderr, "note: %s\n", note)
	}
	if !asJSON {
		_, err = io.WriteString(env.stdout, out.Text())
		return err
	}
	e := json.NewEncoder(env.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// awsRights is everything that jitbot does in AWS: what it gives, and what it
// reads.
func awsRights(c config, p *policy.Policy, hub string) (*aws.Rights, error) {
	cfg := c.AWS
	cfg.Domains = c.emailDomains()
	rights, err := aws.NewRights(cfg, hub, entitlementsOf(p))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Activity.CloudTrail)) {
		for _, need := range trail.Needs(c.Activity.CloudTrail[name], rights.Partition()) {
			if need.Actions[0] == "kms:Decrypt" {
				rights.Note("source " + name + ": where its logs or its queue are encrypted with a key of your own, let jitbot call kms:Decrypt with that key")
				continue
			}
			for _, resource := range need.Resources {
				rights.Allow(need.Account, sidOf(need.Actions), resource, need.Actions...)
			}
		}
	}
	return rights, nil
}

// sidOf names the statement of some actions, the same for the same ones.
func sidOf(actions []string) string {
	service, first, _ := strings.Cut(actions[0], ":")
	return "Read" + strings.ToUpper(service[:1]) + service[1:] + first
}

// askHub has AWS say who jitbot is.
func askHub(ctx context.Context, c config, env environment) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	provisioner, err := aws.Open(c.AWS, bot.Deps{Log: newLog(c.Log, io.Discard), Now: time.Now})
	if err != nil {
		return "", err
	}
	hub, err := provisioner.Principal(ctx)
	if err != nil {
		return "", fmt.Errorf("who jitbot is in AWS is not known, give --hub with the ARN of its user or role: %w", err)
	}
	if strings.Contains(hub, ":role/") {
		fmt.Fprintf(env.stderr, "note: jitbot is %s; if that role has a path, which AWS does not say, give its whole ARN with --hub\n", hub)
	}
	return hub, nil
}

// entitlementsOf is everything a policy may give.
func entitlementsOf(p *policy.Policy) (all []jit.Entitlement) {
	for _, r := range p.Resources() {
		all = append(all, r.Entitlements...)
	}
	return all
}

// emailDomains are those of everybody who may be given access.
func (c config) emailDomains() []string {
	out := slices.Clone(c.Domains)
	for id := range c.People {
		if _, domain, ok := strings.Cut(id, "@"); ok {
			out = append(out, domain)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
