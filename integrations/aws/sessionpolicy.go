package aws

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A session policy is a file beside the policy. It is read the way AWS reads
// it, so that what AWS would refuse is found before anybody asks for access.

var (
	statementID = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	actionName  = regexp.MustCompile(`^(\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?-]+)$`)
)

// checkSessionPolicy says everything that AWS would refuse in a session
// policy, each with its line and column.
func checkSessionPolicy(text string) error {
	c := sessionPolicyCheck{text: text}
	c.characters()
	if doc, ok := c.read(); ok {
		c.document(doc)
	}
	if c.problems == nil {
		_, err := compactPolicy(text)
		return err
	}
	return errors.New(strings.Join(c.problems, "; "))
}

// warnSessionPolicy says so where holders could go on as another role: a deny
// of ended grants does not follow them there.
func warnSessionPolicy(text string) string {
	c := sessionPolicyCheck{text: text}
	doc, ok := c.read()
	if !ok || slices.ContainsFunc(statementsOf(doc), deniesAssumeRole) {
		return ""
	}
	return `does not deny sts:AssumeRole*: where the role lets them, holders can take sessions of other roles, which go on for up to an hour after theirs is ended; ` +
		`add {"Effect": "Deny", "Action": "sts:AssumeRole*", "Resource": "*"}`
}

// node is a JSON value, with where it begins.
type node struct {
	at       int64
	kind     jsontext.Kind
	text     string // of a string
	elements []element
	items    []node
}

type element struct {
	name  string
	at    int64
	value node
}

func (n node) element(name string) (node, bool) {
	for _, m := range n.elements {
		if m.name == name {
			return m.value, true
		}
	}
	return node{}, false
}

// list is n itself, or what it holds where it is a list.
func (n node) list() []node {
	if n.kind == '[' {
		return n.items
	}
	return []node{n}
}

func (n node) texts() (out []string) {
	for _, item := range n.list() {
		out = append(out, item.text)
	}
	return out
}

func statementsOf(doc node) []node {
	st, ok := doc.element("Statement")
	if !ok {
		return nil
	}
	return st.list()
}

// deniesAssumeRole says whether a statement forbids AssumeRole whatever the
// role. The other ways to assume one are not signed, so no policy stops them.
func deniesAssumeRole(st node) bool {
	effect, _ := st.element("Effect")
	resource, _ := st.element("Resource")
	_, conditional := st.element("Condition")
	if effect.text != "Deny" || conditional || !slices.Contains(resource.texts(), "*") {
		return false
	}
	matches := func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), "sts:assumerole")
		return ok && err == nil
	}
	if actions, ok := st.element("Action"); ok {
		return slices.ContainsFunc(actions.texts(), matches)
	}
	others, ok := st.element("NotAction")
	return ok && !slices.ContainsFunc(others.texts(), matches)
}

// sessionPolicyCheck gathers what is wrong with a text.
type sessionPolicyCheck struct {
	text     string
	problems []string
}

func (c *sessionPolicyCheck) problem(at int64, format string, args ...any) {
	before := c.text[:min(int(at), len(c.text))]
	line, column := 1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	c.problems = append(c.problems, fmt.Sprintf("line %d, column %d: ", line, column)+fmt.Sprintf(format, args...))
}

// characters refuses what AWS takes in no session policy.
func (c *sessionPolicyCheck) characters() {
	for at, r := range c.text {
		if r > 0xff || r < ' ' && !strings.ContainsRune("\t\n\r", r) {
			c.problem(int64(at), "%q is not a character that AWS takes here", r)
			return
		}
	}
}

func (c *sessionPolicyCheck) read() (node, bool) {
	d := jsontext.NewDecoder(bytes.NewBufferString(c.text))
	n, err := c.value(d)
	if err == nil {
		at := d.InputOffset()
		if len(strings.TrimSpace(c.text[at:])) == 0 {
			return n, true
		}
		c.problem(at, "something follows the policy")
		return n, false
	}
	at, cause := d.InputOffset(), err
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at, cause = syntax.ByteOffset, syntax.Err
	}
	c.problem(at, "not JSON: %v", cause)
	return n, false
}

// value reads one value; the decoder bounds how deep they stand.
func (c *sessionPolicyCheck) value(d *jsontext.Decoder) (node, error) {
	kind := d.PeekKind()
	n := node{at: c.start(d.InputOffset()), kind: kind}
	t, err := d.ReadToken()
	if err != nil {
		return n, err //nolint:wrapcheck // read says what it means
	}
	switch kind {
	case '"':
		n.text = t.String()
	case '{':
		for d.PeekKind() != '}' && err == nil {
			err = c.addElement(d, &n)
		}
	case '[':
		for d.PeekKind() != ']' && err == nil {
			var item node
			item, err = c.value(d)
			n.items = append(n.items, item)
		}
	default:
		return n, nil
	}
	if err == nil && kind != '"' {
		_, err = d.ReadToken()
	}
	return n, err //nolint:wrapcheck // read says what it means
}

