package pglog

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/internal/follow"
	"jitbot/internal/strictjson"
)

// entry is one message of the server, in either format.
type entry struct {
	Time        string `json:"timestamp"`
	User        string `json:"user"`
	Database    string `json:"dbname"`
	Host        string `json:"remote_host"`
	Session     string `json:"session_id"`
	Line        int64  `json:"line_num"`
	Command     string `json:"ps"`
	Started     string `json:"session_start"`
	Severity    string `json:"error_severity"`
	State       string `json:"state_code"`
	Message     string `json:"message"`
	Context     string `json:"context"`
	Statement   string `json:"statement"`
	Application string `json:"application_name"`
}

// parse reads a record of either format, or says why it is none.
func parse(text []byte) (e entry, why string) {
	if len(text) == 0 || text[0] != '{' {
		return parseCSV(text)
	}
	if err := strictjson.DecodeWithin(follow.MaxRecord, text, &e); err != nil {
		return e, logfile.Why(err)
	}
	return e, ""
}

// Columns of csvlog. Version 13 has 24, later ones more.
const (
	colTime, colUser, colDatabase, colHost, colSession, colLine = 0, 1, 2, 4, 5, 6
	colCommand, colStarted, colSeverity, colState, colMessage   = 7, 8, 11, 12, 13
	colContext, colStatement, colApplication                    = 18, 19, 22
	fewest, most                                                = 23, 40
)

func parseCSV(text []byte) (e entry, why string) {
	if !utf8.Valid(text) || strings.IndexByte(string(text), 0) >= 0 {
		return e, activity.BadText
	}
	f, ok := fields(text, make([]string, 0, 26))
	if !ok || len(f) < fewest || len(f) > most {
		return e, activity.BadShape
	}
	e = entry{
		Time: f[colTime], User: f[colUser], Database: f[colDatabase], Host: host(f[colHost]), Session: f[colSession],
		Command: f[colCommand], Started: f[colStarted], Severity: f[colSeverity], State: f[colState], Message: f[colMessage],
		Context: f[colContext], Statement: f[colStatement], Application: f[colApplication],
	}
	var err error
	if e.Line, err = strconv.ParseInt(f[colLine], 10, 64); err != nil {
		return e, activity.BadShape
	}
	return e, ""
}

// host takes the port off: 10.0.0.7:51234 in csvlog is 10.0.0.7 in jsonlog.
func host(from string) string {
	if at := strings.LastIndexByte(from, ':'); at > 0 {
		if _, err := strconv.ParseUint(from[at+1:], 10, 16); err == nil {
			return from[:at]
		}
	}
	return from
}

// How the server writes times: with the zone's abbreviation, or with its distance
// where it has none.
const (
	named = "2006-01-02 15:04:05.999999 MST"
	short = "2006-01-02 15:04:05.999999 -07"
	long  = "2006-01-02 15:04:05.999999 -07:00"
)

// instant reads a time. An abbreviation says nothing by itself: it has to be one
// of zone's own at that time, or UTC.
func instant(text string, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{short, long} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	at, err := time.ParseInLocation(named, text, zone)
	if err != nil {
		return time.Time{}, false
	}
	name, _ := at.Zone()
	return at.UTC(), at.Location() == zone || at.Location() == time.UTC || name == "GMT"
}
