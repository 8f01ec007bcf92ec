package awsfake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func trailOps() map[string]func(*Server, *call) (any, error) {
	return map[string]func(*Server, *call) (any, error){
		"LookupEvents":   (*Server).lookupEvents,
		"DescribeTrails": (*Server).describeTrails,
		"GetTrailStatus": (*Server).getTrailStatus,
	}
}

// lookup is what LookupEvents is asked.
type lookup struct {
	LookupAttributes []struct{ AttributeKey, AttributeValue string }
	StartTime        float64
	EndTime          float64
	MaxResults       *int
	EventCategory    string `json:",omitempty"`
	NextToken        string `json:",omitempty"`
}

type lookedUp struct {
	EventID     string `json:"EventId"`
	Name        string `json:"EventName"`
	Source      string `json:"EventSource"`
	ReadOnly    string
	AccessKeyID string `json:"AccessKeyId,omitempty"`
	Username    string `json:",omitempty"`
	Time        int64  `json:"EventTime"`
	Event       string `json:"CloudTrailEvent"`
}

func (s *Server) lookupEvents(c *call) (any, error) {
	if err := s.permit(c, "*"); err != nil {
		return nil, err
	}
	if s.trail.tokens == nil {
		s.trail.tokens = map[string]*pace{}
	}
	p := s.trail.tokens[c.from.region]
	if p == nil {
		p = &pace{lookupRate, c.now}
		s.trail.tokens[c.from.region] = p
	}
	if !p.take(c.now, lookupRate) {
		return nil, refuse(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	}
	q, after, err := parseLookup(c.body)
	if err != nil {
		return nil, err
	}
	out := struct {
		Events    []lookedUp
		NextToken string `json:",omitempty"`
	}{Events: []lookedUp{}}
	if c.lie {
		return out, nil
	}
	found := s.find(q, c)
	size := lookupPage
	if q.MaxResults != nil {
		size = *q.MaxResults
	}
	found = found[min(after, len(found)):]
	if len(found) > size {
		found, out.NextToken = found[:size], q.token(after+size)
	}
	for _, t := range found {
		out.Events = append(out.Events, lookedUp{
			t.ID, t.Name, t.Source, strconv.FormatBool(t.ReadOnly), t.AccessKey, t.Username, t.At.Unix(), t.Record,
		})
	}
	return out, nil
}

// parseLookup refuses what CloudTrail refuses, and says how many events the
// token stands behind.
func parseLookup(body []byte) (q lookup, after int, err error) {
	if err := json.Unmarshal(body, &q); err != nil {
		return q, 0, refuse(http.StatusBadRequest, "SerializationException", err.Error())
	}
	switch {
	case len(q.LookupAttributes) > 1:
		return q, 0, refuse(http.StatusBadRequest, "InvalidLookupAttributesException", "You can specify only one lookup attribute")
	case q.MaxResults != nil && (*q.MaxResults < 1 || *q.MaxResults > lookupPage):
		return q, 0, refuse(http.StatusBadRequest, "InvalidMaxResultsException", "A number between 1 and 50 must be specified")
	case q.EndTime != 0 && q.StartTime > q.EndTime:
		return q, 0, refuse(http.StatusBadRequest, "InvalidTimeRangeException", "The start time is after the end time")
	case q.NextToken == "":
		return q, 0, nil
	}
	text, _ := base64.RawURLEncoding.DecodeString(q.NextToken)
	n, _, _ := strings.Cut(string(text), " ")
	after, _ = strconv.Atoi(n)
	if q.token(after) != q.NextToken {
		return q, 0, refuse(http.StatusBadRequest, "InvalidNextTokenException", "The token is not valid, or other parameters were given with it before")
	}
	return q, after, nil
}

// token goes on behind the first n events, with the very same parameters.
func (q lookup) token(n int) string {
	q.NextToken = ""
	text, _ := json.Marshal(q) // texts and numbers only: cannot fail
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%d %s", n, hexHash(text))))
}

// find returns the events that fit, newest first.
func (s *Server) find(q lookup, c *call) []Told {
	var out []Told
	for _, t := range s.trail.told {
		fits := t.Region == c.from.region && s.tells(t, c.now) && c.now.Sub(t.At) < lookupKept && !strings.HasPrefix(t.Source, "s3.") &&
			(q.StartTime == 0 || float64(t.At.Unix()) >= q.StartTime) && (q.EndTime == 0 || float64(t.At.Unix()) <= q.EndTime)
		for _, a := range q.LookupAttributes {
			fits = fits && a.AttributeValue == map[string]string{
				"Username": t.Username, "AccessKeyId": t.AccessKey, "EventId": t.ID, "EventName": t.Name, "EventSource": t.Source,
				"ReadOnly": strconv.FormatBool(t.ReadOnly),
			}[a.AttributeKey]
		}
		if fits {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b Told) int { return b.At.Compare(a.At) })
	return out
}

func (s *Server) describeTrails(c *call) (any, error) {
	if err := s.permit(c, "*"); err != nil {
		return nil, err
	}
	type trailJSON struct {
		Name, TrailARN, S3BucketName, HomeRegion string
		IsMultiRegionTrail, IsOrganizationTrail  bool
	}
	out := struct {
		List []trailJSON `json:"trailList"`
	}{List: []trailJSON{}}
	if s.cfg.Trail.Bucket != "" {
		out.List = append(out.List, trailJSON{
			"loopback", s.trailARN(), s.cfg.Trail.Bucket, globally, true, s.cfg.Trail.Org != "",
		})
	}
	return out, nil
}

func (s *Server) trailARN() string {
	return "arn:" + s.cfg.Partition + ":cloudtrail:" + globally + ":" + s.cfg.Account + ":trail/loopback"
}

func (s *Server) getTrailStatus(c *call) (any, error) {
	if err := s.permit(c, s.trailARN()); err != nil {
		return nil, err
	}
	return struct {
		IsLogging          bool
		LatestDeliveryTime int64
	}{!s.cfg.Trail.Stopped, c.now.Add(-time.Minute).Unix()}, nil
}
