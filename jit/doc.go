// Package jit holds the words of just-in-time access and the legal moves
// between their states: who asked for what (Request), what is being given and
// taken back (Grant and its Holdings), and the log of it all (Event).
//
// It knows no clock, no store and no network: times come in as arguments, and
// the only thing a store accepts is a [Change], which carries the next states
// together with the event that records them, so nothing moves unrecorded.
package jit
