package trail

import "unsafe" //nolint:depguard // a record's texts point into the buffer; copying them costs a fifth of the time

// alias is b as a text that holds until b changes.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // that is what it is for
