// Package otlp sends what is exported as OpenTelemetry logs, by OTLP over HTTP.
// The messages are those of go.opentelemetry.io/proto/slim/otlp, which are the
// protocol's own without gRPC.
package otlp
