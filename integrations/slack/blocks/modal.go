package blocks

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// outlookID begins the block_ids of what is said below a form.
const outlookID = "outlook"

// appName is the title of a modal that has none of its own.
const appName = "jitbot"

// Modal renders a form. callback_id is the form's name, private_metadata its
// id and nothing else; each input is in a block named after it. A title that is
// too long for a modal's bar stands whole above the form.
func Modal(f bot.Form) slack.ModalViewRequest {
	return modal(f, func(in bot.Input) string { return in.Name })
}

func modal(f bot.Form, blockID func(bot.Input) string) slack.ModalViewRequest {
	v := view(f.Title, "Cancel")
	submit := f.Submit
	if strings.TrimSpace(clean(submit)) == "" {
		submit = "Send"
	}
	v.Submit = plain(submit, maxViewTitle)
	if utf8.RuneCountInString(f.Name) <= maxBlockID {
		v.CallbackID = f.Name
	}
	if utf8.RuneCountInString(f.ID) <= maxMetadata {
		v.PrivateMetadata = f.ID // a longer one is none of ours, and half of it would be another
	}
	var head []slack.Block
	if utf8.RuneCountInString(line(f.Title, maxHeader)) > maxViewTitle {
		head = append(head, header(f.Title))
	}
	middle, left := formLines(f, blockID, false)
	if _, rest := take(middle, room{maxViewBlocks, maxViewWeight - weigh(head)}); rest > 0 {
		middle, left = formLines(f, blockID, true)
	}
	v.Blocks.BlockSet = fit(head, middle, nil, left, room{maxViewBlocks, maxViewWeight})
	if len(v.Blocks.BlockSet) == 0 {
		v.Blocks.BlockSet = []slack.Block{header(f.Title)}
	}
	return v
}

// Result renders a card as a modal, the answer to a form that was shown in
// one: there is nothing to submit, and "Done" closes it. What is shown of the
// card are the blocks of its message.
func Result(c bot.Card) slack.ModalViewRequest {
	v := view(appName, "Done")
	v.Blocks.BlockSet = card(header(c.Title), c, newNames(), room{maxViewBlocks, maxViewWeight}, quoteID)
	return v
}

// Working is a modal that says that work is going on; it is replaced by what
// came of it.
func Working(title string) slack.ModalViewRequest {
	v := view(title, "Close")
	v.Blocks.BlockSet = []slack.Block{slack.NewSectionBlock(plain("⏳ Working on it…", maxSection), nil, nil)}
	return v
}

func view(title, dismiss string) slack.ModalViewRequest {
	if strings.TrimSpace(clean(title)) == "" {
		title = appName
	}
	return slack.ModalViewRequest{Type: slack.VTModal, Title: plain(title, maxViewTitle), Close: plain(dismiss, maxViewTitle)}
}

// formLines are what stands in a form, in order; terse leaves the descriptions
// of options out. left counts what cannot be shown at all.
func formLines(f bot.Form, blockID func(bot.Input) string, terse bool) (out []piece, left int) {
	intro, left := prose(f.Intro, "")
	outlook, more := prose(f.Outlook, outlookID)
	left += more
	out = append(out, intro...)
	seen := map[string]bool{outlookID: true}
	for i, in := range f.Fields {
		if i >= maxViewBlocks || seen[in.Name] || !nameable(in.Name) {
			left++
			continue
		}
		seen[in.Name] = true
		out = append(out, piece{input(in, blockID(in), terse), 1})
	}
	return append(out, outlook...), left
}

// nameable reports whether a field's name can be a block_id, with a version or
// without.
func nameable(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= maxBlockID-10 && FieldOf(name) == name
}

// prose is paragraphs above or below a form, under block_ids of their own if
// id is set.
func prose(paragraphs []bot.Text, id string) (out []piece, left int) {
	for _, p := range paragraphs {
		if empty(p) {
			continue
		}
		if len(out) == maxProse {
			left++
			continue
		}
		b := slack.NewSectionBlock(paragraph(p, maxSection), nil, nil)
		switch {
		case id != "" && len(out) == 0:
			b.BlockID = id
		case id != "":
			b.BlockID = fmt.Sprintf("%s#%d", id, len(out)+1)
		}
		out = append(out, piece{b, 1})
	}
	return out, left
}
