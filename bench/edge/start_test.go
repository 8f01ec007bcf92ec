package edge

import (
	"os"
	"slices"
	"testing"
	"time"
)

const idle = 400 * time.Millisecond // after the first answer, before memory is read

// BenchmarkStart is H3 and H4: from exec to the first answer of /readyz with
// 10,000 rules and 100,000 running grants in the store, the memory it has when
// idle, and the size of the binary. small is the same with 50 rules and 100
// grants; bare is a Go program that does nothing.
func BenchmarkStart(b *testing.B) {
	bot, none := Build(b, "../..", "./cmd/bot"), Build(b, "..", "./edge/bare")
	addr := freeAddr(b)
	large, small := install(b, addr, ruleCount, grantCount), install(b, addr, 50, 100)
	var first, little, bare, rss, littleRSS, bareRSS []float64
	for b.Loop() {
		ms, mib := try(b, addr, bot, "serve", "--config", large)
		first, rss = append(first, ms), append(rss, mib)
		ms, mib = try(b, addr, bot, "serve", "--config", small)
		little, littleRSS = append(little, ms), append(littleRSS, mib)
		ms, mib = try(b, addr, none, addr)
		bare, bareRSS = append(bare, ms), append(bareRSS, mib)
	}
	b.ReportMetric(median(first), "first-ms")
	b.ReportMetric(median(little), "small-first-ms")
	b.ReportMetric(median(bare), "bare-first-ms")
	b.ReportMetric(median(rss), "rss-MiB")
	b.ReportMetric(median(littleRSS), "small-rss-MiB")
	b.ReportMetric(median(bareRSS), "bare-rss-MiB")
	b.ReportMetric(megabytes(b, bot), "binary-MB")
	b.ReportMetric(0, "ns/op")
}

func try(b *testing.B, addr, binary string, args ...string) (ms, mib float64) {
	b.Helper()
	p, ms := launch(b, addr, "/readyz", binary, args...)
	defer p.stop()
	time.Sleep(idle)
	return ms, p.resident(b)
}

func megabytes(b *testing.B, file string) float64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[len(sorted)/2]
}
