package blocks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// room is how much may stand in one place.
type room struct{ blocks, weight int }

// piece is a block that may be dropped, and how many lines go with it.
type piece struct {
	block slack.Block
	lines int
}

// weight is how many characters of JSON a block takes. A block that cannot be
// written weighs more than any room holds.
func weight(v any) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return maxViewWeight + 1
	}
	return utf8.RuneCount(b.Bytes())
}

func weigh(blocks []slack.Block) (n int) {
	for _, b := range blocks {
		n += weight(b)
	}
	return n
}

// fit puts head, as many pieces as there is room for, and tail together, and
// says in a last line what is missing; left counts what was left out before.
func fit(head []slack.Block, middle []piece, tail []slack.Block, left int, r room) []slack.Block {
	r.blocks -= len(head) + len(tail)
	r.weight -= weigh(head) + weigh(tail)
	taken, rest := take(middle, r)
	if left+rest > 0 {
		note := moreNote(left + linesOf(middle))
		taken, rest = take(middle, room{r.blocks - 1, r.weight - weight(note)})
		tail = append(tail, moreNote(left+rest))
	}
	return slices.Concat(head, taken, tail)
}

// take is the pieces from the first on that fit, and how many lines the others
// have.
func take(middle []piece, r room) (taken []slack.Block, rest int) {
	for i, p := range middle {
		w := weight(p.block)
		if r.blocks < 1 || r.weight < w {
			return taken, linesOf(middle[i:])
		}
		r.blocks, r.weight = r.blocks-1, r.weight-w
		taken = append(taken, p.block)
	}
	return taken, 0
}

func linesOf(pieces []piece) (n int) {
	for _, p := range pieces {
		n += p.lines
	}
	return n
}

func moreNote(n int) slack.Block {
	lines := "lines"
	if n == 1 {
		lines = "line"
	}
	return remark(fmt.Sprintf("… %d more %s; ask for fewer.", n, lines))
}

func remark(text string) slack.Block {
	return slack.NewContextBlock("", plain(text, maxStatus))
}
