package storagetest

import (
	"encoding/json"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

var logLaws = []law{
	{"events form one chain without gaps", func(b *bench) {
		for range 3 {
			b.save(note(), note())
		}
		events := b.chained()
		b.equal("length", len(events), 6)
		b.view(func(v storage.View) error {
			head, err := v.Head()
			b.equal("head", head, events[5])
			seq, hash, keptErr := v.KeptHead()
			b.equal("kept seq", seq, head.Seq)
			b.equal("kept hash", hash, head.Hash)
			b.is(keptErr, nil)
			return err
		})
	}},
	{"a log without events has a zero head", func(b *bench) {
		b.view(func(v storage.View) error {
			head, err := v.Head()
			b.equal("head", head, jit.Event{})
			seq, hash, keptErr := v.KeptHead()
			b.equal("kept seq", seq, int64(0))
			b.equal("kept hash", hash, [32]byte{})
			b.is(keptErr, nil)
			return err
		})
	}},
	{"an event comes back with every column", func(b *bench) {
		want := jit.Event{
			At: time.Date(2026, 3, 27, 11, 30, 0, 1999, time.FixedZone("CEST", 7200)), Kind: jit.EventApproval, Actor: "bo@example.com",
			ActorAccount: "slack:T1/U2", Origin: "slack", Request: "req_1", Grant: "grt_1", Resource: "prod-db", Outcome: "ok", PolicySHA256: "ab",
		}
		b.save(jit.Record(want).Detail("note", "a <b> \x00"))
		got := b.chained()[0]
		want.At = time.Date(2026, 3, 27, 9, 30, 0, 1000, time.UTC)
		want.Seq, want.Hash, want.DataSHA256 = 1, got.Hash, jit.DataDigest(got.Data)
		want.Data = json.RawMessage(`{"note":"a \u003cb\u003e \u0000"}`)
		b.equal("event", got, want)
	}},
	{"events are chosen by every field of the filter, in order", func(b *bench) {
		for i, kind := range []string{"a", "b", "c", "d", "e"} {
			e := jit.Event{At: at(i), Kind: kind, Actor: "jitbot"}
			switch kind {
			case "b", "d":
				e.Request = "req_1"
			case "c":
				e.Grant, e.Actor = "grt_1", "bo@example.com"
			}
			b.save(jit.Record(e))
		}
		for name, c := range map[string]struct {
			filter storage.EventFilter
			want   []string
		}{
			"all":               {storage.EventFilter{}, []string{"a", "b", "c", "d", "e"}},
			"after":             {storage.EventFilter{After: 3}, []string{"d", "e"}},
			"limit":             {storage.EventFilter{Limit: 2}, []string{"a", "b"}},
			"newest":            {storage.EventFilter{Limit: 2, Newest: true}, []string{"d", "e"}},
			"request":           {storage.EventFilter{Request: "req_1"}, []string{"b", "d"}},
			"newest of request": {storage.EventFilter{Request: "req_1", Newest: true, Limit: 1}, []string{"d"}},
			"grant":             {storage.EventFilter{Grant: "grt_1"}, []string{"c"}},
			"kind":              {storage.EventFilter{Kind: "e"}, []string{"e"}},
			"actor":             {storage.EventFilter{Actor: "bo@example.com"}, []string{"c"}},
			"since and until":   {storage.EventFilter{Since: at(1), Until: at(3)}, []string{"b", "c"}},
		} {
			b.equal(name, ids(b.events(c.filter), eventKind), c.want)
		}
	}},
	{"blanking the data of a request keeps the chain", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending), requestTo(newRequest("req_2"), jit.RequestPending))
		before := b.events(storage.EventFilter{})
		b.write(func(tx storage.Tx) error { return tx.BlankData("req_1") })
		after := b.events(storage.EventFilter{})
		b.equal("blanked", string(after[0].Data), "{}")
		b.equal("the other", string(after[1].Data), string(before[1].Data))
		before[0].Data = after[0].Data
		b.equal("every other column", after, before)
		report := look(b, func(v storage.View) (storage.Report, error) { return storage.Verify(v, nil) })
		b.equal("blanked rows", report.Blanked, int64(1))
		b.equal("fault", report.Fault, "")
	}},
	{"blanking the data of no request blanks nothing", func(b *bench) {
		b.save(note().Detail("a", "b"))
		b.write(func(tx storage.Tx) error { return tx.BlankData("") })
		b.equal("data", string(b.events(storage.EventFilter{})[0].Data), `{"a":"b"}`)
	}},
}

// chained returns all events and checks that they are one chain.
func (b *bench) chained() []jit.Event {
	b.Helper()
	events := b.events(storage.EventFilter{Limit: 1 << 20})
	var prev [32]byte
	for i, e := range events {
		if e.Seq != int64(i+1) || e.Prev != prev || e.Hash != e.ChainHash() || e.DataSHA256 != jit.DataDigest(e.Data) {
			b.Fatalf("row %d does not fit the chain: %+v", i+1, e)
		}
		prev = e.Hash
	}
	return events
}
