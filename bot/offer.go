package bot

import (
	"errors"
	"time"
)

// Offer says what a pick-up link would give, without giving it. It holds no
// secret.
type Offer struct {
	Resource    string
	Person      string    // the holder's name
	Grant       string    // its id
	Until       time.Time // when the access ends
	LinkExpires time.Time // when the link itself stops working
}

// ErrNoPickup says that a pick-up link is unknown, used or expired; which of
// the three is not told.
var ErrNoPickup = errors.New("no such pick-up link, or it was used or has expired")

// ErrNotYours says that a pick-up link belongs to somebody other than the
// person who opened it.
var ErrNotYours = errors.New("the pick-up link is somebody else's")
