// Package trail tells from CloudTrail what was done in AWS accounts.
//
// [Read] turns any file or message of CloudTrail into records; three sources
// bring them: looking up what a grant's sessions did, reading a trail's bucket,
// and hearing over a queue what has arrived in it. What they need to be allowed
// is told by [Needs].
//
// What is read was written by AWS, but strangers choose many of its words, and
// whoever can write into the bucket all of them. So nothing is taken that two
// readers could read differently, what cannot be read is set aside and counted,
// and no size or shape of a file costs more than time.
package trail
