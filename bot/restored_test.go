package bot_test

import (
	"slices"
	"testing"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/storage"
)

func TestARestoredStoreLooksAtWhatIsThereBeforeItGivesAnything(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.Say("ann", "request staging 2h rehearse the migration")
	w.Say("bo", "request staging 2h rehearse the migration too")
	w.UntilGrant("ann", jit.GrantActive)
	w.UntilGrant("bo", jit.GrantActive)
	// Ann's grant ended after the backup was taken.
	if err := w.AWS.Leave("staging-operators", "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	err := w.Store.Write(t.Context(), func(tx storage.Tx) error {
		return tx.SetNote(storage.NoteRestored, []byte(storage.JustRestored))
	})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w, bot.CodeStoreDown, w.Say("cy", "request staging 1h try it"), "restored from a backup")
	if err := w.Service.Rounds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g := w.UntilGrant("ann", jit.GrantEnded); g.EndBy != jit.ActorJitbot {
		t.Errorf("it ended by %q because %q", g.EndBy, g.EndReason)
	}
	if g := w.Grant("bo"); g.State != jit.GrantActive || !slices.Contains(w.AWS.Members("staging-operators"), "bo@example.com") {
		t.Errorf("what is still there: %s", g.State)
	}
	w.Say("cy", "request staging 1h try it now")
	w.UntilGrant("cy", jit.GrantActive)
}
