// Package stream sends events and activities to places outside: all of them, in
// order, each at least once. How far a sink has come is kept in the store, and
// only after the sink has taken what was sent. A sink that is down holds up
// nothing but itself: it is sent its records when it is back.
package stream
