package idpfake

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

//go:embed pages/static
var pages embed.FS

func staticFiles() http.Handler {
	files, err := fs.Sub(pages, "pages/static")
	if err != nil {
		panic("loopback sign-in: " + err.Error()) // the directory is compiled in
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		serve.ServeHTTP(w, r)
	})
}

// protect says nothing of form-action: browsers hold a redirect after a form
// against it, and that is how one gets back.
func protect(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

func render(w http.ResponseWriter, status int, page g.Node) {
	var b bytes.Buffer
	_ = page.Render(&b) // a buffer takes everything
	protect(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // a reader that went away reads nothing
}

func frame(content ...g.Node) g.Node {
	return h.Doctype(h.HTML(
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text("Loopback sign-in")),
			h.Link(h.Rel("icon"), h.Href("/static/icon.svg"), h.Type("image/svg+xml")),
			h.Link(h.Rel("stylesheet"), h.Href("/static/style.css")),
		),
		h.Body(h.Main(
			h.P(h.Class("mark"), h.Img(h.Src("/static/icon.svg"), h.Alt(""), h.Width("20"), h.Height("20")), g.Text(" Loopback sign-in")),
			g.Group(content),
		)),
	))
}

// choicePage asks who one is. id stands for the request it answers.
func choicePage(users []User, id string, anew bool) g.Node {
	question := "Choose who you are. There is no password: this page stands in for your company's sign-in."
	if anew {
		question = "You are asked to prove anew who you are. There is no password and no second factor: this page stands in for your company's sign-in."
	}
	return frame(
		h.H1(g.Text("Sign in")),
		h.P(g.Text(question)),
		h.Form(
			h.Method("post"), h.Action(Authorize),
			h.Input(h.Type("hidden"), h.Name("request"), h.Value(id)),
			h.FieldSet(h.Legend(g.Text("Who are you?")), g.Map(users, func(u User) g.Node {
				return h.Label(
					h.Input(h.Type("radio"), h.Name("user"), h.Value(u.Email), h.Required()),
					h.Span(h.Strong(g.Text(u.Name)), h.Span(g.Text(u.Email))),
				)
			})),
			h.Div(
				h.Class("choices"),
				h.Button(h.Class("primary"), h.Type("submit"), h.Name("do"), h.Value("sign-in"), g.Text("Sign in")),
				h.Button(h.Type("submit"), h.Name("do"), h.Value("cancel"), h.FormNoValidate(), g.Text("Cancel")),
			),
		),
	)
}

func refusedPage(why string) g.Node {
	return frame(h.H1(g.Text("Not here")), h.P(g.Text("The application that sent you did not ask properly: "+why+".")))
}
