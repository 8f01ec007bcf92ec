package bot

import (
	"iter"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the service's own figures. They carry no names of people or
// resources: their number of series is bounded.
type metrics struct {
	requests      *prometheus.CounterVec
	refused       *prometheus.CounterVec
	grantsEnded   *prometheus.CounterVec
	providerCalls *prometheus.CounterVec
	factsUnknown  *prometheus.CounterVec
	outboxTries   *prometheus.CounterVec
	endLag        prometheus.Histogram
	overdue       prometheus.Gauge
	clockDoubt    prometheus.Gauge
	driftOpen     *prometheus.GaugeVec
	outboxLate    prometheus.Gauge
}

func newMetrics(kinds iter.Seq[string]) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "jitbot", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "jitbot", Name: name, Help: help})
	}
	m := &metrics{
		requests:      counter("requests_total", "Requests by what the policy said of them.", "outcome"),
		refused:       counter("refused_total", "Refusals by code.", "code"),
		grantsEnded:   counter("grants_ended_total", "Grants that ended, by outcome.", "outcome"),
		providerCalls: counter("provider_calls_total", "Calls to provisioners.", "kind", "call", "result"),
		factsUnknown:  counter("facts_unknown_total", "Facts that could not be had in time.", "what"),
		outboxTries:   counter("outbox_deliveries_total", "Deliveries to chats.", "result"),
		endLag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "jitbot", Name: "grant_end_lag_seconds",
			Help:    "From a grant's end being due to its access being read back as gone.",
			Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 15, 30, 60, 300, 3600},
		}),
		overdue:    gauge("grants_overdue", "Grants, and removals ordered for drift, whose end is more than five minutes overdue: page somebody."),
		clockDoubt: gauge("clock_doubt_seconds", "How far the wall clock is from what it should be; 0: no doubt."),
		driftOpen: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "jitbot", Name: "drift_open",
			Help: "Where the outside and the store do not agree and nobody has accepted it, by kind; unread: what could not be compared.",
		}, []string{"kind"}),
		outboxLate: gauge("outbox_late_seconds", "For how long the most urgent message has been due without being tried."),
	}
	// Series that alerts look at are there from the start: a rate sees no first step.
	for _, result := range []string{"ok", "failed", "retry", "later"} {
		m.outboxTries.WithLabelValues(result)
	}
	for kind := range kinds {
		for _, call := range []string{"apply", "remove", "observe"} {
			m.providerCalls.WithLabelValues(kind, call, "ok")
			m.providerCalls.WithLabelValues(kind, call, "failed")
		}
	}
	return m
}

// Collectors are the service's figures, to be registered where they are served.
func (s *Service) Collectors() []prometheus.Collector {
	m := s.metrics
	return append([]prometheus.Collector{
		m.requests, m.refused, m.grantsEnded, m.providerCalls, m.factsUnknown, m.outboxTries,
		m.endLag, m.overdue, m.clockDoubt, m.outboxLate, m.driftOpen,
	}, s.activity.Collectors()...)
}
