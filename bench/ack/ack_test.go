package ack

import "testing"

// BenchmarkHTTP is H1 and H2: signed slash commands over 64 kept connections.
// bare is net/http that reads and answers; parsed is the shipped adapter with
// an inbox that takes everything, so that proving and parsing is all there is;
// durable is all of jitbot, which acknowledges once the command is on disk.
func BenchmarkHTTP(b *testing.B) {
	api := workspace(b)
	hook := api + "/response/x"
	chat := adapter(b, "http", api)
	s := service(b, chat)
	contenders := []struct {
		name string
		addr string
		rest func()
	}{
		{"bare", serve(b, bare()), func() {}},
		{"parsed", serve(b, mounted(chat, atOnce{})), func() {}},
		{"durable", serve(b, mounted(chat, s)), func() { <-s.Rest() }},
	}
	results := map[string]*result{}
	clients := map[string][]*client{}
	for _, c := range contenders {
		results[c.name] = &result{}
		for range connections {
			clients[c.name] = append(clients[c.name], dial(b, c.addr))
		}
		volley(b, clients[c.name], burst, hook) // warm
		c.rest()
	}
	for b.Loop() {
		for _, c := range contenders {
			took, elapsed := volley(b, clients[c.name], burst, hook)
			results[c.name].add(took, elapsed)
			c.rest() // what was taken is worked off before the next comes
		}
	}
	report(b, results, "bare", "parsed", "durable")
}

// BenchmarkSocket is the same over Socket Mode: two sockets, each envelope over
// one of them. bare is a socket client that reads an envelope and acknowledges it.
func BenchmarkSocket(b *testing.B) {
	api := startSockets(b)
	hook := api.url + "/response/x"
	results := map[string]*result{"bare": {}, "durable": {}}
	plain := startSockets(b)
	plain.answerPlainly(b)
	chat := adapter(b, "socket", api.url)
	s := service(b, chat)
	run(b, chat, s)
	api.wait(b, 2)
	for range 2 {
		plain.volley(b, burst, hook)
		api.volley(b, burst, hook)
		<-s.Rest()
	}
	for b.Loop() {
		took, elapsed := plain.volley(b, burst, hook)
		results["bare"].add(took, elapsed)
		took, elapsed = api.volley(b, burst, hook)
		results["durable"].add(took, elapsed)
		<-s.Rest()
	}
	report(b, results, "bare", "durable")
}

// boltPerSecond is bolt-js without any store, measured on such a machine.
const boltPerSecond = 4350

func report(b *testing.B, results map[string]*result, names ...string) {
	b.Helper()
	base := results[names[0]]
	for _, name := range names {
		r := results[name]
		b.Logf("%-8s %8.0f/s  p50 %6.0f us  p99 %6.0f us", name, median(r.perSecond), median(r.p50), median(r.p99))
		b.ReportMetric(median(r.perSecond), name+"/s")
		b.ReportMetric(median(r.p99)/1000, name+"-p99-ms")
		if name == names[0] {
			continue
		}
		b.ReportMetric(median(r.perSecond)/median(base.perSecond), name+"-x-bare")
		b.ReportMetric(median(r.p99)/median(base.p99), name+"-p99-x-bare")
		b.ReportMetric(median(r.perSecond)/boltPerSecond, name+"-x-bolt")
	}
	b.ReportMetric(0, "ns/op")
}
