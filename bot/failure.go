package bot

import "strings"

// What a provider says of a failure may name accounts, machines and requests
// that are no business of the people who wait. They are told the kind of the
// failure in fixed words; the provider's own words are for overseers, who find
// them with /jit show, and for the operator's log and command line.

// failureKinds are found by a part of the text, in small letters, the first
// that fits.
var failureKinds = []struct{ parts, say string }{
	{"could not be opened in time", "it could not be opened in time"},
	{"no provisioner", "jitbot is not set up to do this here"},
	{"still there", "it was removed and is still there"},
	{"not there yet", "it was given and is not there yet"},
	{"throttl|rate exceeded|too many requests|slow down", "the provider asked for fewer calls"},
	{"accessdenied|access denied|unauthorized|not authorized|forbidden", "the provider does not let jitbot do it"},
	{"expiredtoken|invalidclienttoken|signaturedoesnotmatch|credential", "jitbot's own credentials were not accepted"},
	{"nosuchentity|not found|no such|does not exist", "the provider does not know something that it needs"},
	{"limitexceeded|toolarge|quota", "a limit of the provider is reached"},
	{"deadline exceeded|timeout|timed out|context canceled", "the provider did not answer in time"},
	{"connection|no such host|unavailable|internalfailure|internal error| eof", "the provider could not be reached"},
}

// failureWords is the kind of a failure, in words that are safe for everybody.
func failureWords(text string) string {
	text = strings.ToLower(text)
	for _, kind := range failureKinds {
		for part := range strings.SplitSeq(kind.parts, "|") {
			if strings.Contains(text, part) {
				return kind.say
			}
		}
	}
	return "the provider refused it"
}
