package slack_test

import (
	"testing"

	"jitbot/bot/bottest"
)

func TestSlackShowsWhatEveryChatShows(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		bottest.TestChat(t, newStage(t, mode, setup{}))
	})
}
