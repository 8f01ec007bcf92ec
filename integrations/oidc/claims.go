package oidc

import (
	"regexp"
	"strings"
	"unicode"

	"jitbot/bot"
)

const (
	maxEmail = 254 // RFC 5321, 4.5.3.1.3, without the angle brackets
	maxLocal = 64  // RFC 5321, 4.5.3.1.1
	maxName  = 80  // runes; ours
)

var (
	localPart  = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_{|}~.-]+$`)
	domainPart = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
)

// emailOf is an e-mail as jitbot knows people by it: in lower case. Letters
// outside ASCII are refused before that, for two reasons: some look like ASCII
// letters, and some become one in lower case.
func emailOf(raw string) (string, error) {
	local, domain, _ := strings.Cut(raw, "@")
	if raw == "" {
		return "", refused("Your company's sign-in does not tell jitbot your e-mail.",
			"Ask those who run it to let jitbot see it (the scope and the claim email).")
	}
	for _, r := range raw {
		switch {
		case r > unicode.MaxASCII:
			return "", refused("Your e-mail at your company's sign-in has a letter outside a-z.",
				"Such letters can look like others, so that one person could pass for another. Ask those who run it for an address in plain letters.")
		case r <= ' ' || r == 0x7f:
			return "", refused("Your e-mail at your company's sign-in has a space or a control character.", "Ask those who run it to mend it.")
		}
	}
	local, domain = strings.ToLower(local), strings.ToLower(domain)
	if len(raw) > maxEmail || len(local) > maxLocal || !localPart.MatchString(local) || !domainPart.MatchString(domain) {
		return "", refused("Your e-mail at your company's sign-in is not of the form name@example.com, with one @.", "Ask those who run it to mend it.")
	}
	return local + "@" + domain, nil
}

// refused is about who signed in, in their words.
func refused(say, hint string) error {
	return &bot.UserError{Code: bot.CodeStepUp, Say: say, Hint: hint}
}

// nameOf is a name fit to be shown: one short line without what could turn
// around or hide what stands beside it.
func nameOf(raw string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar, !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, raw)
	words := strings.Join(strings.Fields(visible), " ")
	if runes := []rune(words); len(runes) > maxName {
		words = string(runes[:maxName-1]) + "…"
	}
	return words
}
