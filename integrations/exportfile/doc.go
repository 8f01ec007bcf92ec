// Package exportfile writes what is exported to files: appended, flushed to the
// disk before a batch counts as taken, and begun anew when they are full. Only
// jitbot's own user can read them. After a crash the line that was being
// written, and was not taken, is cut off and comes again.
package exportfile
