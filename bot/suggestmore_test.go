package bot_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy/edit"
)

func TestAnotherValueIsHeldAgainstTheRailsToo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *bot.Config) { c.Security = append(c.Security, ann) })
	d.way = jit.Widen
	g := d.one(longer())
	d.no(g.ID, bot.CodeSelf, "Ann Lee would be let do more", func() (jit.Suggestion, error) {
		return d.Service.AcceptSuggestionAs(t.Context(), g.ID, ann, "5h")
	})
}

func TestG1WhoMayBreakTheGlassAnewGains(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.one(suggest("A16", edit.Edit{Op: edit.AddItem, Rule: "prod-by-approval", Path: []string{"break_glass", "eligible"}, Item: zoe}))
	d.no(g.ID, bot.CodeSelf, "Zoe Zorn would be let do more", d.accept(g.ID, zoe))
	d.must(d.accept(g.ID, sam)())
	d.no(g.ID, bot.CodeSelf, "Zoe Zorn would be let do more", d.confirm(g.ID, zoe))
	d.must(d.confirm(g.ID, ada)())
}

func TestG5WhereNobodyCanTellWhoCouldStillApproveNothingIsTakenAway(t *testing.T) {
	t.Parallel()
	away := &roster{err: errors.New("the directory is away")}
	d := newDesk(t, func(c *bot.Config) { c.Groups = map[string]bot.Groups{"directory": away} })
	d.set([]byte(changed(t, "payments: [ann@example.com, bo@example.com]", "payments: {directory: {id: p}}")))
	g := d.one(suggest("A14", edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"approvals", "from"}, Item: "oncall:primary"}))
	d.no(g.ID, bot.CodeProvider, "cannot tell who is in group:payments", d.accept(g.ID, sam))
	away.set(nil, ann)
	d.no(g.ID, bot.CodeDenied, "1 active approver", d.accept(g.ID, sam))
	away.set(nil, ann, bo)
	d.must(d.accept(g.ID, sam)())
}

func TestAnItemThatCameToNothingSaysHowItStands(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, titled(shorter(), "max_duration of rule prod-by-approval from 4h to 2h"))
	d.round()
	id := d.suggested().ID
	d.set([]byte(strings.Replace(world.Policy, "max_duration: 4h", "max_duration: 2h", 1))) // somebody was quicker by hand
	d.Press("sam", "item-accept", id)
	if m := d.item(id); m.Card.Status.Text != "Out of date" || len(m.Card.Buttons) != 0 {
		t.Errorf("it says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
}

func TestThePatchOfAnItemIsShownToThoseAloneWhoMayDecide(t *testing.T) {
	t.Parallel()
	g := shorter()
	g.Body = []byte(`{"title":"max_duration of rule prod-by-approval","finding":{"sentence":"x"},"patch":"-    max_duration: 4h\n+    max_duration: 2h\n"}`)
	d, _ := newWeekly(t, g)
	d.round()
	id := d.suggested().ID
	refused(t, d.World, bot.CodeNoRight, d.Press("ann", "item-edit", id), "Only admins and security")
	d.Press("sam", "item-accept", id)
	refused(t, d.World, bot.CodeNoRight, d.Press("ann", "item-withdraw", id), "Only admins and security")
}

func TestAnEditIsNotJudgedForEver(t *testing.T) {
	t.Parallel()
	j := &verdicts{word: "too early"}
	d := newJudged(t, j, weeklyReview{})
	g := d.done(shorter())
	for later, asked := range map[time.Duration]int{12 * week: 1, 12*week + time.Second: 0} {
		j.asked = nil
		if err := d.Service.JudgeSuggestions(t.Context(), g.AppliedAt.Add(later)); err != nil || len(j.asked) != asked {
			t.Errorf("%s later it is judged %d times: %v", later, len(j.asked), err)
		}
	}
}
