// Package policyfile writes changes that two people want into the policy's
// file: only if it is the file the change was made for, whole or not at all,
// and safe from a power cut. Where the file is kept with git and the operator
// says so, the change is committed; nothing is ever pushed.
package policyfile
