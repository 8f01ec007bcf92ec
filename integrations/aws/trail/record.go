package trail

import (
	"strconv"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/jit"
)

const (
	maxID     = 128
	maxAgent  = 160
	maxDetail = 240
)

// emit hands the record that was read on, or counts why it cannot be one.
func (d *Decoder) emit() {
	if why := d.understand(); why != "" {
		d.skip(why, 1)
		return
	}
	d.fn(&d.record)
}

// understand makes a record of the fields, or says what is wrong with them.
func (d *Decoder) understand() (why string) {
	f, r := &d.fields, &d.record
	d.made = d.made[:0]
	t := &f.text
	if !majorOne(t[version]) {
		return activity.BadVersion
	}
	if t[eventID] == "" || len(t[eventID]) > maxID || len(t[sharedID]) > maxID || len(t[originalID]) > maxID {
		return activity.BadID
	}
	at, ok := instant(t[eventTime])
	if !ok {
		return activity.BadTime
	}
	if t[eventSource] == "" || t[eventName] == "" || t[category] == "Insight" { // which tells of no action
		return activity.BadShape
	}
	*r = activity.Record{
		Family: "cloudtrail", ID: t[eventID], At: at, Service: serviceOf(t[eventSource]), Verb: t[eventName], ReadOnly: f.readOnly,
		Code: t[errorCode], Actor: actorOf(f), Origin: t[sourceIP], Agent: cut(t[userAgent], maxAgent), Account: t[recipient], Region: t[region],
		Scope: t[issuerARN], AccessKey: t[accessKey], SourceIdentity: t[sourceIdentity],
	}
	if r.Account == "" {
		r.Account = t[idAccount]
	}
	identify(r, f)
	d.setSession()
	if why := d.setOutcome(); why != "" {
		return why
	}
	return d.setResource()
}

// identify finds the ID that all tellings of one action have in common.
func identify(r *activity.Record, f *fields) {
	t := &f.text
	if t[addendumReason] == "UPDATED_DATA" {
		r.Amends = true
		if t[originalID] != "" {
			r.ID = t[originalID]
		}
	}
	if t[sharedID] != "" { // one action that is told in two accounts
		r.ID = t[sharedID]
	}
}

func majorOne(version string) bool {
	return version == "1" || len(version) > 2 && version[0] == '1' && version[1] == '.'
}

// setSession fills in whose session it was.
func (d *Decoder) setSession() {
	r, t := &d.record, &d.fields.text
	if t[idType] == "AssumedRole" {
		if i := strings.IndexByte(t[principalID], ':'); i >= 0 {
			r.Session = t[principalID][i+1:]
		}
		if signedIn(t[issuerARN]) {
			r.Person, r.Scope = r.Session, d.permissionSet(t[issuerARN])
		}
	}
	if r.Person == "" {
		r.Person = t[behalfUser]
	}
	if t[idType] == "IAMUser" && t[issuerARN] == "" { // it acts through nothing but its account
		r.Login, r.Scope = t[userName], t[idAccount]
	}
	if t[created] != "" {
		r.Opened, _ = instant(t[created]) // without one it is only not known
	}
}

// tailOf is the end that Identity Center gives the names of its roles: an
// underscore and sixteen hexadecimal digits, other ones in each account.
const tailOf = 17

// permissionSet is a role of Identity Center without what differs for each
// account and region it was made in: [PermissionSetRole].
func (d *Decoder) permissionSet(role string) string {
	head, _, _ := strings.Cut(role, ":role/")
	name := role[strings.LastIndexByte(role, '/')+1:]
	if len(name) > tailOf && name[len(name)-tailOf] == '_' {
		name = name[:len(name)-tailOf]
	}
	from := len(d.made)
	d.made = append(append(append(d.made, head...), ":role/"...), name...)
	return alias(d.made[from:])
}

// PermissionSetRole is what records call the role that Identity Center makes of
// a permission set in an account.
func PermissionSetRole(partition, account, permissionSet string) string {
	return "arn:" + partition + ":iam::" + account + ":role/AWSReservedSSO_" + permissionSet
}

// signedIn says that a role is one that Identity Center made: AWS lets nobody
// else make roles under this path.
func signedIn(role string) bool {
	const path, name = ":role/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_"
	i := strings.Index(role, path)
	return i >= 0 && strings.HasPrefix(role[strings.LastIndexByte(role, '/')+1:], name)
}

func actorOf(f *fields) string {
	for _, k := range [...]field{idARN, userName, invokedBy, principalID, idType} {
		if f.text[k] != "" {
			return f.text[k]
		}
	}
	return ""
}

// setOutcome finds out what became of it, and the words about it.
func (d *Decoder) setOutcome() (why string) {
	f, r := &d.fields, &d.record
	message := f.text[errorMessage]
	if r.Code == "" && len(f.response) > 0 {
		var inner string
		if r.Code, inner, why = d.failure(r); why != "" {
			return why
		}
		if message == "" {
			message = inner
		}
	}
	switch {
	case r.Code == "" && message == "":
		r.Outcome = jit.ActivityOK
		if !r.ReadOnly { // of what was only looked at the resource says enough
			r.Detail = cut(alias(f.request), maxDetail)
		}
		return ""
	case denied(r.Code) || r.Service == "signin" && r.Code == "Failure":
		r.Outcome, r.Layer = jit.ActivityDenied, layerOf(message)
	default:
		r.Outcome = jit.ActivityFailed
	}
	r.Detail = cut(message, maxDetail)
	return ""
}

// cut shortens a text without cutting a letter in two.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most]
}

// instant reads a time as CloudTrail writes it. What lies before AWS or long
// after us is none.
func instant(s string) (time.Time, bool) {
	if at, ok := plainInstant(s); ok {
		return at, true
	}
	at, err := time.Parse(time.RFC3339, s)
	if at = at.UTC(); err != nil || at.Year() < 2006 || at.Year() >= 2200 {
		return time.Time{}, false
	}
	return at, true
}

// plainInstant reads 2026-11-23T09:00:00Z, which nearly all are written like.
func plainInstant(s string) (time.Time, bool) {
	if len(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		return time.Time{}, false
	}
	year, month, day := 100*twoDigits(s[0], s[1])+twoDigits(s[2], s[3]), twoDigits(s[5], s[6]), twoDigits(s[8], s[9])
	hour, minute, second := twoDigits(s[11], s[12]), twoDigits(s[14], s[15]), twoDigits(s[17], s[18])
	if year < 2006 || year >= 2200 || month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false // the library knows the ends of months
	}
	return time.Unix((daysBefore(year, month)+day-1)*86400+hour*3600+minute*60+second, 0).UTC(), true
}

// daysBefore is how many days lie between 1970 and a month.
func daysBefore(year, month int64) int64 {
	if month -= 2; month < 1 { // years begin in March, so that the leap day is their last
		month, year = month+12, year-1
	}
	return 365*(year-1970) + year/4 - 492 - (year/100 - 19) + (year/400 - 4) + (367*month)/12 + 29
}

// twoDigits is out of all bounds where one is none.
func twoDigits(a, b byte) int64 {
	a, b = a-'0', b-'0'
	if a > 9 || b > 9 {
		return 1 << 32
	}
	return int64(a)*10 + int64(b)
}

// several is a text and how many more there are.
func (d *Decoder) several(first string, all int) string {
	if all < 2 {
		return first
	}
	from := len(d.made)
	d.made = append(append(d.made, first...), " +"...)
	d.made = strconv.AppendInt(d.made, int64(all-1), 10)
	return alias(d.made[from:])
}
