package slackfake

import (
	"encoding/json"
	"fmt"
	"slices"
)

// blocks reads an array of blocks given as JSON, fills in the ids Slack fills
// in, and returns the array as it is shown.
func (l *linter) blocks(path string, raw string) []any {
	var items []any
	if err := json.Unmarshal([]byte(raw), &items); err != nil {
		l.fail(path, "must be an array of blocks")
		return nil
	}
	return l.blockList(path, items)
}

func (l *linter) blockList(path string, items []any) []any {
	most := maxViewBlocks
	if l.surface == "message" {
		most = maxMessageBlocks
	}
	if len(items) > most {
		l.fail(path, "no more than %d items allowed", most)
	}
	for i, v := range items {
		at := fmt.Sprintf("%s/%d", path, i)
		b, ok := v.(object)
		if !ok {
			l.fail(at, "must be an object")
			continue
		}
		l.block(at, b)
	}
	if l.focused > 1 {
		l.fail(path, "only one element may have focus_on_load")
	}
	return items
}

func (l *linter) block(path string, b object) {
	id := l.str(path, b, "block_id", 1, maxID)
	if id != "" && l.blockIDs[id] {
		l.fail(path+"/block_id", "%q is used more than once", id)
	}
	if id == "" {
		id = l.newID()
		b["block_id"] = id
	}
	l.blockIDs[id] = true
	kind, _ := b["type"].(string)
	check, known := map[string]func(string, object){
		"section": l.section, "divider": l.divider, "header": l.header, "context": l.context, "actions": l.actions,
		"input": l.input, "image": l.image, "rich_text": l.richText, "markdown": l.markdown,
	}[kind]
	if !known {
		l.fail(path+"/type", "unsupported type: %s", kind)
		return
	}
	check(path, b)
}

func (l *linter) divider(path string, b object) { l.keys(path, b, "type block_id") }

func (l *linter) header(path string, b object) {
	l.keys(path, b, "type block_id text level")
	l.text(path, b, "text", plainOnly, maxHeader)
}

func (l *linter) section(path string, b object) {
	l.keys(path, b, "type block_id text fields accessory expand")
	l.maybe(path, b, "text", anyText, maxTextObject)
	if _, given := b["fields"]; given {
		for i, f := range l.list(path, b, "fields", 1, maxFields) {
			l.textObject(fmt.Sprintf("%s/fields/%d", path, i), f, anyText, maxField)
		}
	} else if _, given := b["text"]; !given {
		l.fail(path, "must provide text or fields")
	}
	if acc, given := b["accessory"]; given {
		l.element(path+"/accessory", acc, "section", map[string]bool{})
	}
}

func (l *linter) context(path string, b object) {
	l.keys(path, b, "type block_id elements")
	for i, v := range l.list(path, b, "elements", 1, maxContext) {
		at := fmt.Sprintf("%s/elements/%d", path, i)
		if e, ok := v.(object); ok && e["type"] == "image" {
			l.element(at, v, "context", map[string]bool{})
			continue
		}
		l.textObject(at, v, anyText, maxTextObject)
	}
}

func (l *linter) actions(path string, b object) {
	l.keys(path, b, "type block_id elements")
	ids := map[string]bool{}
	for i, v := range l.list(path, b, "elements", 1, maxActions) {
		l.element(fmt.Sprintf("%s/elements/%d", path, i), v, "actions", ids)
	}
}

func (l *linter) input(path string, b object) {
	l.inputs++
	l.keys(path, b, "type block_id label element dispatch_action hint optional")
	l.text(path, b, "label", plainOnly, maxLabel)
	l.maybe(path, b, "hint", plainOnly, maxLabel)
	for _, key := range []string{"optional", "dispatch_action"} {
		if v, given := b[key]; given && v != true && v != false {
			l.fail(path+"/"+key, "must be a boolean")
		}
	}
	e, given := b["element"]
	if !given {
		l.fail(path+"/element", "must provide an element")
		return
	}
	l.element(path+"/element", e, "input", map[string]bool{})
}

func (l *linter) image(path string, b object) {
	l.keys(path, b, "type block_id image_url slack_file alt_text title")
	l.picture(path, b)
	l.maybe(path, b, "title", plainOnly, maxImageTitle)
}

// picture reads what an image block and an image element have in common.
func (l *linter) picture(path string, o object) {
	l.str(path, o, "image_url", 1, maxURL)
	if _, given := o["alt_text"]; !given {
		l.fail(path+"/alt_text", "must provide a string")
	}
	l.str(path, o, "alt_text", 1, maxAlt)
	if (o["image_url"] == nil) == (o["slack_file"] == nil) {
		l.fail(path, "must provide image_url or slack_file")
	}
}

func (l *linter) richText(path string, b object) {
	l.keys(path, b, "type block_id elements")
	for i, v := range l.list(path, b, "elements", 1, maxTextObject) {
		e, _ := v.(object)
		kinds := []any{"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
		if !slices.Contains(kinds, e["type"]) {
			l.fail(fmt.Sprintf("%s/elements/%d/type", path, i), "unsupported type")
		}
		l.richParts(fmt.Sprintf("%s/elements/%d", path, i), e)
	}
}

// richParts walks the runs of a rich text, whose mentions are objects.
func (l *linter) richParts(path string, o object) {
	switch o["type"] {
	case "text":
		l.texts += len([]rune(l.str(path, o, "text", 1, maxTextObject)))
	case "broadcast", "usergroup":
		l.note(path, "mentions many people")
	case "user":
		if id, _ := o["user_id"].(string); !l.known(id) {
			l.note(path, "mentions somebody")
		}
	}
	parts, _ := o["elements"].([]any)
	for i, p := range parts {
		if e, ok := p.(object); ok {
			l.richParts(fmt.Sprintf("%s/elements/%d", path, i), e)
		}
	}
}

func (l *linter) markdown(path string, b object) {
	l.keys(path, b, "type block_id text")
	if l.surface != "message" {
		l.fail(path+"/type", "unsupported type: markdown")
	}
	text := l.str(path, b, "text", 1, maxMarkdown)
	l.texts += len([]rune(text))
	l.formatted(path+"/text", text)
}
