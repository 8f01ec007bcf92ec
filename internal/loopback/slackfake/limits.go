package slackfake

import "time"

// Slack's limits, as its reference pages and the published type definitions
// give them. Lengths are in characters, not bytes.
const (
	ackLimit      = 3 * time.Second  // for every command, interaction and event
	triggerLife   = 3 * time.Second  // of a trigger_id, used at most once
	responseLife  = 30 * time.Minute // of a response_url
	responsePosts = 5                // that a response_url takes
	maxSockets    = 10               // open at once for one app
	maxAck        = 20 * 1024        // bytes of an acknowledgement on a socket; longer ones vanish
	socketGrace   = 10 * time.Second // from a disconnect frame to the end of the connection
	maxStack      = 3                // views in a modal's stack

	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxBlocksText    = 12000 // all texts of a message's blocks; not documented, reported by maintainers
	maxID            = 255   // block_id, action_id, callback_id, external_id
	maxTextObject    = 3000
	maxFields        = 10
	maxField         = 2000
	maxHeader        = 150
	maxContext       = 10
	maxActions       = 25
	maxMarkdown      = 12000 // the markdown block, cumulative
	maxURL           = 3000
	maxAlt           = 2000
	maxImageTitle    = 2000
	maxFileAlt       = 1000 // of a file

	maxButtonText  = 75
	maxButtonValue = 2000
	maxButtonLabel = 75 // accessibility_label
	maxOptions     = 100
	maxOverflow    = 5
	maxChoices     = 10 // of checkboxes and radio buttons
	maxOptionText  = 75
	maxOptionValue = 150 // the reference page
	safeOptionSize = 75  // the type definitions
	maxPlaceholder = 150
	maxConfirmHead = 100
	maxConfirmText = 300
	maxConfirmYes  = 30
	maxInput       = 3000
	maxLabel       = 2000

	maxViewTitle = 24 // title, submit, close
	maxMetadata  = 3000
	maxView      = 250 * 1024 // bytes

	maxText      = 40000 // of a message; the rest is cut off
	maxTextAimed = 4000  // chat.update and ephemerals refuse more
)
