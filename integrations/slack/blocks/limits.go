package blocks

// What Slack takes, by its Block Kit reference unless another source is named.
// All lengths are in characters, counted after escaping; one too many and the
// whole message or view is refused.
const (
	maxBlocks     = 50  // blocks of a message
	maxViewBlocks = 100 // blocks of a modal or a home

	maxHeader  = 150  // header block
	maxSection = 3000 // text of a section
	maxField   = 2000 // one of a section's fields
	maxFields  = 10   // fields of a section

	maxButton   = 75   // label of a button
	maxValue    = 2000 // value of a button
	maxURL      = 3000 // address of a button
	maxActionID = 255  // action_id
	maxBlockID  = 255  // block_id and callback_id
	maxMetadata = 3000 // private_metadata (view reference)

	maxConfirmTitle  = 100
	maxConfirmText   = 300
	maxConfirmButton = 30

	maxViewTitle   = 24 // title, submit and close of a modal (view reference)
	maxLabel       = 2000
	maxHint        = 2000
	maxTyped       = 3000 // max_length of a plain_text_input
	maxOptions     = 100  // options of a select, and of the answer to a block_suggestion
	maxOptionText  = 75   // label and description of an option
	maxOptionValue = 75   // value of an option: the reference says 150, the API refused more than 75 for years
)

// What the reference does not say, and what we chose.
const (
	// maxMessageWeight bounds the JSON of a message's blocks. Slack refuses
	// about 13,200 characters of it with msg_blocks_too_long (bolt-js issues
	// 2509 and 2867) and documents nothing.
	maxMessageWeight = 12000
	// maxViewWeight bounds the JSON of a view's blocks. Slack refuses more than
	// 250 KB with view_too_large; a character may take six bytes.
	maxViewWeight = 40000
	// maxButtonsWeight is what the buttons may take of that: some forty plain
	// ones, so that a card's are kept whatever else is dropped.
	maxButtonsWeight = 4000

	maxNotice    = 3900 // chat.update refuses a text of more than 4,000 with msg_too_long
	maxStatus    = 150  // one line
	maxErrorText = 300  // a problem at a field; Slack names no limit
	maxInRow     = 5    // buttons of an actions block; it may have 25, which nobody can read
	maxProse     = 10   // paragraphs before a form, and after it
	maxHomeCard  = 12   // blocks of one card of a home
	pairs        = maxFields / 2
)
