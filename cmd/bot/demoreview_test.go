package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"jitbot/pages/browsertest"
)

// tall gives the window the height of what a list of messages holds, so that a
// picture has all of it.
func (v visitor) tall(width int64, list string) {
	v.Do(chromedp.EmulateViewport(width, 900))
	height := browsertest.Script[int64](v.Browser, fmt.Sprintf(`(document.querySelector(%q)?.scrollHeight ?? 700) + 260`, list))
	v.Do(chromedp.EmulateViewport(width, min(height, 9000)))
}

// item is the newest card whose title begins with a text, as an expression.
func item(title string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#thread .card")].filter(c => c.querySelector(".card-title").textContent.replace(/^\d+\. /, "").startsWith(%q)).at(-1)`, title)
}

func (v visitor) pressIn(title, label string) {
	find := fmt.Sprintf(`[...%s.querySelectorAll("button")].find(b => b.textContent === %q)`, item(title), label)
	v.Until(item(title) + " && " + find)
	browsertest.Script[bool](v.Browser, find+`.click() ?? true`)
}

// openReview opens the thread of the review, as somebody.
func (v visitor) openReview(handle string) {
	v.actAs(handle)
	v.goTo("policy-review")
	v.Until(`document.querySelector(".card-picture")`)
	browsertest.Script[bool](v.Browser, `[...document.querySelectorAll(".message")].find(m => m.querySelector(".card-picture")).querySelector(".thread-link").click() ?? true`)
	v.Until(`document.querySelectorAll("#thread .card").length > 2`)
}

func TestInTheDemoTwoPeopleDecideOnTheWeeklyReview(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page, _ := demoAt(t, "--data", dir)
	before, err := os.ReadFile(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	v := visitor{browsertest.Open(t)}
	v.Do(chromedp.Navigate(page))
	v.sees("access-prod")
	v.actAs("sam")
	v.goTo("policy-review")
	v.Until(`document.querySelector(".card-picture")?.complete && document.querySelector(".card-picture").naturalWidth === 960`)
	if alt := browsertest.Script[string](v.Browser, `document.querySelector(".card-picture").alt`); !strings.HasPrefix(alt, "Grants that ended, by week") {
		t.Errorf("the chart's words are %q", alt)
	}
	v.Picture("review-01-head")
	v.openReview("sam")
	v.album("review-02-thread")

	const title = "Change max_duration of rule prod-by-approval"
	v.pressIn(title, "Accept")
	v.Until(item(title) + `.textContent.includes("Accepted by Sam Sand")`)
	v.pressIn(title, "Confirm")
	v.sees("a second person has to confirm it")
	v.Picture("review-04-the-same-person-is-refused")
	v.openReview("val")
	v.pressIn(title, "Confirm")
	v.Until(item(title) + `.textContent.includes("Applied by Val Vega")`)
	v.Picture("review-05-applied")
	after, err := os.ReadFile(filepath.Join(dir, "policy.yaml"))
	if want := strings.Replace(string(before), "    max_duration: 4h\n    approvals", "    max_duration: 1h\n    approvals", 1); err != nil || string(after) != want {
		t.Errorf("the policy file is not the old one with one value changed: %v\n%s", err, after)
	}
	v.pressIn(title, "Revert")
	v.sees("A second person has to confirm it")
	v.openReview("sam")
	v.Picture("review-06-taking-back")
	v.pressIn("Take back", "Confirm")
	v.Until(item(title) + `.textContent.includes("Taken back")`)
	v.Picture("review-07-taken-back")
	if again, err := os.ReadFile(filepath.Join(dir, "policy.yaml")); err != nil || string(again) != string(before) {
		t.Errorf("taken back it is not the file of before: %v\n%s", err, again)
	}
	v.pressIn("Add require", "Not now")
	v.sees("It is silent for 90 days")
	v.pressIn("Rights that nobody uses", "Wrong")
	v.sees("counts against the analysis")
	v.Picture("review-08-not-now-and-wrong")
}

// album takes pictures of a thread by day and night, on a desk and a phone.
func (v visitor) album(name string) {
	for _, scheme := range []string{"light", "dark"} {
		v.Prefer("prefers-color-scheme", scheme)
		v.tall(1440, "#thread")
		v.Picture(name + "-" + scheme)
		v.tall(360, "#thread")
		v.Picture(name + "-360-" + scheme)
	}
	v.Prefer("prefers-color-scheme", "light")
	v.Do(chromedp.EmulateViewport(1440, 900))
}
