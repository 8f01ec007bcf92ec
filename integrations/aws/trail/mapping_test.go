package trail

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/jit"
)

// one reads a record and fails if it is set aside.
func readOne(t *testing.T, in string) activity.Record {
	t.Helper()
	got, err := readBoth(t, []byte(in))
	if err != nil || len(got.Records) != 1 || len(got.Bad) > 0 {
		t.Fatalf("%d records, %v, %v: %s", len(got.Records), got.Bad, err, in)
	}
	return got.Records[0]
}

// recordOf is a record with an identity, of a service's call.
func recordOf(identity, source, name, rest string) string {
	return `{"eventVersion":"1.08","userIdentity":` + identity + `,"eventTime":"2026-11-23T09:12:13Z","eventSource":"` + source + `","eventName":"` + name +
		`","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"console.amazonaws.com",` + rest +
		`"requestID":"r","eventID":"e1","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management"}`
}

func TestWhoDidItIsReadOutOfEveryKindOfIdentity(t *testing.T) {
	t.Parallel()
	opened := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		identity string
		want     activity.Record
	}{
		"IAM user": {
			`{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::123456789012:user/Alice","accountId":"123456789012","accessKeyId":"AKIAEXAMPLE","userName":"Alice"}`,
			activity.Record{Actor: "arn:aws:iam::123456789012:user/Alice", AccessKey: "AKIAEXAMPLE", Login: "Alice", Scope: "123456789012"},
		},
		"IAM user with a second factor": {
			`{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::123456789012:user/Alice","accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","userName":"Alice","sessionContext":{"sessionIssuer":{},"webIdFederationData":{},"attributes":{"creationDate":"2026-11-23T08:00:00Z","mfaAuthenticated":"true"}}}`,
			activity.Record{Actor: "arn:aws:iam::123456789012:user/Alice", AccessKey: "ASIAEXAMPLE", Login: "Alice", Scope: "123456789012", Opened: opened},
		},
		"assumed role, for which a service acted": {
			`{"type":"AssumedRole","principalId":"AROAEXAMPLE:grt_1","arn":"arn:aws:sts::123456789012:assumed-role/Ops/grt_1","accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::123456789012:role/Ops","accountId":"123456789012","userName":"Ops"},"attributes":{"creationDate":"2026-11-23T08:00:00Z","mfaAuthenticated":"false"}},"invokedBy":"cloudformation.amazonaws.com"}`,
			activity.Record{Actor: "arn:aws:sts::123456789012:assumed-role/Ops/grt_1", AccessKey: "ASIAEXAMPLE", Session: "grt_1", Scope: "arn:aws:iam::123456789012:role/Ops", Opened: opened},
		},
		"Identity Center": {
			`{"type":"AssumedRole","principalId":"AROAEXAMPLE:ann@example.com","arn":"arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann@example.com","accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef","accountId":"123456789012","userName":"AWSReservedSSO_Admin_0123456789abcdef"},"attributes":{"creationDate":"2026-11-23T08:00:00Z","mfaAuthenticated":"false"}}}`,
			activity.Record{
				Actor: "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann@example.com", AccessKey: "ASIAEXAMPLE", Session: "ann@example.com",
				Person: "ann@example.com", Scope: PermissionSetRole("aws", "123456789012", "Admin"), Opened: opened,
			},
		},
		"a role that only looks like Identity Center's": {
			`{"type":"AssumedRole","principalId":"AROAEXAMPLE:ann@example.com","arn":"a","accountId":"123456789012","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::123456789012:role/AWSReservedSSO_Admin_0123456789abcdef"}}}`,
			activity.Record{Actor: "a", Session: "ann@example.com", Scope: "arn:aws:iam::123456789012:role/AWSReservedSSO_Admin_0123456789abcdef"},
		},
		"Identity Center without a session": {
			`{"type":"IdentityCenterUser","accountId":"123456789012","onBehalfOf":{"userId":"544894e8-80c1","identityStoreArn":"arn:aws:identitystore::123456789012:identitystore/d-1"},"credentialId":"x"}`,
			activity.Record{Actor: "IdentityCenterUser", Person: "544894e8-80c1"},
		},
		"root": {
			`{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","accessKeyId":"AKIAEXAMPLE"}`,
			activity.Record{Actor: "arn:aws:iam::123456789012:root", AccessKey: "AKIAEXAMPLE"},
		},
		"AWS service": {
			`{"type":"AWSService","invokedBy":"autoscaling.amazonaws.com"}`,
			activity.Record{Actor: "autoscaling.amazonaws.com"},
		},
		"another account": {
			`{"type":"AWSAccount","principalId":"AROAEXAMPLE:grt_1","accountId":"999999999999"}`,
			activity.Record{Actor: "AROAEXAMPLE:grt_1"},
		},
		"web identity": {
			`{"type":"WebIdentityUser","principalId":"accounts.google.com:app:user","userName":"user","identityProvider":"accounts.google.com"}`,
			activity.Record{Actor: "user"},
		},
		"SAML": {
			`{"type":"SAMLUser","principalId":"SAMLprovider:user","userName":"user@example.com","identityProvider":"SAMLprovider"}`,
			activity.Record{Actor: "user@example.com"},
		},
		"federated user": {
			`{"type":"FederatedUser","principalId":"123456789012:Bob","arn":"arn:aws:sts::123456789012:federated-user/Bob","accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::123456789012:user/Alice","accountId":"123456789012","userName":"Alice"},"attributes":{"creationDate":"2026-11-23T08:00:00Z"}}}`,
			activity.Record{Actor: "arn:aws:sts::123456789012:federated-user/Bob", AccessKey: "ASIAEXAMPLE", Scope: "arn:aws:iam::123456789012:user/Alice", Opened: opened},
		},
		"unknown":    {`{"type":"Unknown","principalId":"","accountId":"","userName":""}`, activity.Record{Actor: "Unknown"}},
		"nobody":     {`null`, activity.Record{}},
		"all absent": {`{"type":"AssumedRole","principalId":null,"arn":null,"sessionContext":null}`, activity.Record{Actor: "AssumedRole"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Family, c.want.ID, c.want.At = "cloudtrail", "e1", time.Date(2026, 11, 23, 9, 12, 13, 0, time.UTC)
			c.want.Service, c.want.Verb, c.want.Outcome = "ec2", "RunInstances", jit.ActivityOK
			c.want.Origin, c.want.Agent, c.want.Account, c.want.Region = "192.0.2.1", "console.amazonaws.com", "123456789012", "us-east-1"
			if diff := cmp.Diff(c.want, readOne(t, recordOf(c.identity, "ec2.amazonaws.com", "RunInstances", ""))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatBecameOfItIsReadWhereEachServicePutsIt(t *testing.T) {
	t.Parallel()
	const user = `{"type":"IAMUser","arn":"a"}`
	refused := func(code, message string) string {
		return `"errorCode":"` + code + `","errorMessage":"` + message + `","requestParameters":null,"responseElements":null,`
	}
	const start = "User: arn:aws:sts::1:assumed-role/R/s is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k "
	for name, c := range map[string]struct {
		source, verb, rest string
		outcome            jit.ActivityOutcome
		code, layer        string
	}{
		"done":                           {"s3.amazonaws.com", "GetObject", ``, jit.ActivityOK, "", ""},
		"an identity policy":             {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"because no identity-based policy allows the s3:GetObject action"), jit.ActivityDenied, "AccessDenied", activity.LayerIdentity},
		"an identity policy's deny":      {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"with an explicit deny in an identity-based policy"), jit.ActivityDenied, "AccessDenied", activity.LayerIdentity},
		"an identity policy's deny, ARN": {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/p"), jit.ActivityDenied, "AccessDenied", activity.LayerIdentity},
		"a session policy":               {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"because no session policy allows the s3:GetObject action"), jit.ActivityDenied, "AccessDenied", activity.LayerSession},
		"a boundary":                     {"kms.amazonaws.com", "Decrypt", refused("AccessDeniedException", start+"because no permissions boundary allows the kms:Decrypt action"), jit.ActivityDenied, "AccessDeniedException", activity.LayerBoundary},
		"an SCP":                         {"ec2.amazonaws.com", "RunInstances", refused("Client.UnauthorizedOperation", "You are not authorized to perform this operation. "+start+"with an explicit deny in a service control policy. Encoded authorization failure message: abc"), jit.ActivityDenied, "Client.UnauthorizedOperation", activity.LayerOrg},
		"an RCP":                         {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"with an explicit deny in a resource control policy"), jit.ActivityDenied, "AccessDenied", activity.LayerOrg},
		"a resource policy":              {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"because no resource-based policy allows the s3:GetObject action"), jit.ActivityDenied, "AccessDenied", activity.LayerResource},
		"an endpoint":                    {"s3.amazonaws.com", "GetObject", refused("AccessDenied", start+"because no VPC endpoint policy allows the s3:GetObject action"), jit.ActivityDenied, "AccessDenied", activity.LayerEndpoint},
		"a trust policy":                 {"sts.amazonaws.com", "AssumeRole", refused("AccessDenied", start+"because no role trust policy allows the sts:AssumeRole action"), jit.ActivityDenied, "AccessDenied", activity.LayerTrust},
		"a trust policy's deny":          {"sts.amazonaws.com", "AssumeRole", refused("AccessDenied", start+"with an explicit deny in the role trust policy"), jit.ActivityDenied, "AccessDenied", activity.LayerTrust},
		"a name that says so":            {"s3.amazonaws.com", "GetObject", refused("AccessDenied", "not authorized on resource: because no session policy allows x because no identity-based policy allows the s3:GetObject action"), jit.ActivityDenied, "AccessDenied", activity.LayerIdentity},
		"other words":                    {"s3.amazonaws.com", "GetObject", refused("AccessDenied", "a session policy or an identity-based policy denied it"), jit.ActivityDenied, "AccessDenied", ""},
		"another UnauthorizedOperation":  {"ec2.amazonaws.com", "StopInstances", refused("Server.UnauthorizedOperation", "no"), jit.ActivityDenied, "Server.UnauthorizedOperation", ""},
		"an error of its own":            {"ec2.amazonaws.com", "StopInstances", refused("Client.InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist"), jit.ActivityFailed, "Client.InvalidInstanceID.NotFound", ""},
		"an error in the answer":         {"apigateway.amazonaws.com", "X", `"requestParameters":null,"responseElements":{"a":[{"errorCode":"no"}],"errorCode":"AccessDeniedException","errorMessage":"because no session policy allows it"},`, jit.ActivityDenied, "AccessDeniedException", activity.LayerSession},
		"an error elsewhere":             {"apigateway.amazonaws.com", "X", `"requestParameters":{"errorCode":"AccessDenied"},"responseElements":{"inner":{"errorCode":"AccessDenied"}},`, jit.ActivityOK, "", ""},
		"a sign-in":                      {"signin.amazonaws.com", "ConsoleLogin", `"requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},`, jit.ActivityOK, "", ""},
		"a sign-in that failed":          {"signin.amazonaws.com", "ConsoleLogin", `"errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},`, jit.ActivityDenied, "Failure", ""},
		"a role that was switched to":    {"signin.amazonaws.com", "SwitchRole", `"requestParameters":null,"responseElements":{"SwitchRole":"Success"},`, jit.ActivityOK, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readOne(t, recordOf(user, c.source, c.verb, c.rest))
			if r.Outcome != c.outcome || r.Code != c.code || r.Layer != c.layer || r.Verb != c.verb {
				t.Errorf("%s %q %q", r.Outcome, r.Code, r.Layer)
			}
		})
	}
}

