package pages

import (
	"errors"
	"strings"
	"testing"

	"jitbot/bot"
)

func TestCredentialsThatCouldBreakOutOfALineAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"a\nexport X=1", "a\rb", "a\x00b", "a\x1b[0m"} {
		if _, err := formsOf(bot.Revealed{SecretAccessKey: bad}, bot.Offer{}); !errors.Is(err, errUnusable) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAConsoleLinkThatIsNoWebAddressIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "javascript:alert(1)", "JavaScript://x/%0aalert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "vbscript:x", "data:text/html,x", "//x", "/x", "https:x", "https:", "::"} {
		if f, err := formsOf(bot.Revealed{ConsoleURL: bad}, bot.Offer{}); err != nil || f.Console != "" {
			t.Errorf("%q became %q, %v", bad, f.Console, err)
		}
	}
}

func TestToolsThatKnowTheRegionByItsOldNameAloneAreToldIt(t *testing.T) {
	t.Parallel()
	f, err := formsOf(bot.Revealed{AccessKeyID: "AKIA", Region: "eu-central-1"}, bot.Offer{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		f.Shell:      "export AWS_REGION='eu-central-1'\nexport AWS_DEFAULT_REGION='eu-central-1'\n",
		f.PowerShell: "$Env:AWS_REGION = 'eu-central-1'\n$Env:AWS_DEFAULT_REGION = 'eu-central-1'\n",
		f.File:       "\nregion = eu-central-1\n",
	} {
		if !strings.HasSuffix(text, want) {
			t.Errorf("%q does not end with %q", text, want)
		}
	}
}

func TestProfileNamesFitTheCredentialsFile(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{"prod-db": "jit-prod-db", "a b]\n[default": "jit-a-b-default"} {
		if got := profileName(resource); got != want {
			t.Errorf("%q: %q, want %q", resource, got, want)
		}
	}
}
