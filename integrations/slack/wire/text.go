package wire

import "strings"

// plainText turns the text of a command into what was typed. It goes through
// s once and never looks at what it wrote, so nothing is decoded twice.
func plainText(s string) string {
	if !strings.ContainsAny(s, "<&") {
		return s
	}
	var b strings.Builder
	for s != "" {
		at := strings.IndexAny(s, "<&")
		if at < 0 {
			break
		}
		b.WriteString(s[:at])
		text, n := piece(s[at:])
		b.WriteString(text)
		s = s[at+n:]
	}
	b.WriteString(s)
	return b.String()
}

// piece reads the mark or entity that s starts with, and says how many bytes
// it was. What is neither stays as it is.
func piece(s string) (string, int) {
	if s[0] == '&' {
		return entityAt(s)
	}
	end := strings.IndexAny(s[1:], "<>") + 1
	if end < 2 || s[end] != '>' {
		return s[:1], 1
	}
	text, ok := mark(s[1:end])
	if !ok {
		return s[:1], 1
	}
	return text, end + 1
}

func entityAt(s string) (string, int) {
	for _, e := range [...][2]string{{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}} {
		if strings.HasPrefix(s, e[0]) {
			return e[1], len(e[0])
		}
	}
	return s[:1], 1
}

// entities decodes a part of a mark, in one pass, too.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// mark is the plain text of what stands between < and >.
func mark(in string) (string, bool) {
	target, label, _ := strings.Cut(in, "|")
	switch target[:min(1, len(target))] {
	case "@":
		return "<" + target + ">", isID(target[1:], userID)
	case "#":
		if label == "" {
			label = target[1:]
		}
		return "#" + entities.Replace(label), isID(target[1:], channelID)
	case "!":
		return special(target[1:], label)
	}
	return link(entities.Replace(target), entities.Replace(label))
}

// special is <!here>, <!subteam^S1|@group>, <!date^…|fallback> and what may
// come: a word that calls nobody.
func special(target, label string) (string, bool) {
	name, rest, _ := strings.Cut(target, "^")
	switch {
	case name == "":
		return "", false
	case label == "" && name == "subteam" && rest != "":
		label = rest
	case label == "":
		label = name
	}
	label = entities.Replace(label)
	if name == "date" || strings.HasPrefix(label, "@") {
		return label, true
	}
	return "@" + label, true
}

// link is the address. Slack makes links of bare names, too, such as
// <http://db.example.com|db.example.com>: there the label is what was typed.
// Any other label is left out, as it may say something else than the address.
func link(target, label string) (string, bool) {
	protocol, rest, ok := strings.Cut(target, ":")
	if !ok || protocol == "" || rest == "" || !allOf(protocol, isPlainName) {
		return "", false
	}
	switch {
	case protocol == "mailto":
		address, _, _ := strings.Cut(rest, "?")
		return address, true
	case protocol == "tel":
		if label != "" {
			return label, true
		}
		return rest, true
	case !strings.HasPrefix(rest, "//"):
		return "", false
	case protocol == "http" && label != "" && strings.TrimSuffix(rest, "/") == "//"+strings.TrimSuffix(label, "/"):
		return label, true
	}
	return target, true
}
