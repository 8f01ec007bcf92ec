// Package activity is the contextual log: what was done outside with what
// grants gave, and whether enough is known to say so.
//
// A [Source] reads logs and hands every action it finds to a [Log] as a
// [Record]. The Log finds out whose grant it is by the marks that provisioners
// leave on what is done ([Mark]), keeps the rows of those, counts them, and
// writes both down in one transaction with how far the source has read: reading
// the same again changes nothing. What is nobody's is counted; where it was done
// through something that only grants should open, it is kept as a side door.
//
// Nothing here decides anything. Texts from logs are data: cleaned, cut,
// redacted by rule, never parsed for meaning. An action is a grant's by equality
// of a mark, never because names look alike.
package activity
