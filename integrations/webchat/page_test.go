package webchat

import (
	"html"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
)

func TestT21TheNameOfTheWorkspaceIsTextAndNeverMarkup(t *testing.T) {
	t.Parallel()
	const hostile = `</title>"><script>alert(1)</script>{{workspace}}`
	show := func(workspace string) string {
		cfg := Config{Workspace: workspace, Channels: []string{"general"}, Path: filepath.Join(t.TempDir(), "chat.db")}
		c, err := Open(t.Context(), cfg, bot.Deps{Now: time.Now}, []Person{{User: "ann", Name: "Ann", Principal: "ann@example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		w := httptest.NewRecorder()
		c.showPage(w, httptest.NewRequest(http.MethodGet, "/chat", nil))
		return w.Body.String()
	}
	page, plain := show(hostile), show("Northwind")
	if got := strings.ReplaceAll(page, html.EscapeString(hostile), "Northwind"); got != plain {
		t.Errorf("the page is\n%s\nwant it as with a word:\n%s", page, plain)
	}
	if strings.Count(plain, "Northwind") != 2 || strings.Contains(plain, "{{") {
		t.Errorf("the page is not filled in:\n%s", plain)
	}
}
