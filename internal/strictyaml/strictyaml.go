// Package strictyaml reads YAML the way a security product must: every
// problem of a file is found in one pass and named by file, line and column,
// and what is not understood is refused. It takes a subset of YAML: one
// document, no anchors, aliases, merge keys or tags, text keys, no key twice.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const (
	// MaxBytes is the largest file [Decode] reads.
	MaxBytes = 1 << 20
	// maxDepth bounds how deep lists and mappings may nest.
	maxDepth = 32
)

// File is a parsed file and the problems found in it so far. It belongs to
// one goroutine.
type File struct {
	Name     string
	Root     *yaml.Node // the top value of the document
	problems Problems
	left     int // problems not kept
}

// Parse reads src, at most maxBytes of it, as one YAML document. If the text
// cannot be walked at all the error is a [Problems]; keys given twice are
// problems of the returned file.
func Parse(name string, src []byte, maxBytes int) (*File, error) {
	f := &File{Name: name}
	if text := unreadable(src, maxBytes); text != "" {
		return nil, Problems{{File: name, Text: text}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, Problems{{File: name, Text: "the file is empty"}}
	} else if err != nil {
		return nil, Problems{syntaxProblem(name, err)}
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return nil, Problems{{File: name, Line: second.Line, Column: second.Column, Text: "a second document; keep one, without a --- line"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, Problems{syntaxProblem(name, err)}
	}
	f.Root = doc.Content[0]
	if !f.walk(f.Root, 0) {
		return nil, f.Err()
	}
	return f, nil
}

func unreadable(src []byte, maxBytes int) string {
	switch {
	case len(src) > maxBytes:
		return fmt.Sprintf("%d bytes are too many; at most %d are read", len(src), maxBytes)
	case !utf8.Valid(src):
		return "not UTF-8 text"
	case bytes.IndexByte(src, 0) >= 0:
		return "contains a NUL byte"
	default:
		return ""
	}
}

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): `)

func syntaxProblem(name string, err error) Problem {
	text := err.Error()
	p := Problem{File: name, Text: strings.TrimPrefix(text, "yaml: ")}
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		p.Line, _ = strconv.Atoi(m[1]) // digits by the expression; 0 if over int
		p.Text = text[len(m[0]):]
	}
	return p
}

// walk checks what no reader of values looks at. It reports whether the tree
// may be walked by others: no cycles, no endless depth.
func (f *File) walk(n *yaml.Node, depth int) bool {
	switch {
	case depth > maxDepth:
		f.Problemf(n, "nested more than %d deep", maxDepth)
		return false
	case n.Kind == yaml.AliasNode:
		f.Problemf(n, "aliases (*%s) are not supported; write the value out", n.Value)
		return false
	case n.Anchor != "":
		f.Problemf(n, "anchors (&%s) are not supported; write the value out where it is needed", n.Anchor)
		return false
	case n.Style&yaml.TaggedStyle != 0:
		f.Problemf(n, "tags (%s) are not supported", n.Tag)
		return false
	}
	if n.Kind == yaml.MappingNode {
		f.checkKeys(n)
	}
	ok := true
	for _, c := range n.Content {
		ok = f.walk(c, depth+1) && ok
	}
	return ok
}

// fewKeys is up to where comparing keys pairwise beats a map.
const fewKeys = 16

func (f *File) checkKeys(n *yaml.Node) {
	var seen map[string]*yaml.Node
	if len(n.Content) > 2*fewKeys {
		seen = make(map[string]*yaml.Node, len(n.Content)/2)
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			f.Problemf(key, "a key must be text; put it in quotes")
			continue
		}
		first := seen[key.Value]
		if seen != nil && first == nil {
			seen[key.Value] = key
		} else if seen == nil {
			first = sameKey(n.Content[:i], key.Value)
		}
		if first != nil {
			f.report(key, "", fmt.Sprintf("key %q is given twice, first on line %d; keep one", key.Value, first.Line))
		}
	}
}

func sameKey(content []*yaml.Node, key string) *yaml.Node {
	for i := 0; i < len(content); i += 2 {
		if content[i].Kind == yaml.ScalarNode && content[i].Value == key {
			return content[i]
		}
	}
	return nil
}

// Problemf notes that something is wrong at n; nil means the file as a whole.
func (f *File) Problemf(n *yaml.Node, format string, args ...any) {
	path := ""
	if n != nil && len(f.problems) < maxProblems {
		path = f.Path(n)
	}
	f.report(n, path, fmt.Sprintf(format, args...))
}

func (f *File) report(n *yaml.Node, path, text string) {
	if len(f.problems) >= maxProblems {
		f.left++
		return
	}
	p := Problem{File: f.Name, Path: path, Text: text}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	f.problems = append(f.problems, p)
}

// Add notes problems found elsewhere, with a position of their own.
func (f *File) Add(ps ...Problem) {
	room := min(len(ps), maxProblems-len(f.problems))
	f.problems = append(f.problems, ps[:room]...)
	f.left += len(ps) - room
}

// Err is every problem found so far in the order of the file, or nil.
func (f *File) Err() error {
	if len(f.problems) == 0 {
		return nil
	}
	ps := f.problems.sorted()
	if f.left > 0 {
		ps = append(ps, Problem{File: f.Name, Text: fmt.Sprintf("and %d more problems", f.left)})
	}
	return ps
}

// Path spells how to get from the root to n. It searches the tree, because
// only problems need it and most files have none.
func (f *File) Path(n *yaml.Node) string {
	parts, _ := pathTo(f.Root, n)
	slices.Reverse(parts)
	return strings.TrimPrefix(strings.Join(parts, ""), ".")
}

// pathTo is the way from at to n, last part first.
func pathTo(at, n *yaml.Node) ([]string, bool) {
	if at == n || at == nil {
		return nil, at == n
	}
	for i, c := range at.Content {
		isKey := at.Kind == yaml.MappingNode && i%2 == 0
		if isKey && c == n {
			return []string{"." + keyPart(c.Value)}, true
		}
		if parts, ok := pathTo(c, n); ok {
			if at.Kind == yaml.MappingNode {
				return append(parts, "."+keyPart(at.Content[i-i%2].Value)), true
			}
			return append(parts, fmt.Sprintf("[%d]", i)), true
		}
	}
	return nil, false
}

// keyPart keeps a key with line breaks or dots from imitating a path.
func keyPart(key string) string {
	odd := func(r rune) bool { return r == '.' || r == '[' || r == ':' || r == '"' || !unicode.IsPrint(r) }
	if key == "" || strings.ContainsFunc(key, odd) {
		return strconv.Quote(clip(key))
	}
	return clip(key)
}
