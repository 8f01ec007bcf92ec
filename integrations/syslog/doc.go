// Package syslog sends what is exported to a syslog receiver: RFC 5424 messages,
// over TLS (RFC 5425) or TCP with octet counting (RFC 6587), or over UDP (RFC
// 5426).
//
// Syslog acknowledges nothing, and what a dead receiver's kernel took is lost
// without a word. So each batch goes over a connection of its own, which jitbot
// ends for its part and waits until the receiver ends too: it does that once it
// has read everything. A receiver that dies before makes a reset of it, and the
// batch is sent again. UDP can lose anything and is for receivers that take
// nothing else.
package syslog
