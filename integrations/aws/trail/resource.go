package trail

import (
	"strings"

	"jitbot/activity"
)

// named says which request parameter of a service names the resource, and how
// its ARN is made. A form that begins with a colon stands behind
// arn:partition:service, and {r}, {a} and {v} in it for region, account and the
// value. What has no certain ARN is written as its kind and name.
type named struct{ key, form string }

// resourcesOf are by service; the first that is given counts.
var resourcesOf = map[string][]named{
	"iam": {
		{"roleName", "role/{v}"},
		{"userName", "user/{v}"},
		{"groupName", "group/{v}"},
		{"policyArn", "{v}"},
		{"instanceProfileName", "instance-profile/{v}"},
		{"policyName", "policy/{v}"},
	},
	"sts": {{"roleArn", "{v}"}},
	"ec2": {
		{"instanceId", ":{r}:{a}:instance/{v}"},
		{"volumeId", ":{r}:{a}:volume/{v}"},
		{"groupId", ":{r}:{a}:security-group/{v}"},
		{"snapshotId", ":{r}:{a}:snapshot/{v}"},
		{"imageId", ":{r}::image/{v}"},
		{"vpcId", ":{r}:{a}:vpc/{v}"},
		{"subnetId", ":{r}:{a}:subnet/{v}"},
		{"keyName", ":{r}:{a}:key-pair/{v}"},
	},
	"ssm":                  {{"name", "parameter {v}"}, {"target", "{v}"}, {"documentName", "document/{v}"}, {"instanceId", "{v}"}},
	"rds":                  {{"dBInstanceIdentifier", ":{r}:{a}:db:{v}"}, {"dbInstanceIdentifier", ":{r}:{a}:db:{v}"}, {"dBClusterIdentifier", ":{r}:{a}:cluster:{v}"}, {"dBSnapshotIdentifier", ":{r}:{a}:snapshot:{v}"}},
	"rds-data":             {{"resourceArn", "{v}"}},
	"redshift":             {{"clusterIdentifier", ":{r}:{a}:cluster:{v}"}},
	"lambda":               {{"functionName", ":{r}:{a}:function:{v}"}},
	"secretsmanager":       {{"secretId", "secret:{v}"}, {"name", "secret:{v}"}},
	"dynamodb":             {{"tableName", ":{r}:{a}:table/{v}"}},
	"kms":                  {{"keyId", ":{r}:{a}:key/{v}"}, {"aliasName", ":{r}:{a}:{v}"}},
	"logs":                 {{"logGroupName", ":{r}:{a}:log-group:{v}"}, {"logGroupIdentifier", ":{r}:{a}:log-group:{v}"}},
	"sqs":                  {{"queueUrl", "{v}"}, {"queueName", ":{r}:{a}:{v}"}},
	"sns":                  {{"topicArn", "{v}"}, {"targetArn", "{v}"}, {"name", ":{r}:{a}:{v}"}},
	"ecs":                  {{"cluster", ":{r}:{a}:cluster/{v}"}, {"clusterName", ":{r}:{a}:cluster/{v}"}},
	"eks":                  {{"name", ":{r}:{a}:cluster/{v}"}, {"clusterName", ":{r}:{a}:cluster/{v}"}},
	"ecr":                  {{"repositoryName", ":{r}:{a}:repository/{v}"}},
	"kinesis":              {{"streamName", ":{r}:{a}:stream/{v}"}, {"streamARN", "{v}"}},
	"states":               {{"stateMachineArn", "{v}"}, {"executionArn", "{v}"}},
	"cloudformation":       {{"stackName", "stack/{v}"}},
	"cloudtrail":           {{"name", ":{r}:{a}:trail/{v}"}},
	"cloudwatch":           {{"alarmName", ":{r}:{a}:alarm:{v}"}},
	"events":               {{"name", ":{r}:{a}:rule/{v}"}},
	"elasticache":          {{"cacheClusterId", ":{r}:{a}:cluster:{v}"}, {"replicationGroupId", ":{r}:{a}:replicationgroup:{v}"}},
	"codebuild":            {{"projectName", ":{r}:{a}:project/{v}"}},
	"glue":                 {{"name", "{v}"}, {"databaseName", ":{r}:{a}:database/{v}"}},
	"athena":               {{"workGroup", ":{r}:{a}:workgroup/{v}"}},
	"autoscaling":          {{"autoScalingGroupName", "autoScalingGroup/{v}"}},
	"ec2-instance-connect": {{"instanceId", ":{r}:{a}:instance/{v}"}},
}

