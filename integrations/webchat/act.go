package webchat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"jitbot/bot"
)

// call is one action of one person, checked as far as this page can.
type call struct {
	me   Person
	body body
	w    http.ResponseWriter
}

// answer is what the page that acted is told. A private message comes by the
// stream as well; here it is shown at once.
type answer struct {
	Message *message          `json:"message,omitempty"`
	Form    *bot.Form         `json:"form,omitempty"`
	Bad     map[string]string `json:"bad,omitempty"`
	Options []bot.Option      `json:"options,omitempty"`
	Pending bool              `json:"pending,omitempty"` // the rest comes by the stream
	Failed  bool              `json:"failed,omitempty"`  // nothing was done; a form stays open
}

// refusal is an action that was not taken, and what to do about it.
type refusal struct {
	status int
	Say    string `json:"say"`
	Hint   string `json:"hint,omitempty"`
}

// Error says what was refused.
func (r refusal) Error() string { return r.Say }

func refusef(status int, hint, format string, args ...any) error {
	return refusal{status, fmt.Sprintf(format, args...), hint}
}

// action wraps do with the checks every action needs: kind and size of the
// body, its keys, and that the page knows who it acts as.
func (c *Chat) action(do func(context.Context, call) (answer, error), keys ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := c.readCall(w, r, keys)
		if err != nil {
			c.refuseOrLog(w, r, err)
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			c.refuseOrLog(w, r, err)
			return
		}
		c.answer(w, r, out)
	})
}

func (c *Chat) readCall(w http.ResponseWriter, r *http.Request, keys []string) (call, error) {
	if !isJSON(r) {
		return call{}, refusef(http.StatusUnsupportedMediaType, "Send application/json.", "The body is not JSON.")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return call{}, refusef(http.StatusRequestEntityTooLarge, "Make it shorter.", "That is over %d KiB.", maxBody>>10)
	}
	if err != nil {
		return call{}, refusef(http.StatusBadRequest, "Try again.", "The body did not arrive.")
	}
	b, err := decodeBody(data, keys...)
	if err != nil {
		return call{}, refusef(http.StatusBadRequest, "Load the page again.", "The body cannot be read: %v.", err)
	}
	in := call{c.acting(r), b, w}
	if as, said := b.fields["as"]; said && as != in.me.User {
		return call{}, refusef(http.StatusConflict, "The page is loaded again.", "This browser now acts as %s.", in.me.Name)
	}
	if _, chooses := b.fields["user"]; !chooses && !nonceForm.MatchString(b.get("nonce")) {
		return call{}, refusef(http.StatusBadRequest, "Load the page again.", "The nonce must be 8 to 64 letters, digits and dashes.")
	}
	return in, nil
}

func (c *Chat) refuseOrLog(w http.ResponseWriter, r *http.Request, err error) {
	why, ok := errors.AsType[refusal](err)
	if !ok {
		c.deps.Log.ErrorContext(r.Context(), "web chat: an action failed", "path", r.URL.Path, "error", err)
		why = refusal{http.StatusInternalServerError, "Something broke on our side; nothing was changed.", "Try again; the log says why."}
	}
	refuse(w, why)
}

