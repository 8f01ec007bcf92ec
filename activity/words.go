package activity

import (
	"encoding/binary"
	"fmt"
	"sync"

	"jitbot/storage"
)

// vocabulary numbers the actions, scopes and people that summaries are made of,
// each by themselves, so that sets of them are dense.
type vocabulary struct{ actions, scopes, people *words }

func newVocabulary() *vocabulary {
	return &vocabulary{newWords("a"), newWords("s"), newWords("p")}
}

// numberings are the numberings of one transaction.
type numberings struct{ actions, scopes, people *numbering }

func (v *vocabulary) in(tx storage.Tx) *numberings {
	return &numberings{v.actions.in(tx), v.scopes.in(tx), v.people.in(tx)}
}

func (n *numberings) keep() {
	n.actions.keep()
	n.scopes.keep()
	n.people.keep()
}

// words give a number to each text of a kind. A number is given once and never
// changes. All methods may be called concurrently, but for those that take a
// transaction.
type words struct {
	kind   string // before every key
	mu     sync.RWMutex
	byText map[string]uint32
	byNum  map[uint32]string
}

const (
	wordsNext   = "n"
	wordsNumber = "i" // + number: the text
	wordsText   = "t" // + text: the number
)

func newWords(kind string) *words {
	return &words{kind: kind, byText: map[string]uint32{}, byNum: map[uint32]string{}}
}

// numbering is the words of one transaction: what is new in it becomes known to
// others once the transaction is written.
type numbering struct {
	known *words
	tx    storage.Tx
	fresh map[string]uint32
	next  uint32
}

func (w *words) in(tx storage.Tx) *numbering {
	return &numbering{known: w, tx: tx, fresh: map[string]uint32{}}
}

// number is the number of a text, which is given one if it has none.
func (n *numbering) number(text string) (uint32, error) {
	n.known.mu.RLock()
	num, ok := n.known.byText[text]
	n.known.mu.RUnlock()
	if ok {
		return num, nil
	}
	if num, ok = n.fresh[text]; ok {
		return num, nil
	}
	raw, err := leaf(n.tx, ledgerWords, n.known.kind+wordsText+text)
	if err != nil {
		return 0, err
	}
	if len(raw) == 4 {
		num = binary.BigEndian.Uint32(raw)
	} else if num, err = n.give(text); err != nil {
		return 0, err
	}
	n.fresh[text] = num
	return num, nil
}

func (n *numbering) give(text string) (uint32, error) {
	if n.next == 0 {
		raw, err := leaf(n.tx, ledgerWords, n.known.kind+wordsNext)
		if err != nil {
			return 0, err
		}
		n.next = 1
		if len(raw) == 4 {
			n.next = binary.BigEndian.Uint32(raw)
		}
	}
	num := n.next
	n.next++
	for _, kept := range []struct{ key, value string }{
		{wordsText + text, be32(num)},
		{wordsNumber + be32(num), text},
		{wordsNext, be32(n.next)},
	} {
		if err := n.tx.SetLeaf(ledgerWords, n.known.kind+kept.key, []byte(kept.value)); err != nil {
			return 0, fmt.Errorf("number a word: %w", err)
		}
	}
	return num, nil
}

// keep makes the new words of a transaction known, once it was written.
func (n *numbering) keep() {
	for text, num := range n.fresh {
		n.known.learn(text, num)
	}
}

// mostWords is how many words of a kind are known by heart: whoever can write
// into a log can make up as many as they like. The store knows all.
const mostWords = 100_000

func (w *words) learn(text string, num uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byNum) >= mostWords {
		clear(w.byText)
		clear(w.byNum)
	}
	w.byText[text], w.byNum[num] = num, text
}

// text is the text of a number.
func (w *words) text(v storage.View, num uint32) (string, error) {
	w.mu.RLock()
	text, ok := w.byNum[num]
	w.mu.RUnlock()
	if ok {
		return text, nil
	}
	raw, err := leaf(v, ledgerWords, w.kind+wordsNumber+be32(num))
	if err != nil {
		return "", err
	}
	if raw == nil {
		return "", fmt.Errorf("word %d: %w", num, errLedger)
	}
	text = string(raw)
	w.learn(text, num)
	return text, nil
}