// setResource finds what it was done to.
func (d *Decoder) setResource() (why string) {
	f, r := &d.fields, &d.record
	if f.resources > 0 {
		r.Resource = d.several(f.resource, f.resources)
		return ""
	}
	if len(f.request) == 0 {
		return ""
	}
	if r.Service == "s3" {
		return d.setObject()
	}
	for _, n := range resourcesOf[r.Service] {
		v, twice := find(f.request, n.key)
		if twice {
			return activity.BadShape
		}
		if text := textOf(v); text != "" {
			r.Resource = d.form(n.form, text)
			return ""
		}
	}
	if r.Service == "ec2" {
		return d.setInstances()
	}
	return ""
}

// setObject names a bucket, or an object in one.
func (d *Decoder) setObject() (why string) {
	bucket, twice := find(d.fields.request, "bucketName")
	key, again := find(d.fields.request, "key")
	if twice || again {
		return activity.BadShape
	}
	if bucket, key := textOf(bucket), textOf(key); bucket != "" {
		from := d.makeARN("s3")
		d.made = append(append(d.made, ":::"...), bucket...)
		if key != "" {
			d.made = append(append(d.made, '/'), key...)
		}
		d.record.Resource = alias(d.made[from:])
	}
	return ""
}

// setInstances names the first of the instances that a request lists.
func (d *Decoder) setInstances() (why string) {
	set, twice := find(d.fields.request, "instancesSet")
	if twice || len(set) == 0 || set[0] != '{' {
		return because(twice)
	}
	items, twice := find(set, "items")
	if twice || len(items) == 0 || items[0] != '[' {
		return because(twice)
	}
	first, all := "", 0
	for m := (members{b: items}); m.p+1 < len(items) && items[m.p+1] == '{'; {
		m.p++
		from := m.p
		m.value()
		id, twice := find(items[from:m.p], "instanceId")
		if twice {
			return activity.BadShape
		}
		if text := textOf(id); text != "" {
			if all++; first == "" {
				first = text
			}
		}
	}
	if all > 0 {
		d.record.Resource = d.several(d.form(":{r}:{a}:instance/{v}", first), all)
	}
	return ""
}

func because(twice bool) string {
	if twice {
		return activity.BadShape
	}
	return ""
}

// form writes a resource. What is an ARN already stays as it is.
func (d *Decoder) form(form, v string) string {
	if form == "{v}" || strings.HasPrefix(v, "arn:") {
		return v
	}
	from := len(d.made)
	if form[0] == ':' {
		from = d.makeARN(d.record.Service)
	}
	for form != "" {
		i := strings.IndexByte(form, '{')
		if i < 0 {
			d.made = append(d.made, form...)
			break
		}
		d.made = append(d.made, form[:i]...)
		switch form[i+1] {
		case 'r':
			d.made = append(d.made, d.record.Region...)
		case 'a':
			d.made = append(d.made, d.record.Account...)
		default:
			d.made = append(d.made, v...)
		}
		form = form[i+3:]
	}
	return alias(d.made[from:])
}

// makeARN begins an ARN of a service in the partition of the region, and says
// where in made.
func (d *Decoder) makeARN(service string) (from int) {
	from = len(d.made)
	d.made = append(append(append(append(d.made, "arn:"...), Partition(d.record.Region)...), ':'), service...)
	return from
}

// Partition is the partition a region is in.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// failure finds an error where some services put it: among what they answered.
func (d *Decoder) failure(r *activity.Record) (code, message, why string) {
	answer := d.fields.response
	if r.Service == "signin" {
		v, twice := find(answer, r.Verb) // {"ConsoleLogin":"Failure"}
		if twice {
			return "", "", activity.BadShape
		}
		if textOf(v) == "Failure" {
			return "Failure", "", ""
		}
		return "", "", ""
	}
	if !d.fields.failed {
		return "", "", ""
	}
	c, twice := find(answer, "errorCode")
	m, again := find(answer, "errorMessage")
	if twice || again {
		return "", "", activity.BadShape
	}
	return textOf(c), textOf(m), ""
}
