// Package blocks turns jitbot's neutral cards, forms and homes into Slack's
// Block Kit. It exists so that one place knows how text that somebody typed is
// kept from becoming a mention, a link, a field or markup, and how much Slack
// takes. It is pure: it never calls Slack, reads a clock, logs or decides
// anything, and whatever it is given it returns something Slack accepts.
//
// Only blocks that other pages than Slack's own can show are used: header,
// section, context, actions, divider and input.
package blocks
