package stream

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jitbot/reports"
)

// metrics are what operators watch of the sinks.
type metrics struct {
	errors, refused, records *prometheus.CounterVec
	lags                     []prometheus.Collector
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "jitbot", Name: name, Help: help}, labels)
	}
	return &metrics{
		errors:  counter("export_errors_total", "Batches that a sink did not take; they are sent again.", "sink"),
		refused: counter("export_refused_total", "Records that a sink said it never will take.", "sink"),
		records: counter("export_records_total", "Records that a sink has taken.", "sink", "what"),
	}
}

// watch makes the series of a sink, so that each is there before anything
// happens.
func (m *metrics) watch(f *feed) {
	m.errors.WithLabelValues(f.Name)
	m.refused.WithLabelValues(f.Name)
	m.records.WithLabelValues(f.Name, "event")
	m.records.WithLabelValues(f.Name, "activity")
	m.lags = append(m.lags, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "jitbot", Name: "export_lag_seconds", ConstLabels: prometheus.Labels{"sink": f.Name},
		Help: "For how long the oldest record that a sink lacks has been waiting; 0: it lacks none.",
	}, func() float64 { return f.waiting.lag(f.now()).Seconds() }))
}

func (m *metrics) collectors() []prometheus.Collector {
	return append([]prometheus.Collector{m.errors, m.refused, m.records}, m.lags...)
}

func (m *metrics) sent(sink string, records []reports.Record) {
	for _, r := range records {
		what := "event"
		if r.Activity != nil {
			what = "activity"
		}
		m.records.WithLabelValues(sink, what).Inc()
	}
}

// waiting is since when a sink lacks something. The lag is made of it when it is
// asked for, so that it grows while nothing happens.
type waiting struct {
	mu    sync.Mutex
	since time.Time // zero: it lacks nothing
}

// on notes that a batch waits. An event waits since it happened; an activity,
// which may have been done long before anybody heard of it, since it was read
// here first.
func (w *waiting) on(b batch, now time.Time) {
	if len(b.records) == 0 {
		return
	}
	since := now
	if r := b.records[0]; r.Activity == nil {
		since = r.Event.At
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() || since.Before(w.since) {
		w.since = since
	}
}

func (w *waiting) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Time{}
}

func (w *waiting) lag(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		return 0
	}
	return max(now.Sub(w.since), 0)
}
