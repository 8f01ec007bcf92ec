package activity

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what operators watch of the sources.
type metrics struct {
	records, setAside, reads *prometheus.CounterVec
	until                    *prometheus.GaugeVec
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "jitbot", Name: name, Help: help}, labels)
	}
	return &metrics{
		records:  counter("activity_records_total", "Records that sources told, by what became of them.", "source", "became"),
		setAside: counter("activity_set_aside_total", "Records that could not be read, by why.", "source", "why"),
		reads:    counter("activity_reads_total", "Reads of sources, by how they went.", "source", "result"),
		until: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "jitbot", Name: "activity_told_until_seconds",
			Help: "The instant until which a source has told everything, in seconds since 1970; 0: nothing yet.",
		}, []string{"source"}),
	}
}

// Collectors are the metrics, to be registered once.
func (l *Log) Collectors() []prometheus.Collector {
	return []prometheus.Collector{l.counts.records, l.counts.setAside, l.counts.reads, l.counts.until}
}

// watch makes the series of a source, so that one that never tells has them too.
func (m *metrics) watch(source string) {
	m.told(source, time.Time{})
	m.reads.WithLabelValues(source, "ok")
	m.reads.WithLabelValues(source, "failed")
}

func (m *metrics) took(source string, t Tally) {
	others := t.Records - t.Grants - t.SideDoor
	for became, n := range map[string]int64{
		"grant": t.Grants - t.Duplicates - t.Amended, "side_door": t.SideDoor, "nobody": others, "duplicate": t.Duplicates, "amended": t.Amended,
	} {
		m.records.WithLabelValues(source, became).Add(float64(max(n, 0)))
	}
	for why, n := range t.Bad {
		m.setAside.WithLabelValues(source, why).Add(float64(n))
	}
}

func (m *metrics) read(source string, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.reads.WithLabelValues(source, result).Inc()
}

func (m *metrics) told(source string, until time.Time) {
	seconds := 0.0
	if !until.IsZero() {
		seconds = float64(until.Unix())
	}
	m.until.WithLabelValues(source).Set(seconds)
}