func TestWhatItWasDoneToIsFoundAmongResourcesAndParameters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, rest, want string }{
		"a resource":               {"s3", `"requestParameters":{"bucketName":"x"},"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"}],`, "arn:aws:s3:::b/k"},
		"several":                  {"s3", `"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"},{"accountId":"1","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"},{"ARN":"c"}],`, "arn:aws:s3:::b/k +2"},
		"resources without an ARN": {"s3", `"requestParameters":{"bucketName":"x"},"resources":[{"type":"AWS::S3::Object"},{"ARN":null},{"ARN":""}],`, "arn:aws:s3:::x"},
		"a bucket":                 {"s3", `"requestParameters":{"Host":"h","bucketName":"x"},`, "arn:aws:s3:::x"},
		"an object":                {"s3", `"requestParameters":{"key":"a/b \"c\"","bucketName":"x"},`, `arn:aws:s3:::x/a/b "c"`},
		"a role":                   {"iam", `"requestParameters":{"policyArn":"arn:aws:iam::aws:policy/P","roleName":"R"},`, "role/R"},
		"a user":                   {"iam", `"requestParameters":{"userName":"U"},`, "user/U"},
		"one instance":             {"ec2", `"requestParameters":{"instanceId":"i-1"},`, "arn:aws:ec2:us-east-1:123456789012:instance/i-1"},
		"instances":                {"ec2", `"requestParameters":{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"},{"x":1}]},"force":false},`, "arn:aws:ec2:us-east-1:123456789012:instance/i-1 +1"},
		"instances of no kind":     {"ec2", `"requestParameters":{"instancesSet":{"items":{}}},`, ""},
		"a database":               {"rds", `"requestParameters":{"dBInstanceIdentifier":"db1"},`, "arn:aws:rds:us-east-1:123456789012:db:db1"},
		"a function":               {"lambda", `"requestParameters":{"functionName":"f"},`, "arn:aws:lambda:us-east-1:123456789012:function:f"},
		"a function by its ARN":    {"lambda", `"requestParameters":{"functionName":"arn:aws:lambda:eu-west-1:1:function:f"},`, "arn:aws:lambda:eu-west-1:1:function:f"},
		"a secret":                 {"secretsmanager", `"requestParameters":{"secretId":"prod/db"},`, "secret:prod/db"},
		"a table":                  {"dynamodb", `"requestParameters":{"tableName":"t","key":{"tableName":"u"}},`, "arn:aws:dynamodb:us-east-1:123456789012:table/t"},
		"a key":                    {"kms", `"requestParameters":{"keyId":"1-2"},`, "arn:aws:kms:us-east-1:123456789012:key/1-2"},
		"a log group":              {"logs", `"requestParameters":{"logGroupName":"/aws/x"},`, "arn:aws:logs:us-east-1:123456789012:log-group:/aws/x"},
		"a queue":                  {"sqs", `"requestParameters":{"queueUrl":"https://sqs.us-east-1.amazonaws.com/1/q"},`, "https://sqs.us-east-1.amazonaws.com/1/q"},
		"a topic":                  {"sns", `"requestParameters":{"topicArn":"arn:aws:sns:us-east-1:1:t"},`, "arn:aws:sns:us-east-1:1:t"},
		"a role that was assumed":  {"sts", `"requestParameters":{"roleArn":"arn:aws:iam::1:role/R","roleSessionName":"grt_1"},`, "arn:aws:iam::1:role/R"},
		"a parameter of no table":  {"route53", `"requestParameters":{"hostedZoneId":"Z"},`, ""},
		"a name that is no text":   {"dynamodb", `"requestParameters":{"tableName":["t"]},`, ""},
		"parameters that are none": {"dynamodb", `"requestParameters":"HIDDEN_DUE_TO_SECURITY_REASONS",`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := readOne(t, recordOf(`{"type":"Root"}`, c.source+".amazonaws.com", "X", c.rest)); r.Resource != c.want {
				t.Errorf("%q, want %q", r.Resource, c.want)
			}
		})
	}
}