// switchPerson makes the browser act as another person.
func (c *Chat) switchPerson(_ context.Context, in call) (answer, error) {
	p, ok := c.person(in.body.get("user"))
	if !ok {
		return answer{}, refusef(http.StatusNotFound, "Choose one of the list.", "Nobody has that handle.")
	}
	//nolint:gosec // G124: the page is served to this computer alone, over plain http
	http.SetCookie(in.w, &http.Cookie{Name: cookieName, Value: p.User, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return answer{}, nil
}

// say takes a line that was typed: a command, or a message to the channel.
func (c *Chat) say(in bot.Inbox) func(context.Context, call) (answer, error) {
	return func(ctx context.Context, cl call) (answer, error) {
		where, err := c.whereToSpeak(ctx, cl)
		if err != nil {
			return answer{}, err
		}
		text := cl.body.get("text")
		if n := utf8.RuneCountInString(text); n > maxText {
			return answer{}, refusef(http.StatusUnprocessableEntity, "Shorten it.", "That is %d characters; %d fit.", n, maxText)
		}
		if command, ok := commandIn(text); ok {
			return c.deliver(ctx, in, task{call: cl, where: where, asked: cleanText(text), in: bot.Incoming{Text: command}})
		}
		return c.talk(ctx, cl, where, cleanText(text))
	}
}

// talk keeps an ordinary message.
func (c *Chat) talk(ctx context.Context, cl call, where message, text string) (answer, error) {
	if text == "" {
		return answer{}, refusef(http.StatusUnprocessableEntity, "Type something first.", "There is nothing to send.")
	}
	if strings.HasPrefix(text, "/") {
		word, _, _ := strings.Cut(text, " ")
		return answer{}, refusef(http.StatusUnprocessableEntity, "Commands start with /jit; try /jit help.", "There is no command %.40q.", word)
	}
	where.Author, where.Text, where.At, where.delivery = cl.me.User, text, c.deps.Now(), deliveryKey(cl)
	m, err := c.history.add(ctx, where)
	if err != nil {
		return answer{}, err
	}
	c.hub.wake()
	return answer{Message: &m}, nil
}

// act takes the press of a button. Whether it is still there and theirs to
// press is for the inbox to say; only who can see the message is known here.
func (c *Chat) act(in bot.Inbox) func(context.Context, call) (answer, error) {
	return func(ctx context.Context, cl call) (answer, error) {
		m, err := c.visible(ctx, cl.me, cl.body.get("message"))
		if err != nil {
			return answer{}, err
		}
		where := message{Place: m.Place, Root: m.Root, directOf: m.directOf}
		action := &bot.Action{Verb: cl.body.get("verb"), ID: cl.body.get("id")}
		return c.deliver(ctx, in, task{call: cl, where: where, in: bot.Incoming{Action: action}})
	}
}

// submit takes a filled-in form.
func (c *Chat) submit(in bot.Inbox) func(context.Context, call) (answer, error) {
	return func(ctx context.Context, cl call) (answer, error) {
		where, err := c.whereToSpeak(ctx, cl)
		if err != nil {
			return answer{}, err
		}
		form := &bot.Submission{Name: cl.body.get("form"), ID: cl.body.get("id"), Values: cl.body.values}
		return c.deliver(ctx, in, task{call: cl, where: where, in: bot.Incoming{Form: form}})
	}
}

// refill returns a form as it should stand with what was filled in so far.
func (c *Chat) refill(in bot.Inbox) func(context.Context, call) (answer, error) {
	return func(ctx context.Context, cl call) (answer, error) {
		incoming := bot.Incoming{ID: deliveryKey(cl), From: account(cl.me), At: c.deps.Now()}
		incoming.Form = &bot.Submission{Name: cl.body.get("form"), ID: cl.body.get("id"), Values: cl.body.values}
		ctx, cancel := context.WithTimeout(ctx, slowAfter)
		defer cancel()
		form, err := in.Refill(ctx, incoming)
		if refused := (*bot.UserError)(nil); errors.As(err, &refused) {
			return answer{}, refusef(http.StatusUnprocessableEntity, refused.Hint, "%s", refused.Say)
		}
		if err != nil {
			return answer{}, fmt.Errorf("refill: %w", err)
		}
		return answer{Form: &form}, nil
	}
}

// suggest completes a command (text), or a field of a form: then values holds
// that field alone, with what was typed into it so far.
func (c *Chat) suggest(in bot.Inbox) func(context.Context, call) (answer, error) {
	return func(ctx context.Context, cl call) (answer, error) {
		where, err := c.whereToSpeak(ctx, cl)
		if err != nil {
			return answer{}, err
		}
		incoming := bot.Incoming{ID: deliveryKey(cl), From: account(cl.me), At: c.deps.Now(), Channel: channelOf(where)}
		if form := cl.body.get("form"); form != "" {
			incoming.Form = &bot.Submission{Name: form, ID: cl.body.get("id"), Values: cl.body.values}
		} else {
			incoming.Text, _ = commandIn(cl.body.get("text"))
		}
		ctx, cancel := context.WithTimeout(ctx, slowAfter)
		defer cancel()
		options, err := in.Suggest(ctx, incoming)
		if err != nil {
			return answer{}, fmt.Errorf("suggest: %w", err)
		}
		return answer{Options: options[:min(len(options), maxValues)]}, nil
	}
}

// whereToSpeak finds the channel, or the direct messages, and the thread a
// call names.
func (c *Chat) whereToSpeak(ctx context.Context, cl call) (message, error) {
	if thread := cl.body.get("thread"); thread != "" {
		root, err := c.visible(ctx, cl.me, thread)
		return message{Place: root.Place, directOf: root.directOf, Root: root.thread()}, err
	}
	place := cl.body.get("channel")
	switch {
	case place == direct:
		return message{Place: direct, directOf: cl.me.User}, nil
	case c.hasChannel(place):
		return message{Place: place}, nil
	}
	return message{}, refusef(http.StatusNotFound, "Choose one on the left.", "There is no such channel.")
}

// visible returns a message the person can see; one of others is as unknown
// as one that never was.
func (c *Chat) visible(ctx context.Context, me Person, id string) (message, error) {
	n, _ := strconv.ParseInt(id, 10, 64)
	m, err := c.history.get(ctx, n)
	if errors.Is(err, bot.ErrGone) || err == nil && !m.visibleTo(me.User) {
		return message{}, refusef(http.StatusNotFound, "Load the page again.", "That message is gone.")
	}
	return m, err
}

// commandIn returns what follows /jit, if text is that command.
func commandIn(text string) (string, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "/jit")
	if !ok || rest != "" && !strings.ContainsRune(" \t\n", rune(rest[0])) {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// deliveryKey is the same for every attempt of one action, and no one else's.
func deliveryKey(cl call) string { return account(cl.me).String() + ":" + cl.body.get("nonce") }

func channelOf(where message) string {
	if where.directOf != "" {
		return ""
	}
	return where.Place
}