func (c *sessionPolicyCheck) addElement(d *jsontext.Decoder, n *node) error {
	name, err := c.value(d)
	if err != nil {
		return err
	}
	value, err := c.value(d)
	n.elements = append(n.elements, element{name.text, name.at, value})
	return err
}

// start is where the next value begins.
func (c *sessionPolicyCheck) start(at int64) int64 {
	rest := c.text[at:]
	return at + int64(len(rest)-len(strings.TrimLeft(rest, " \t\r\n:,")))
}

// known refuses elements that AWS does not know, which it would refuse too.
func (c *sessionPolicyCheck) known(n node, names ...string) {
	for _, m := range n.elements {
		switch {
		case slices.Contains(names, m.name):
		case m.name == "Principal" || m.name == "NotPrincipal":
			c.problem(m.at, "a session policy takes no %s: it is about its session alone", m.name)
		default:
			c.problem(m.at, "unknown element %q; known are %s", m.name, strings.Join(names, ", "))
		}
	}
}

func (c *sessionPolicyCheck) document(doc node) {
	if doc.kind != '{' {
		c.problem(doc.at, "not a JSON policy document: want {\"Version\": ..., \"Statement\": [...]}")
		return
	}
	c.known(doc, "Version", "Id", "Statement")
	if v, ok := doc.element("Version"); !ok {
		c.problem(doc.at, `Version is missing; write "Version": "2012-10-17"`)
	} else if v.text != "2012-10-17" && v.text != "2008-10-17" {
		c.problem(v.at, `Version is not one that AWS knows; write "2012-10-17"`)
	}
	statements, ok := doc.element("Statement")
	if !ok || statements.kind == '[' && len(statements.items) == 0 {
		c.problem(doc.at, "Statement is missing or empty; without one the session may do nothing")
		return
	}
	ids := map[string]bool{}
	for _, st := range statements.list() {
		c.statement(st)
		if sid, ok := st.element("Sid"); ok && ids[sid.text] {
			c.problem(sid.at, "Sid %q stands in another statement too", sid.text)
		} else if ok {
			ids[sid.text] = true
		}
	}
}

func (c *sessionPolicyCheck) statement(st node) {
	if st.kind != '{' {
		c.problem(st.at, "a statement is an object with Effect, Action and Resource")
		return
	}
	c.known(st, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
	if sid, ok := st.element("Sid"); ok && (sid.kind != '"' || !statementID.MatchString(sid.text)) {
		c.problem(sid.at, "Sid takes letters and digits only")
	}
	if effect, ok := st.element("Effect"); !ok {
		c.problem(st.at, "Effect is missing; it is Allow or Deny")
	} else if effect.text != "Allow" && effect.text != "Deny" {
		c.problem(effect.at, "Effect is Allow or Deny, in these letters")
	}
	c.oneOf(st, "Action", "NotAction", func(text string) bool { return actionName.MatchString(text) }, `write it like "s3:Get*"`)
	c.oneOf(st, "Resource", "NotResource", func(text string) bool {
		return text == "*" || strings.HasPrefix(text, "arn:") || strings.HasPrefix(text, "*")
	}, `write "*" or an ARN`)
	if condition, ok := st.element("Condition"); ok {
		c.condition(condition)
	}
}

// oneOf wants one of two elements, with one text or a list of them.
func (c *sessionPolicyCheck) oneOf(st node, name, not string, good func(string) bool, hint string) {
	value, has := st.element(name)
	other, hasNot := st.element(not)
	switch {
	case has && hasNot:
		c.problem(other.at, "%s and %s cannot stand in one statement", name, not)
		return
	case !has && !hasNot:
		c.problem(st.at, "%s is missing", name)
		return
	case hasNot:
		name, value = not, other
	}
	if value.kind == '[' && len(value.items) == 0 {
		c.problem(value.at, "%s is empty", name)
	}
	for _, item := range value.list() {
		if item.kind != '"' || !good(item.text) {
			c.problem(item.at, "%q is no %s; %s", item.text, name, hint)
		}
	}
}

func (c *sessionPolicyCheck) condition(n node) {
	ok := n.kind == '{'
	for _, operator := range n.elements {
		ok = ok && operator.value.kind == '{'
		for _, key := range operator.value.elements {
			ok = ok && key.value.kind != '{' && key.value.kind != 'n'
		}
	}
	if !ok {
		c.problem(n.at, `Condition is written like {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}`)
	}
}
