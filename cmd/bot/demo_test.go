package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"jitbot/pages/browsertest"
)

// output is where a command under test writes, readable while it runs.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	written chan struct{}
}

func newOutput() *output { return &output{written: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// until waits until what was written holds part.
func (o *output) until(t *testing.T, part string) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if s := o.String(); strings.Contains(s, part) {
			return s
		}
		select {
		case <-o.written:
		case <-deadline:
			t.Fatalf("waited for %q; got:\n%s", part, o)
		}
	}
}

// demoAt starts `bot demo` on a free port and returns the page's and the
// loopback AWS's addresses. It is stopped, cleanly, with the test.
func demoAt(t *testing.T, args ...string) (page, aws string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, done := newOutput(), make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"demo", "--listen", "127.0.0.1:0"}, args...), environment{out, out, func(string) string { return "" }})
	}()
	t.Cleanup(func() {
		stop()
		if code := <-done; code != exitOK {
			t.Errorf("the demo ended with %d:\n%s", code, out)
		}
	})
	text := out.until(t, "Ctrl-C ends the demo.")
	return after(text, "Open   "), after(text, "AWS    ")
}

func after(text, label string) string {
	_, rest, _ := strings.Cut(text, label)
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// visitor is a person at the demo's page.
type visitor struct{ *browsertest.Browser }

func (v visitor) actAs(handle string) {
	v.Until(fmt.Sprintf(`[...document.getElementById("as").options].some(o => o.value === %q)`, handle)) // the people are loaded
	browsertest.Script[bool](v.Browser, fmt.Sprintf(`(() => { document.getElementById("live").textContent = ""; const s = document.getElementById("as");
		s.value = %q; s.dispatchEvent(new Event("change", {bubbles: true})); return true })()`, handle))
	v.Until(fmt.Sprintf(`document.getElementById("as").value === %q && document.getElementById("live").textContent.includes("You now act as")`, handle))
}

// goTo opens a channel or, as jitbot, the direct messages.
func (v visitor) goTo(place string) {
	key := place
	if place == "jitbot" {
		key = "@jitbot"
	}
	v.clickOn(fmt.Sprintf(`[data-place=%q]`, key), place)
	v.Until(fmt.Sprintf(`document.getElementById("place").textContent.replace("# ", "") === %q`, place))
}

// press clicks the newest visible button that says text.
func (v visitor) press(text string) { v.clickOn(`button, a.button`, text) }

// clickOn clicks the middle of the newest visible element that says text: by
// its place on the screen, as a person does, whatever the page redraws meanwhile.
func (v visitor) clickOn(selector, text string) {
	find := fmt.Sprintf(`[...document.querySelectorAll(%q)].filter(e => e.textContent.trim().includes(%q) && e.getClientRects().length && !e.disabled).at(-1)`, selector, text)
	v.Until(find)
	at := browsertest.Script[[]float64](v.Browser, fmt.Sprintf(`new Promise(done => { %s.scrollIntoView({block: "center"});
		requestAnimationFrame(() => requestAnimationFrame(() => { const r = %s.getBoundingClientRect(); done([r.x + r.width / 2, r.y + r.height / 2]) })) })`, find, find))
	v.Do(chromedp.MouseClickXY(at[0], at[1]))
}

func (v visitor) say(text string) {
	v.Do(chromedp.Focus(chromedp.CSS("#say")))
	v.Keys(text)
	v.Keys(kb.Enter)
}

// sees waits until the page shows text.
func (v visitor) sees(text string) {
	v.Until(fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

func TestANewcomerGoesThroughTheWholeStoryInABrowser(t *testing.T) {
	t.Parallel()
	page, aws := demoAt(t)
	v := visitor{browsertest.Open(t)}
	v.Do(chromedp.Navigate(page))
	v.sees("access-prod")
	v.Picture("demo-01-first-look")

	v.actAs("ann")
	v.goTo("access-prod")
	v.say("/jit request prod-db 1h incident: orders are stuck")
	v.sees("Waiting for approval")
	v.Picture("demo-02-asked")
	v.press("Approve")
	v.press("Approve") // the question before it: prod-db is sensitive
	v.sees("You asked for this yourself")
	v.Picture("demo-03-self-approval-refused")

	v.actAs("bo")
	v.goTo("access-prod")
	v.press("Approve")
	v.sees("Approve prod-db?")
	v.Picture("demo-04-the-approver-looks-twice")
	v.press("Approve")
	v.sees("Approved for 1h")
	v.sees("Active")
	v.Picture("demo-05-approved")

	v.actAs("ann")
	v.goTo("jitbot")
	v.sees("Get credentials")
	v.Picture("demo-06-the-holders-card")
	v.press("Get credentials")
	v.Until(`document.querySelector("a[href*='/c/']")`)
	link := browsertest.Script[string](v.Browser, `[...document.querySelectorAll("a")].filter(a => a.href.includes("/c/")).at(-1).href`)
	v.Do(chromedp.Navigate(link))
	v.sees("Show credentials")
	v.Picture("demo-07-before-the-credentials")
	v.press("Show credentials")
	v.sees("AWS_SESSION_TOKEN")
	v.Picture("demo-08-the-credentials-once")
	v.Do(chromedp.Navigate(aws))
	v.sees("prod-db-operators")
	v.sees("ann@example.com")
	v.Picture("demo-09-what-aws-holds")

	v.Do(chromedp.Navigate(page))
	v.goTo("jitbot")
	v.press("I'm done")
	v.sees("Ended early by Ann Lee")
	v.sees("Credentials were handed out; they do not work any more")
	v.Picture("demo-10-the-receipt")
	v.Do(chromedp.Navigate(aws))
	v.sees("denied")
	v.Picture("demo-11-aws-afterwards")
}

func TestTheOtherStoriesOfTheDemoWorkInABrowser(t *testing.T) {
	t.Parallel()
	page, _ := demoAt(t)
	v := visitor{browsertest.Open(t)}
	v.Do(chromedp.Navigate(page))
	v.sees("access-prod")

	v.actAs("con")
	v.goTo("access")
	v.say("/jit request prod-db 1h have a look at the data")
	v.sees("ask your sponsor")
	v.Picture("demo-20-refused")

	p, err := loadPolicy("demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	v.actAs(onCallNow(p, time.Now()))
	v.goTo("access-prod")
	v.say("/jit request prod-logs 20m INC-42 replica lag")
	v.sees("Approved by the policy")
	v.sees("Active")
	v.Picture("demo-21-approved-by-rule")
	v.goTo("jitbot")
	v.press("Extend")
	v.sees("How much longer")
	v.Picture("demo-22-extend-form")
	v.press("Ask")
	v.sees("Your access goes on unbroken")
	v.Picture("demo-23-extended")

	v.actAs("di")
	v.goTo("access")
	v.say("/jit break-glass prod-db 15m database is down and nobody answers")
	v.sees("without anybody's approval")
	v.Picture("demo-24-break-glass-form")
	v.press("Break the glass")
	v.sees("Di Diaz broke the glass")
	v.actAs("sam")
	v.goTo("security")
	v.sees("Review open")
	v.Picture("demo-25-security-is-told")
	v.press("Review…")
	v.sees("What did you find?")
	v.Keys("Looked at the session: one restart, as said.")
	v.press("Close the review")
	v.sees("Reviewed by Sam Sand")

	v.actAs("ann")
	v.goTo("access")
	v.say("/jit")
	v.sees("Request access")
	v.Picture("demo-26-request-form")
	v.Keys(kb.Escape)
	v.say("/jit request prod-dp 1h incident: wrong name")
	v.sees("Did you mean")
	v.say("/jit why prod-db 6h")
	v.sees("prod-by-approval, line")
	v.say("/jit mine")
	v.sees("Your requests and grants")
	v.Picture("demo-27-mine-and-why")
	v.Prefer("prefers-color-scheme", "dark")
	v.Picture("demo-28-dark")
}

func TestInTheDemoAHolderOpensTheTimelineOfWhatWasDone(t *testing.T) {
	t.Parallel()
	page, _ := demoAt(t)
	v := visitor{browsertest.Open(t)}
	v.Do(chromedp.Navigate(page))
	v.Until(`document.getElementById("as")`)
	v.actAs("bo")
	v.goTo("access-prod")
	v.Until(`document.body.textContent.includes("refund that did not arrive")`)
	v.Picture("demo-receipts")
	v.goTo("jitbot")
	v.press("Timeline…")
	v.Until(`[...document.querySelectorAll("a")].some(a => a.textContent.includes("Open the timeline"))`)
	v.Picture("demo-timeline-link")
	link := browsertest.Script[string](v.Browser, `[...document.querySelectorAll("a")].filter(a => a.textContent.includes("Open the timeline")).at(-1).href`)
	v.Do(chromedp.Navigate(link))
	v.Until(`document.querySelector("form button")?.textContent === "Open the timeline"`)
	v.Click("form button")
	v.Until(`document.querySelector(".steps") && document.querySelector(".mark")`)
	v.Picture("demo-timeline")
	if text := browsertest.Script[string](v.Browser, `document.body.innerText`); !strings.Contains(text, "Used for something else than it was for") || !strings.Contains(text, "told by demo") {
		t.Errorf("the timeline reads\n%s", text)
	}
}

func TestANewcomerReadsTheDemosReviewAndTwoPeopleChangeThePolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page, _ := demoAt(t, "--data", dir)
	v := visitor{browsertest.Open(t)}
	v.Do(chromedp.Navigate(page))
	v.sees("access-prod")
	v.actAs("sam")
	v.goTo(reviewChannel)
	v.sees("Access review, week")
	v.press("replies")
	v.sees("max_duration of rule prod-by-approval from 4h to 1h")
	v.sees("Remove group:contractors from eligible of rule staging-at-will")
	v.Picture("demo-30-the-review")
	v.clickOn(`article button, li button`, "Accept")
	v.sees("a second person has to confirm")
	v.Picture("demo-31-accepted")
	v.actAs("bo")
	v.goTo(reviewChannel)
	v.press("replies")
	v.press("Confirm")
	v.sees("Applied by Bo Berg")
	v.Picture("demo-32-applied")
	raw, err := os.ReadFile(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	given, err := demoFiles.ReadFile("demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for line := range strings.Lines(string(given)) {
		kept[line] = true
	}
	changed := 0
	for line := range strings.Lines(string(raw)) {
		if !kept[line] {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d lines are new: the policy is now\n%s", changed, raw)
	}
}
