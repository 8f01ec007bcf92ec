// Package browsertest lets tests drive jitbot's pages in a real browser and
// keep pictures of them.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds a whole browser test.
const patience = 2 * time.Minute

// stepPatience bounds one step of it.
const stepPatience = 15 * time.Second

// Browser is one tab. What goes wrong on its page, such as a script error or a
// breach of the content policy, fails the test when it ends.
type Browser struct {
	Context context.Context // for chromedp
	t       *testing.T
	started bool

	mu       sync.Mutex
	problems []string
}

// Open starts a browser with one tab and ends it with the test. Where there is
// no Chromium the test is skipped, or fails if JIT_TEST_BROWSER is "required".
func Open(t *testing.T) *Browser {
	t.Helper()
	b := &Browser{t: t}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(find(t)),
		chromedp.Flag("headless", "new"), chromedp.Flag("lang", "en-GB"), chromedp.WindowSize(1440, 900))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses its sandbox to root
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithListener(b.listen))
	b.Context = ctx
	t.Cleanup(func() {
		closeTab()
		stop()
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Errorf("the page reported: %s", p)
		}
	})
	b.Do(chromedp.EmulateViewport(1440, 900))
	return b
}

// Do runs actions and fails the test if one cannot be done.
func (b *Browser) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.Context)
	if b.started {
		ctx, cancel = context.WithTimeout(b.Context, stepPatience)
	}
	b.started = true // the first step starts the browser, which lives as long as its context
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.fail(err)
	}
	b.t.Cleanup(cancel)
}

// Script evaluates an expression, which may be a promise, and returns its value.
func Script[T any](b *Browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.Context, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail(err)
	}
	return value
}

// Until waits until a JavaScript condition holds, on this page or on one it
// leads to.
func (b *Browser) Until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, stepPatience)
	defer cancel()
	poll := chromedp.Poll[bool]("!!("+condition+")", chromedp.WithPollingTimeout(stepPatience))
	for {
		_, err := chromedp.Run(ctx, poll)
		if err == nil {
			return
		}
		if ctx.Err() != nil || errors.Is(err, chromedp.ErrPollingTimeout) {
			b.fail(fmt.Errorf("waiting for %s: %w", condition, err))
		}
	}
}

// Keys presses keys where the focus is.
func (b *Browser) Keys(keys string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// Click clicks the first element a CSS selector finds.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Prefer makes the browser report a media feature, such as prefers-color-scheme.
func (b *Browser) Prefer(feature, value string) {
	b.t.Helper()
	b.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return err
	}))
}

func (b *Browser) fail(err error) {
	b.t.Helper()
	b.Picture("failed-" + filepath.Base(b.t.Name()))
	b.t.Fatalf("browser: %v", err)
}

// Picture keeps a picture of what the tab shows as name.png, in the folder of
// JIT_TEST_ARTIFACTS or the test's own.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.Context, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Errorf("picture %s: %v", name, err)
		return
	}
	dir := os.Getenv("JIT_TEST_ARTIFACTS")
	if dir == "" {
		dir = b.t.ArtifactDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Errorf("picture %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.t.Errorf("picture %s: %v", name, err)
	}
}

func (b *Browser) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.note((&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Source == cdplog.EntrySourceSecurity {
			b.note(e.Entry.Text + " " + e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			for _, arg := range e.Args {
				b.note("console: " + string(arg.Value))
			}
		}
	}
}

func (b *Browser) note(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

func find(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("JIT_TEST_BROWSER") == "required" {
		t.Fatal("no Chromium or Chrome in PATH, and JIT_TEST_BROWSER asks for one")
	}
	t.Skip("no Chromium or Chrome in PATH; install one to run the browser tests")
	return ""
}
