package bot

import (
	"strings"
	"testing"
	"time"

	"jitbot/jit"
)

func TestWhereCredentialsEndBeforeTheAccessTheLinkSaysUntilWhenAndToAskAgain(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 3, 2, 12, 40, 0, 0, time.UTC)
	for until, again := range map[time.Time]bool{end.Add(-time.Hour): true, end: false, end.Add(2 * time.Minute): false} {
		var words strings.Builder
		times := map[time.Time]bool{}
		for _, part := range pickupReply(jit.Grant{Resource: "prod-db", ExpiresAt: end}, "https://x/c/1", until).Card.Body[0] {
			words.WriteString(part.Text)
			times[part.Time] = true
		}
		if strings.Contains(words.String(), "ask again then") != again || times[until] != (again || until.Equal(end)) || !times[end] {
			t.Errorf("until %s: %s", until, words.String())
		}
	}
}
