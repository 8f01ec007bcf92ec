package awsfake

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const home = "eu-central-1"

// logs is a world with the clients that read logs.
type logs struct {
	*world
	trail *cloudtrail.Client
	s3    *s3.Client
	sqs   *sqs.Client
	queue string
}

func setupLogs(t *testing.T, tr Trail, adjust ...func(*Config)) *logs {
	t.Helper()
	w := setup(t, append(adjust, func(c *Config) { c.Trail = tr })...)
	l := &logs{world: w, queue: w.QueueURL(w.url)}
	l.use("AKIAHUB", "hub-secret", "", "us-east-1")
	return l
}

func (l *logs) use(id, secret, token, region string) {
	cfg := aws.Config{
		Region: region, BaseEndpoint: aws.String(l.url), Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	l.trail, l.sqs = cloudtrail.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	l.s3 = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle, o.ResponseChecksumValidation = true, aws.ResponseChecksumValidationWhenRequired
	})
}

func (l *logs) lookup(t *testing.T, in cloudtrail.LookupEventsInput) *cloudtrail.LookupEventsOutput {
	t.Helper()
	l.clock.pass(time.Second)
	out, err := l.trail.LookupEvents(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func by(key types.LookupAttributeKey, value string) []types.LookupAttribute {
	return []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}}
}

func TestWhatIsDoneIsToldAsCloudTrailTellsIt(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{Lag: 5 * time.Minute})
	client, _ := l.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1"), SourceIdentity: aws.String("ann")})
	if err := readOwnRole(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if out := l.lookup(t, cloudtrail.LookupEventsInput{}); len(out.Events) != 0 {
		t.Error("it is told before its time")
	}
	l.clock.pass(5 * time.Minute)
	out := l.lookup(t, cloudtrail.LookupEventsInput{LookupAttributes: by(types.LookupAttributeKeyUsername, "grt_1")})
	if len(out.Events) != 1 || *out.Events[0].EventName != "GetRole" || *out.Events[0].Username != "grt_1" {
		t.Fatalf("%+v", out.Events)
	}
	var r recordJSON
	if err := json.Unmarshal([]byte(*out.Events[0].CloudTrailEvent), &r); err != nil {
		t.Fatal(err)
	}
	if r.Identity.Type != "AssumedRole" || r.Identity.Session.SourceIdentity != "ann" || r.Identity.Session.Issuer.ARN != roleARN ||
		r.Source != "iam.amazonaws.com" || r.Region != "us-east-1" || r.Code != "" || r.ID != *out.Events[0].EventId {
		t.Errorf("%+v", r)
	}
	l.use("AKIAHUB", "hub-secret", "", home) // the session was opened there
	out = l.lookup(t, cloudtrail.LookupEventsInput{})
	if len(out.Events) != 1 || *out.Events[0].EventName != "AssumeRole" || *out.Events[0].Username != "jitbot" {
		t.Errorf("%+v", out.Events)
	}
}

