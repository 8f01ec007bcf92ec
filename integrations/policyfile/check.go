package policyfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"jitbot/bot"
)

// Check says whether changes could be written now. It leaves nothing behind.
func (f *File) Check(ctx context.Context) []bot.Finding {
	path, err := f.real()
	if err != nil {
		return []bot.Finding{{What: "suggestions: " + err.Error()}}
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".policy-*")
	if err != nil {
		return []bot.Finding{{What: fmt.Sprintf("suggestions: the folder %s cannot be written: %v", dir, err), Hint: "let jitbot's user write there, or set suggestions.apply to patch"}}
	}
	_ = tmp.Close()
	_ = os.Remove(tmp.Name())
	found := []bot.Finding{{OK: true, What: "suggestions: changes are written into " + path}}
	if !f.cfg.Commit {
		return found
	}
	r, err := f.repository(ctx, path)
	switch {
	case err != nil:
		return append(found, bot.Finding{What: "suggestions: " + err.Error()})
	case r == nil:
		return append(found, bot.Finding{OK: true, What: "suggestions: " + dir + " is in no git work tree", Hint: "changes are written and not committed"})
	}
	if err := r.clean(ctx); err != nil {
		return append(found, bot.Finding{What: "suggestions: " + err.Error()})
	}
	return append(found, bot.Finding{OK: true, What: "suggestions: changes are committed as " + r.author})
}
