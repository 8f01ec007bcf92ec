package history

import (
	"errors"

	"jitbot/storage"
)

func isNone(err error) bool { return errors.Is(err, storage.ErrNotFound) }
