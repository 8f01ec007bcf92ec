// Package bot is jitbot itself: what people ask in chat becomes requests, the
// policy decides, approvers click, grants are given, ended and read back, and
// every message follows the state in the store.
//
// One verb lives in one file (request.go, approve.go, extend.go, end.go,
// breakglass.go, ...), each ending in one [storage.Store] write. Two loops do
// the rest: the reconciler makes holdings as they should be (reconcile.go) and
// the outbox makes messages say what is so (outbox.go). Nothing here calls a
// provider while a person waits for an answer, and nothing is remembered
// outside the store.
package bot
