// Package readback reads Slack's JSON back into jitbot's cards, forms and
// homes, so that tests compare what went over the wire with what jitbot said.
// It knows Block Kit on its own and shares nothing with the package that
// writes it: what the two agree on, Slack's reference says. It refuses what
// Slack would refuse, and markup nobody meant: a link, a mention, an emoji. It
// never repairs, and is no part of the running bot.
package readback
