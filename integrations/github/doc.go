// Package github proposes changes of the policy as pull requests, through the
// REST API. It makes one branch for a suggestion, puts one commit on it, and
// opens one pull request; asked again, as after a crash, it finds what is there.
// It merges nothing.
//
// The token needs, on that one repository: contents read and write, pull
// requests read and write.
package github