func TestRefusalsAreToldWithTheirReason(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{})
	client, _ := l.assume(t, sts.AssumeRoleInput{
		RoleSessionName: aws.String("grt_1"),
		Policy:          aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`),
	})
	wantCode(t, readOwnRole(t.Context(), client), "AccessDenied")
	out := l.lookup(t, cloudtrail.LookupEventsInput{LookupAttributes: by(types.LookupAttributeKeyUsername, "grt_1")})
	if len(out.Events) != 1 || !strings.Contains(*out.Events[0].CloudTrailEvent, `"errorCode":"AccessDenied"`) || !strings.Contains(*out.Events[0].CloudTrailEvent, "is not authorized to perform: iam:GetRole") {
		t.Errorf("%+v", out.Events)
	}
}

func TestLookUpsArePacedAndPagedAsByAWS(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{})
	for i := range 120 {
		l.Tell(Told{ID: fmt.Sprintf("e%d", i), Username: "u", Region: "us-east-1", Source: "ec2.amazonaws.com", At: l.clock.now(), Record: "{}"})
	}
	in := cloudtrail.LookupEventsInput{LookupAttributes: by(types.LookupAttributeKeyUsername, "u"), StartTime: aws.Time(l.clock.now().Add(-time.Hour))}
	seen := map[string]bool{}
	for range 3 {
		out := l.lookup(t, in)
		for _, e := range out.Events {
			seen[*e.EventId] = true
		}
		in.NextToken = out.NextToken
	}
	if len(seen) != 120 || in.NextToken != nil {
		t.Errorf("%d events on three pages", len(seen))
	}
	in.NextToken = l.lookup(t, cloudtrail.LookupEventsInput{LookupAttributes: in.LookupAttributes}).NextToken
	l.clock.pass(time.Second)
	_, err := l.trail.LookupEvents(t.Context(), &in)
	wantCode(t, err, "InvalidNextTokenException") // other parameters
	l.clock.pass(time.Second)
	_, err = l.trail.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{
		LookupAttributes: append(by(types.LookupAttributeKeyUsername, "u"), by(types.LookupAttributeKeyReadOnly, "true")...),
	})
	wantCode(t, err, "InvalidLookupAttributesException")
	l.clock.pass(time.Second)
	for i := range 3 {
		_, err = l.trail.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{})
		if want := map[bool]string{true: "ThrottlingException"}[i == 2]; code(err) != want {
			t.Errorf("call %d: %v", i, err)
		}
	}
	l.use("AKIAHUB", "hub-secret", "", home) // each region has its own
	l.lookup(t, cloudtrail.LookupEventsInput{})
}

func (l *logs) keys(t *testing.T, in s3.ListObjectsV2Input) (keys []string) {
	t.Helper()
	pages := s3.NewListObjectsV2Paginator(l.s3, &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			keys = append(keys, *p.Prefix)
		}
	}
	return keys
}

func TestATrailIsDeliveredIntoABucketThatTheSDKCanRead(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{Bucket: "logs", Prefix: "with space", Lag: time.Minute})
	client, _ := l.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	if err := readOwnRole(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	l.clock.pass(time.Minute)
	keys := l.keys(t, s3.ListObjectsV2Input{Bucket: aws.String("logs"), Prefix: aws.String("with space/AWSLogs/111122223333/CloudTrail/us-east-1/")})
	if len(keys) != 1 {
		t.Fatalf("%v", keys)
	}
	out, err := l.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("logs"), Key: &keys[0]})
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || !strings.HasPrefix(string(text), `{"Records":[{"eventVersion":"1.11"`) {
		t.Errorf("%s, %v", text, err)
	}
	part, err := l.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("logs"), Key: &keys[0], Range: aws.String("bytes=0-1"), IfMatch: out.ETag})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(part.Body); err != nil || !bytes.Equal(b, []byte{0x1f, 0x8b}) {
		t.Errorf("%x, %v", b, err)
	}
	_, err = l.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("logs"), Key: &keys[0], IfMatch: aws.String(`"x"`)})
	wantCode(t, err, "PreconditionFailed")
	_, err = l.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("logs"), Key: aws.String("no")})
	wantCode(t, err, "NoSuchKey")
	_, err = l.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("other")})
	wantCode(t, err, "NoSuchBucket")
	if _, err = l.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("logs")}); err != nil {
		t.Error(err)
	}
}

func TestListingsHavePagesGroupsAndBeginnings(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{}, func(c *Config) { c.PageSize = 2 })
	for _, k := range []string{"a/1", "a/2", "a/3", "b/1", "b/2", "c"} {
		l.PutObject("x", k, []byte(k))
	}
	for _, c := range []struct {
		in   s3.ListObjectsV2Input
		want string
	}{
		{s3.ListObjectsV2Input{}, "a/1 a/2 a/3 b/1 b/2 c"},
		{s3.ListObjectsV2Input{StartAfter: aws.String("a/2")}, "a/3 b/1 b/2 c"},
		{s3.ListObjectsV2Input{Prefix: aws.String("b/")}, "b/1 b/2"},
		{s3.ListObjectsV2Input{Delimiter: aws.String("/")}, "a/ b/ c"},
	} {
		c.in.Bucket = aws.String("x")
		got := l.keys(t, c.in)
		if len(got) != len(strings.Fields(c.want)) {
			t.Errorf("%v, want %s", got, c.want)
		}
		for _, k := range strings.Fields(c.want) {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+k+" ") {
				t.Errorf("%v, want %s", got, c.want)
			}
		}
	}
}

func (l *logs) receive(t *testing.T) []sqstypes.Message {
	t.Helper()
	out, err := l.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &l.queue, MaxNumberOfMessages: 10, VisibilityTimeout: 60})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func TestAQueueHidesWhatIsReadAndBuriesWhatIsReadTooOften(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{Bucket: "logs", Queue: "q", Receives: 2})
	l.Announce("logs", "k 1")
	first := l.receive(t)
	if len(first) != 1 || !strings.Contains(*first[0].Body, `"key":"k+1"`) || len(l.receive(t)) != 0 {
		t.Fatalf("%v", first)
	}
	l.clock.pass(time.Minute)
	second := l.receive(t)
	if len(second) != 1 || *second[0].ReceiptHandle == *first[0].ReceiptHandle {
		t.Fatalf("%v", second)
	}
	if _, err := l.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &l.queue, ReceiptHandle: first[0].ReceiptHandle}); err != nil {
		t.Error(err)
	}
	if n, _ := l.Queued(); n != 1 {
		t.Error("an old handle deletes")
	}
	l.clock.pass(50 * time.Second)
	_, err := l.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &l.queue, ReceiptHandle: second[0].ReceiptHandle, VisibilityTimeout: 60})
	if err != nil {
		t.Error(err)
	}
	l.clock.pass(50 * time.Second)
	if len(l.receive(t)) != 0 {
		t.Error("a message that was held was given out")
	}
	l.clock.pass(time.Minute)
	if len(l.receive(t)) != 0 {
		t.Error("a message was received too often")
	}
	if n, dead := l.Queued(); n != 0 || len(dead) != 1 {
		t.Errorf("%d, %v", n, dead)
	}
	other := l.queue + "x"
	_, err = l.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &other})
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
}

func TestReadersOfLogsHaveToSignAndToBeAllowed(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{Bucket: "logs", Queue: "q"})
	call := func() (codes []string) {
		_, err := l.trail.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{})
		codes = append(codes, code(err))
		_, err = l.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("logs")})
		codes = append(codes, code(err))
		_, err = l.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &l.queue})
		return append(codes, code(err))
	}
	l.use("AKIAHUB", "wrong", "", home)
	for _, c := range call() {
		if c != "SignatureDoesNotMatch" {
			t.Errorf("with a wrong secret: %s", c)
		}
	}
	_, out := l.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	l.use(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, home)
	for _, c := range call() {
		if c != "AccessDenied" {
			t.Errorf("with a session that may not: %s", c)
		}
	}
}

func TestLogsBreakInTheWaysAWSDoes(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{Bucket: "logs"})
	l.PutObject("logs", "k", bytes.Repeat([]byte("x"), 1000))
	get := func() (int, error) {
		out, err := l.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("logs"), Key: aws.String("k")})
		if err != nil {
			return 0, err
		}
		b, err := io.ReadAll(out.Body)
		return len(b), err
	}
	l.Break("GetObject", Throttle, 1)
	_, err := get()
	wantCode(t, err, "Throttling")
	l.Break("GetObject", HalfBody, 1)
	if n, err := get(); n != 500 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d, %v", n, err)
	}
	l.Break("GetObject", DropAfter, 1)
	if _, err := get(); err == nil {
		t.Error("it was answered")
	}
	l.Break("GetObject", Lie, 1)
	if n, err := get(); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := get(); n != 1000 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestAmendedAndLateRecordsAreToldAsSuch(t *testing.T) {
	t.Parallel()
	l := setupLogs(t, Trail{})
	client, _ := l.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	l.TellLater(time.Hour)
	if err := readOwnRole(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	l.TellLater(0)
	find := func() []types.Event {
		return l.lookup(t, cloudtrail.LookupEventsInput{LookupAttributes: by(types.LookupAttributeKeyUsername, "grt_1")}).Events
	}
	if len(find()) != 0 {
		t.Error("it is told before its time")
	}
	told := l.Told()
	l.clock.pass(time.Hour)
	if l.Amend(told[len(told)-1].ID, "AccessDenied") == "" || l.Amend("none", "") != "" {
		t.Error("what was amended")
	}
	got := find()
	if len(got) != 2 || !strings.Contains(*got[0].CloudTrailEvent+*got[1].CloudTrailEvent, `"addendum":{"reason":"UPDATED_DATA"`) {
		t.Errorf("%v", got)
	}
}
