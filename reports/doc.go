// Package reports turns what the store holds into what people and other
// programs read. It reads, and never decides or changes anything.
package reports
