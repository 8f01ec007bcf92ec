package pages

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"jitbot/bot"
)

// forms are credentials written the ways tools read them.
type forms struct {
	Offer      bot.Offer
	ExpiresAt  time.Time
	Profile    string // the profile's name
	Shell      string // export lines for sh
	PowerShell string
	File       string     // a block for ~/.aws/credentials
	Console    webAddress // empty: none to show
}

var errUnusable = errors.New("the provider's answer has line breaks or control characters in a credential")

// formsOf writes c for each kind of tool. What could break out of a line is
// refused, whatever the provider meant by it.
func formsOf(c bot.Revealed, o bot.Offer) (forms, error) {
	pairs := [][2]string{
		{"AWS_ACCESS_KEY_ID", c.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", c.SecretAccessKey},
		{"AWS_SESSION_TOKEN", c.SessionToken},
		{"AWS_REGION", c.Region},
	}
	var sh, ps, file strings.Builder
	f := forms{Offer: o, ExpiresAt: c.ExpiresAt, Profile: profileName(o.Resource)}
	file.WriteString("[" + f.Profile + "]\n")
	for _, p := range pairs {
		name, value := p[0], p[1]
		if value == "" {
			continue
		}
		if strings.ContainsFunc(value, unicode.IsControl) {
			return forms{}, errUnusable
		}
		for _, name := range variables(name) {
			sh.WriteString("export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
			ps.WriteString("$Env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'\n")
		}
		file.WriteString(fileKey(name) + " = " + value + "\n")
	}
	f.Shell, f.PowerShell, f.File = sh.String(), ps.String(), file.String()
	f.Console = webAddressOf(c.ConsoleURL)
	return f, nil
}

// variables are the names a value goes by: boto3 and version 1 of the AWS
// command line know the region by the second one alone.
func variables(name string) []string {
	if name == "AWS_REGION" {
		return []string{name, "AWS_DEFAULT_REGION"}
	}
	return []string{name}
}

// webAddress is an absolute http or https URL, or empty. Only webAddressOf
// makes one: in a link anything else could be a script.
type webAddress string

// webAddressOf is raw if it is a web address, else empty.
func webAddressOf(raw string) webAddress {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return webAddress(raw)
}

// fileKey is the name of an environment variable in the credentials file.
func fileKey(env string) string {
	if env == "AWS_REGION" {
		return "region"
	}
	return strings.ToLower(env)
}

var notProfile = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func profileName(resource string) string { return "jit-" + notProfile.ReplaceAllString(resource, "-") }
