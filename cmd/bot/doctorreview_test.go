package main

import (
	"strings"
	"testing"
	"time"

	"jitbot/integrations/jsonlines"
)

func TestTheDoctorSaysWhenTheReviewComesAndWhatItLacks(t *testing.T) {
	t.Parallel()
	p, err := loadPolicy("demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := func() config {
		c := defaultConfig()
		c.Review.Channel, c.Admins, c.Security = "security", []string{"ann@example.com"}, []string{"ann@example.com", "bo@example.com"}
		c.Activity.JSONL = map[string]jsonlines.Config{"gateway": {}}
		return c
	}
	for name, row := range map[string]struct {
		change func(*config)
		ok     bool
		says   string
	}{
		"all is set up":             {func(*config) {}, true, "posted to security on Mon 09:00, Europe/Berlin; next on 30 March 09:00"},
		"in a zone of its own":      {func(c *config) { c.Review.Timezone = "Asia/Kolkata" }, true, "Asia/Kolkata; next on 30 March 09:00"},
		"only when told to":         {func(c *config) { c.Review.At = "" }, true, "only when `bot review --post` says so"},
		"it goes nowhere":           {func(c *config) { c.Review.Channel = "" }, true, "it is not posted"},
		"one person cannot confirm": {func(c *config) { c.Security = nil }, false, "nobody could confirm"},
		"nothing tells of use":      {func(c *config) { c.Activity.JSONL = nil }, true, "it can say nothing of use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good()
			row.change(&c)
			ok, said := true, ""
			for _, f := range examineReview(c, p, time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)) { // the clocks change on the 29th
				ok, said = ok && f.OK, said+f.What+"\n"
			}
			if ok != row.ok || !strings.Contains(said, row.says) {
				t.Errorf("%v:\n%s", ok, said)
			}
		})
	}
}

func TestADataFolderTooDeepForASocketIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	c.Data = t.TempDir() + "/" + strings.Repeat("deep", 30)
	_, err := (&app{cfg: c}).listenControl(t.Context())
	if err == nil || !strings.Contains(err.Error(), "choose a shorter one") {
		t.Errorf("%v", err)
	}
}
