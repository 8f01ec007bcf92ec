package otlp

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"

	"jitbot/jit"
	"jitbot/reports"
)

// request is a batch as one call carries it.
func (s *Sink) request(batch []reports.Record) (*collector.ExportLogsServiceRequest, error) {
	out := make([]*logs.LogRecord, len(batch))
	now := s.now()
	for i, r := range batch {
		var err error
		if out[i], err = s.record(r, now); err != nil {
			return nil, err
		}
	}
	var about attributes
	about.text("service.name", "jitbot")
	about.text("service.version", s.version)
	return &collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{
		Resource:  &resource.Resource{Attributes: about},
		ScopeLogs: []*logs.ScopeLogs{{Scope: &common.InstrumentationScope{Name: "jitbot", Version: s.version}, LogRecords: out}},
	}}}, nil
}

var severities = map[reports.Severity]logs.SeverityNumber{
	reports.Informational: logs.SeverityNumber_SEVERITY_NUMBER_INFO,
	reports.Low:           logs.SeverityNumber_SEVERITY_NUMBER_INFO2,
	reports.Medium:        logs.SeverityNumber_SEVERITY_NUMBER_WARN,
	reports.High:          logs.SeverityNumber_SEVERITY_NUMBER_ERROR,
	reports.Critical:      logs.SeverityNumber_SEVERITY_NUMBER_FATAL,
}

func (s *Sink) record(r reports.Record, now time.Time) (*logs.LogRecord, error) {
	body, err := s.encoder.Lines(r)
	if err != nil {
		return nil, err
	}
	var all attributes
	all.about(r)
	if r.Activity != nil {
		all.activity(r.Activity)
	} else {
		all.event(r.Event)
	}
	return &logs.LogRecord{
		TimeUnixNano: nanos(r.At()), ObservedTimeUnixNano: nanos(now),
		SeverityNumber: severities[r.Severity()], SeverityText: r.Severity().String(),
		EventName: eventName(r), Body: text(string(body[0])), Attributes: all,
	}, nil
}

func nanos(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// eventName is created, used and ended for a grant's life, and the event's own
// kind for all else.
func eventName(r reports.Record) string {
	switch {
	case r.SideDoor():
		return "jit.side_door.used"
	case r.Activity != nil:
		return "jit.grant.used"
	case r.Event.Kind == jit.EventGrantActive:
		return "jit.grant.created"
	}
	return "jit." + r.Event.Kind
}

type attributes []*common.KeyValue

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(s, "\uFFFD")}}
}

// text adds an attribute that says something.
func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, &common.KeyValue{Key: key, Value: text(value)})
	}
}

func (a *attributes) add(key string, value *common.AnyValue) {
	*a = append(*a, &common.KeyValue{Key: key, Value: value})
}

func (a *attributes) person(id string) {
	a.text("user.id", id)
	if strings.Contains(id, "@") {
		a.text("user.email", id)
	}
}

// about are the attributes that events and activities have alike.
func (a *attributes) about(r reports.Record) {
	q := r.About.Request
	a.text("jit.kind", r.Kind())
	a.text("jit.grant", r.Grant())
	a.text("jit.rule", or(r.About.Grant.Rule, q.Decision.Rule))
	a.text("jit.reason", q.Reason)
	a.text("jit.ticket", q.Ticket)
	if r.Activity != nil {
		a.person(or(r.Person(), r.Activity.Actor))
		a.text("jit.resource", r.About.Grant.Resource)
		a.text("jit.request", q.ID)
		return
	}
	a.person(r.Event.Actor)
	a.text("jit.person", r.Person())
}

func (a *attributes) event(e jit.Event) {
	a.add("jit.seq", &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: e.Seq}})
	a.text("jit.hash", hex.EncodeToString(e.Hash[:]))
	a.text("jit.request", e.Request)
	a.text("jit.resource", e.Resource)
	a.text("jit.origin", e.Origin)
	a.text("jit.outcome", e.Outcome)
	a.text("jit.account", e.ActorAccount)
	a.text("jit.policy_sha256", e.PolicySHA256)
}

func (a *attributes) activity(x *jit.Activity) {
	a.text("log.record.uid", x.ID)
	a.text("jit.source", x.Source)
	a.text("jit.action", x.Action)
	a.text("jit.outcome", string(x.Outcome))
	a.text("jit.method", string(x.Method))
	a.add("jit.sure", &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: x.Sure}})
	for _, mark := range []struct {
		key string
		is  bool
	}{{"jit.late", x.Late}, {"jit.stray", x.Stray}} {
		if mark.is {
			a.add(mark.key, &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}})
		}
	}
	a.text("session.id", x.Actor)
	a.text("error.type", x.Code)
	a.text("cloud.account.id", x.Account)
	a.text("cloud.region", x.Region)
	if strings.HasPrefix(x.Resource, "arn:aws") || strings.HasPrefix(x.Scope, "arn:aws") {
		a.text("cloud.provider", "aws")
	}
	a.text("cloud.resource_id", x.Resource)
	a.text("user.roles", x.Scope)
	a.text("user_agent.original", x.Agent)
	if _, err := netip.ParseAddr(x.Origin); err == nil {
		a.text("client.address", x.Origin)
	} else {
		a.text("jit.origin", x.Origin)
	}
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
