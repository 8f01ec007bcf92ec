package analysis

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"jitbot/policy"
)

// right is one action that a session policy allows, or a pattern of actions.
type right struct {
	pattern       string // as written
	service, name string // in lower case
}

// maxRights bounds how many actions of a session policy are looked at; AWS takes
// no more than 2,048 characters.
const maxRights = 200

// rightsOf reads what the session policies of a resource allow. It is not known
// where there is none, or one says what it allows by what it does not.
func rightsOf(r policy.Resource) ([]right, bool) {
	var out []right
	for _, e := range r.Entitlements {
		text := e.Params["session_policy"]
		if e.Kind != "aws_session" {
			continue
		}
		actions, ok := allowed([]byte(text))
		if !ok {
			return nil, false
		}
		for _, a := range actions {
			service, name, ok := strings.Cut(a, ":")
			if !ok || service == "*" || len(out) == maxRights {
				return nil, false // all of AWS
			}
			out = append(out, right{a, strings.ToLower(service), strings.ToLower(name)})
		}
	}
	slices.SortStableFunc(out, func(a, b right) int { return strings.Compare(a.pattern, b.pattern) })
	return slices.CompactFunc(out, func(a, b right) bool { return a.pattern == b.pattern }), len(out) > 0
}

// oneOrMore is what JSON writes as a text or as a list of them.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(o))
}

type statement struct {
	Effect    string
	Action    oneOrMore
	NotAction oneOrMore
}

// allowed is the actions that a policy document allows.
func allowed(document []byte) ([]string, bool) {
	var doc struct{ Statement json.RawMessage }
	if json.Unmarshal(document, &doc) != nil {
		return nil, false
	}
	var many []statement
	if json.Unmarshal(doc.Statement, &many) != nil {
		var one statement
		if json.Unmarshal(doc.Statement, &one) != nil {
			return nil, false
		}
		many = []statement{one}
	}
	var out, denied []string
	for _, s := range many {
		switch {
		case s.Effect == "Deny":
			denied = append(denied, s.Action...)
		case len(s.NotAction) > 0:
			return nil, false
		default:
			out = append(out, s.Action...)
		}
	}
	return slices.DeleteFunc(out, func(a string) bool { return slices.Contains(denied, a) }), true
}

// seen reports whether one of the actions that were done needs the right.
func (r right) seen(done []string) bool {
	pattern := r.service + ":" + r.name
	for _, action := range done {
		if covers(pattern, action) {
			return true
		}
	}
	return false
}

// covers matches a pattern in which * stands for anything and ? for one letter.
func covers(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == s[i] || pattern[p] == '?'):
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// logged reports whether use of the right would show in a log. Some never does,
// and of the unlogged services nobody can tell.
func (r right) logged(unlogged map[string]bool) bool {
	switch r.service {
	case "rds-db", "execute-api", "ssmmessages", "ec2messages", "kafka-cluster", "neptune-db", "aoss", "elasticfilesystem", "cassandra", "cognito-sync", "s3-outposts", "s3express":
		return false
	}
	if strings.Contains(r.name, "passrole") || strings.HasPrefix(r.name, "eshttp") {
		return false
	}
	return !unlogged[r.service]
}

// weight is how much a right matters.
func (r right) weight() float64 {
	switch {
	case reads(r.name):
		return 1
	case r.service == "iam", strings.Contains(r.name, "policy"), strings.Contains(r.name, "permission"), strings.HasPrefix(r.name, "*"):
		return 5
	default:
		return 3
	}
}

func reads(name string) bool {
	return slices.ContainsFunc([]string{"get", "list", "describe", "head", "batchget", "query", "scan", "lookup", "search", "select", "view", "filter"},
		func(start string) bool { return strings.HasPrefix(name, start) })
}

// rightsFor are the rights that an action needs, as logs name it, in lower case.
// Most are named alike; where AWS has another name both are given, as a right too
// many that counts as used is only left where it is.
func rightsFor(action string) []string {
	action = strings.ToLower(action)
	source, name, _ := strings.Cut(action, ":")
	service := serviceNamed(source)
	out := []string{action}
	if service != source {
		out = append(out, service+":"+name)
	}
	switch service {
	case "s3":
		out = append(out, rightsForS3(name)...)
	case "lambda": // CreateFunction20150331, AddPermission20150331v2
		if i := strings.IndexByte(name, '2'); i > 0 && strings.HasPrefix(name[i:], "201") {
			out = append(out, "lambda:"+name[:i])
		}
		if strings.HasPrefix(name, "invoke") {
			out = append(out, "lambda:invokefunction")
		}
	case "dynamodb":
		out = append(out, "dynamodb:"+strings.TrimPrefix(strings.TrimPrefix(name, "transact"), "batch"))
	case "cloudfront", "route53": // their names carry a date
		out = append(out, service+":"+strings.TrimRight(name, "0123456789_"))
	}
	return out
}

// serviceNamed is how AWS names a service in rights that a file in the plain
// format may name as event sources are named. What CloudTrail told is named so.
func serviceNamed(source string) string {
	source = strings.TrimSuffix(source, ".amazonaws.com")
	names := map[string]string{"monitoring": "cloudwatch", "email": "ses", "tagging": "tag", "rdsdata": "rds-data", "iotdata": "iot", "cloudhsmv2": "cloudhsm"}
	return cmp.Or(names[source], source)
}

// rightsForS3 are rights that S3 names otherwise than its actions.
func rightsForS3(name string) []string {
	switch {
	case name == "listobjects", name == "listobjectsv2", name == "headbucket":
		return []string{"s3:listbucket"}
	case name == "listbuckets":
		return []string{"s3:listallmybuckets"}
	case name == "headobject", name == "selectobjectcontent":
		return []string{"s3:getobject"}
	case name == "copyobject", name == "uploadpartcopy":
		return []string{"s3:getobject", "s3:putobject"}
	case strings.HasPrefix(name, "createmultipart"), strings.HasPrefix(name, "completemultipart"), name == "uploadpart":
		return []string{"s3:putobject"}
	case name == "deleteobjects":
		return []string{"s3:deleteobject"}
	case name == "listobjectversions":
		return []string{"s3:listbucketversions"}
	}
	// GetBucketEncryption needs GetEncryptionConfiguration, and so on.
	if rest := strings.Replace(name, "bucket", "", 1); rest != name {
		return []string{"s3:" + rest, "s3:" + rest + "configuration"}
	}
	return nil
}
