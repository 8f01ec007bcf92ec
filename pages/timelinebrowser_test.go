package pages_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"jitbot/bot"
	"jitbot/pages"
	"jitbot/pages/browsertest"
)

// shelf serves one timeline to a real browser.
func shelf(t *testing.T, line bot.Timeline) (*archive, string) {
	t.Helper()
	a := &archive{line: line, owner: "bo@example.com", until: time.Now().Add(30 * time.Minute)}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	timelines, err := pages.NewTimelines(pages.TimelinesConfig{Timelines: a, BaseURL: "http://127.0.0.1", Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/g/", timelines)
	mux.Handle("/pages/", pages.New(&desk{}, nil, log))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return a, server.URL + "/g/" + token
}

// fits fails if anything sticks out of the page to the side.
func fits(t *testing.T, b *browsertest.Browser, name string) {
	t.Helper()
	if over := browsertest.Script[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		who := browsertest.Script[string](b, `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scrolls")).slice(0, 5).map(e => e.tagName + "." + (e.className.baseVal ?? e.className)).join(" ")`)
		t.Errorf("%s is %d px too wide: %s", name, over, who)
	}
}

// pale finds texts that stand out less than 4.5 to 1, and marks less than 3 to 1.
const pale = `(() => {
	const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3); };
	const light = (c) => { const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
	const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + .05) / (y + .05); };
	const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; };
	const out = new Set();
	const look = (e, colour, least) => { const r = ratio(rgb(colour), ground(e)); if (r < least) out.add(e.tagName + "." + (e.className.baseVal ?? e.className) + " " + r.toFixed(1)); };
	for (const e of document.querySelectorAll("main *")) {
		if (!e.checkVisibility()) continue;
		if ([...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) look(e, e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color, 4.5);
	}
	for (const e of document.querySelectorAll(".bar .done")) if (e.checkVisibility()) look(e, getComputedStyle(e).fill, 3);
	for (const e of document.querySelectorAll(".bar .denied, .over, .phase.held, .phase.waiting, .icon")) if (e.checkVisibility()) look(e, getComputedStyle(e).stroke, 3);
	return [...out].join(", ");
})()`

func standsOut(t *testing.T, b *browsertest.Browser, name string) {
	t.Helper()
	if found := browsertest.Script[string](b, pale); found != "" {
		t.Errorf("%s is too pale: %s", name, found)
	}
}

// album takes pictures of the whole page by day, by night and on a phone.
func album(t *testing.T, b *browsertest.Browser, name string) {
	t.Helper()
	whole := func(width int64) {
		b.Do(chromedp.EmulateViewport(width, 900))
		height := browsertest.Script[int64](b, `Math.min(Math.ceil(document.documentElement.getBoundingClientRect().height), 5000)`)
		b.Do(chromedp.EmulateViewport(width, height))
		fits(t, b, fmt.Sprintf("%s at %d", name, width))
	}
	whole(1100)
	standsOut(t, b, name)
	b.Picture(name)
	b.Prefer("prefers-color-scheme", "dark")
	standsOut(t, b, name+" by night")
	b.Picture(name + "-dark")
	whole(360)
	b.Picture(name + "-360-dark")
	b.Prefer("prefers-color-scheme", "light")
	b.Picture(name + "-360")
	whole(1100)
	b.Prefer("forced-colors", "active")
	b.Picture(name + "-forced")
	b.Prefer("forced-colors", "none")
}

func TestInTheBrowserATimelineIsOpenedAndFitsEveryWindow(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]bot.Timeline{
		"rich": richLine(), "empty": emptyLine(), "incomplete": incompleteLine(), "hostile": hostileLine(nasty), "running": runningLine(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, url := shelf(t, line)
			b := browsertest.Open(t)
			b.Do(chromedp.Navigate(url))
			b.Until(`document.querySelector("form button")`)
			fits(t, b, name+" before")
			b.Picture("timeline-" + name + "-before")
			b.Click("form button")
			b.Until(`document.querySelector(".steps")`)
			album(t, b, "timeline-"+name)
			if a.opened != 1 {
				t.Errorf("opened %d times", a.opened)
			}
		})
	}
}

func TestInTheBrowserAMarkOnTheLineLeadsToItsStepByKeyboard(t *testing.T) {
	t.Parallel()
	_, url := shelf(t, richLine())
	b := browsertest.Open(t)
	b.Do(chromedp.Navigate(url))
	b.Click("form button")
	b.Until(`document.querySelector(".steps")`)
	browsertest.Script[bool](b, `(document.querySelector(".bar.wide .mark:has(.over.stray)").focus({focusVisible: true}), true)`)
	if says := browsertest.Script[string](b, `document.activeElement.getAttribute("aria-label")`); says == "" {
		t.Error("a mark says nothing to screen readers")
	}
	b.Picture("timeline-focus")
	b.Keys(kb.Enter)
	b.Until(`document.querySelector(":target")?.textContent.includes("s3:PutObject")`)
	b.Picture("timeline-target")
}

func TestInTheBrowserOnlyWhatIsChosenIsListed(t *testing.T) {
	t.Parallel()
	_, url := shelf(t, richLine())
	b := browsertest.Open(t)
	b.Do(chromedp.Navigate(url))
	b.Click("form button")
	b.Until(`document.querySelector(".steps")`)
	shown := func() string {
		return browsertest.Script[string](b, `[...document.querySelectorAll(".step-line.action")].filter(e => e.checkVisibility()).map(e => e.querySelector("code").textContent).join(" ")`)
	}
	for choice, want := range map[string]string{
		"denied": "rds:DeleteDBInstance s3:GetObject", "stray": "s3:PutObject", "late": "s3:GetObject",
		"write": "rds:RebootDBInstance s3:PutObject rds:ModifyDBInstance",
	} {
		b.Click(`label:has(#only-` + choice + `)`)
		b.Until(`document.getElementById("only-` + choice + `").checked`)
		if got := shown(); got != want {
			t.Errorf("%s lists %q, want %q", choice, got, want)
		}
		if n := browsertest.Script[int](b, `[...document.querySelectorAll(".event")].filter(e => e.checkVisibility()).length`); n != 0 {
			t.Errorf("%s lists %d events", choice, n)
		}
	}
	b.Click(`label:has(#only-denied)`)
	b.Do(chromedp.EmulateViewport(1100, 1000))
	browsertest.Script[bool](b, `(document.querySelector(".story").scrollIntoView(), true)`)
	b.Picture("timeline-denied-only")
}