func TestAParameterGivenTwiceNamesNothing(t *testing.T) {
	t.Parallel()
	for source, params := range map[string]string{
		"dynamodb": `{"tableName":"a","x":1,"tableName":"b"}`, "dynamodb ": `{"tableName":"a","table\u004eame":"b"}`, "s3": `{"bucketName":"b","key":"1","key":"2"}`,
		"ec2": `{"instancesSet":{"items":[{"instanceId":"1","instanceId":"2"}]}}`, "ec2 ": `{"instancesSet":{"items":[],"items":[]}}`,
	} {
		got, err := readBoth(t, []byte(recordOf(`{"type":"Root"}`, strings.TrimSpace(source)+".amazonaws.com", "X", `"requestParameters":`+params+`,`)))
		if err != nil || len(got.Records) > 0 || got.Bad[activity.BadShape] != 1 {
			t.Errorf("%s: %v, %v", params, got, err)
		}
	}
}

func TestEscapesInWhatIsWantedAreRead(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		strings.Replace(plainRecord("e1", ""), `"eventCategory":"Data"}`, `"eventCategory":"Data","x":{}}`, 1),
		strings.Replace(strings.Replace(plainRecord("e1", ""), `"recipientAccountId":"111122223333",`, ``, 1), `"Data"}`, `"Data","recipientAccountId":"11112222\u0033333"}`, 1),
		strings.Replace(plainRecord("e1", ""), `"GetObject"`, `"Get\u004fbject"`, 1),
		strings.Replace(plainRecord("e1", ""), `"eventName":`, `"event\u004eame":`, 1),
	} {
		if diff := cmp.Diff(wantPlain("e1"), readOne(t, in)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestChinaHasItsOwnNames(t *testing.T) {
	t.Parallel()
	in := strings.Replace(recordOf(`{"type":"Root"}`, "s3.amazonaws.com.cn", "PutObject", `"requestParameters":{"bucketName":"b"},`), "us-east-1", "cn-north-1", 1)
	if r := readOne(t, in); r.Service != "s3" || r.Resource != "arn:aws-cn:s3:::b" {
		t.Errorf("%s %s", r.Service, r.Resource)
	}
	for region, want := range map[string]string{"cn-north-1": "cn-north-1", "us-gov-east-1": "us-gov-west-1", "eu-central-1": "us-east-1"} {
		if got := GlobalRegion(region); got != want {
			t.Errorf("%s: %s", region, got)
		}
	}
}

func TestServicesHaveTheirPrefixInIAM(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"monitoring.amazonaws.com": "cloudwatch", "tagging.amazonaws.com": "tag", "ec2.amazonaws.com": "ec2", "s3.amazonaws.com.cn": "s3",
		"runtime.lex.amazonaws.com": "lex", "signin.amazonaws.com": "signin", "example.com": "example.com",
	} {
		if got := serviceOf(source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestOneActionHasOneIDHoweverItIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more   string
		id     string
		amends bool
	}{
		"once":                   {``, "e1", false},
		"in two accounts":        {`,"sharedEventID":"s1"`, "s1", false},
		"late":                   {`,"addendum":{"reason":"DELIVERY_DELAY"}`, "e1", false},
		"late, of an outage":     {`,"addendum":{"reason":"SERVICE_OUTAGE","originalEventID":"o1"}`, "e1", false},
		"corrected":              {`,"addendum":{"reason":"UPDATED_DATA","updatedFields":"eventName","originalRequestID":"r","originalEventID":"o1"}`, "o1", true},
		"corrected, in two":      {`,"sharedEventID":"s1","addendum":{"reason":"UPDATED_DATA","originalEventID":"o1"}`, "s1", true},
		"corrected, not of what": {`,"addendum":{"reason":"UPDATED_DATA"}`, "e1", true},
		"no addendum":            {`,"addendum":null,"sharedEventID":null`, "e1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := readOne(t, plainRecord("e1", c.more)); r.ID != c.id || r.Amends != c.amends {
				t.Errorf("%s, %v", r.ID, r.Amends)
			}
		})
	}
}

func TestTextsForPeopleAreCutBetweenLetters(t *testing.T) {
	t.Parallel()
	r := readOne(t, recordOf(`{"type":"Root"}`, "s3.amazonaws.com", "X", `"errorCode":"E","errorMessage":"`+strings.Repeat("ä", 500)+`",`))
	if r.Detail != strings.Repeat("ä", maxDetail/2) {
		t.Errorf("%d bytes", len(r.Detail))
	}
	r = readOne(t, strings.Replace(recordOf(`{"type":"Root"}`, "s3.amazonaws.com", "X", ""), "console.amazonaws.com", strings.Repeat("x", 1000), 1))
	if len(r.Agent) != maxAgent {
		t.Errorf("%d bytes", len(r.Agent))
	}
}
