// Package edit changes one thing in a policy file and nothing else: comments,
// order, quoting, indentation and blank lines outside of it stay byte for byte.
//
// The YAML is parsed to find places, never to be written again. What cannot be
// changed safely is refused, with a reason for people.
package edit

// Op is what an [Edit] does.
type Op string

// The operations.
const (
	Set        Op = "set"         // puts Value in the place of a scalar, or of a list or mapping written on one line
	AddItem    Op = "add_item"    // adds Item at the end of a list
	RemoveItem Op = "remove_item" // removes the one item of a list that says Item
	AddKey     Op = "add_key"     // adds the last key of Path with Value, at the end of its mapping
	RemoveKey  Op = "remove_key"  // removes a key with its value
	AddRule    Op = "add_rule"    // puts Value, a whole rule, before the rule
	DeleteRule Op = "delete_rule" // removes the rule, with its own comments
)

// Edit is one atomic change of a policy. It says what, not where: it can be
// made in any file that has the rule.
type Edit struct {
	Op    Op       `json:"op"`
	Rule  string   `json:"rule"`            // id of the rule
	Path  []string `json:"path,omitempty"`  // keys below the rule, such as approvals, from
	Item  string   `json:"item,omitempty"`  // as the policy means it: group:contractors
	Value string   `json:"value,omitempty"` // YAML; one line but for AddRule
}

// Splice is an Edit in one file: at a byte offset, New takes the place of Old.
type Splice struct {
	Offset int    `json:"offset"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// Undo is the splice that restores what s changed, byte for byte.
func (s Splice) Undo() Splice { return Splice{s.Offset, s.New, s.Old} }
