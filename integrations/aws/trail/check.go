package trail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
)

// Checks call nothing that changes anything.
var (
	_ bot.Checker = (*lookups)(nil)
	_ bot.Checker = (*listed)(nil)
	_ bot.Checker = (*announced)(nil)
)

func failed(what string, err error, hint string) bot.Finding {
	return bot.Finding{What: what + ": " + err.Error(), Hint: hint}
}

// Check looks a name up that nobody has, in each account and region.
func (s *lookups) Check(ctx context.Context) (found []bot.Finding) {
	for _, account := range s.accounts {
		for _, region := range s.regions {
			found = append(found, s.checkLane(ctx, lane{account, region}))
		}
	}
	return found
}

func (s *lookups) checkLane(ctx context.Context, l lane) bot.Finding {
	what := fmt.Sprintf("source %s: events of account %s in %s", s.name, l.account, l.region)
	client, err := s.client(ctx, l)
	if err == nil {
		_, err = s.page(ctx, client, l, &cloudtrail.LookupEventsInput{
			LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyUsername, AttributeValue: awssdk.String("jitbot-doctor")}},
			MaxResults:       awssdk.Int32(1),
		})
	}
	switch {
	case err == nil:
		return bot.Finding{OK: true, What: what + " can be looked up"}
	case bot.IsPermanent(err):
		return failed(what, err, "Correct the configuration, or name the role to use in that account under aws.accounts.")
	case denied(code(err)):
		return failed(what, err, "Let jitbot call cloudtrail:LookupEvents on * in that account.")
	case code(err) == "UnrecognizedClientException" || code(err) == "InvalidClientTokenId":
		return failed(what, err, "Enable the region in that account, or take it out of regions.")
	}
	return failed(what, err, "See whether AWS can be reached from here, and try again.")
}

// Check lists the bucket, reads a byte of one object, and asks whether the trail
// is on where that is allowed.
func (s *listed) Check(ctx context.Context) []bot.Finding {
	what := fmt.Sprintf("source %s: bucket %s", s.name, s.cfg.Bucket)
	client, err := s.client(ctx)
	if err != nil {
		return []bot.Finding{failed(what, err, "Correct the configuration.")}
	}
	var found []bot.Finding
	for _, account := range s.cfg.Accounts {
		found = append(found, s.checkAccount(ctx, client, account))
	}
	return append(found, s.checkTrail(ctx)...)
}

func (s *listed) checkAccount(ctx context.Context, client *s3.Client, account string) bot.Finding {
	prefix := s.cfg.base() + account + "/CloudTrail/"
	what := fmt.Sprintf("source %s: logs in s3://%s/%s", s.name, s.cfg.Bucket, prefix)
	key, err := s.anyKey(ctx, client, prefix)
	switch {
	case code(err) == "NoSuchBucket":
		return failed(what, err, "Create the trail's bucket or correct the name.")
	case code(err) == "PermanentRedirect":
		return failed(what, err, "Name the bucket's region as region.")
	case err != nil:
		return failed(what, err, "Let jitbot call s3:ListBucket on the bucket, and see that its policy allows it.")
	case key == "":
		return bot.Finding{What: what + ": there are none", Hint: "Correct prefix and accounts, or wait: a new trail delivers after about 15 minutes. For an organization's trail the prefix ends with its id."}
	}
	if err := s.readByte(ctx, client, key); err != nil {
		return failed(what+": they are there but cannot be read", err,
			"Let jitbot call s3:GetObject on them, and kms:Decrypt on the key where they are encrypted with one of your own.")
	}
	return bot.Finding{OK: true, What: what + " can be read"}
}

func (s *listed) anyKey(ctx context.Context, client *s3.Client, prefix string) (string, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	out, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &prefix, MaxKeys: awssdk.Int32(1)})
	if err != nil || len(out.Contents) == 0 {
		return "", err //nolint:wrapcheck // the SDK says which call it was
	}
	return awssdk.ToString(out.Contents[0].Key), nil
}

func (s *listed) readByte(ctx context.Context, client *s3.Client, key string) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.cfg.Bucket, Key: &key, Range: awssdk.String("bytes=0-0")})
	if err == nil {
		err = out.Body.Close()
	}
	return err //nolint:wrapcheck // the SDK says which call it was
}

// checkTrail says whether the trail that fills the bucket is on, where that can
// be seen: it may be another account's.
func (s *listed) checkTrail(ctx context.Context) []bot.Finding {
	cfg, err := s.in(ctx, s.cfg.Account, s.region)
	if err != nil {
		return nil // told above
	}
	client := cloudtrail.NewFromConfig(cfg)
	if reach.CheckEndpoints(client.Options().BaseEndpoint) != nil {
		return nil
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	all, err := client.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{})
	if err != nil {
		return nil // not needed
	}
	at := slices.IndexFunc(all.TrailList, func(t types.Trail) bool { return awssdk.ToString(t.S3BucketName) == s.cfg.Bucket })
	if at < 0 {
		return nil
	}
	name := awssdk.ToString(all.TrailList[at].TrailARN)
	status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &name})
	if err != nil {
		return nil
	}
	what := fmt.Sprintf("source %s: trail %s", s.name, name)
	switch {
	case !awssdk.ToBool(status.IsLogging):
		return []bot.Finding{{What: what + " is off", Hint: "Start its logging: what is done meanwhile is told by nothing."}}
	case awssdk.ToString(status.LatestDeliveryError) != "":
		return []bot.Finding{{What: what + " cannot deliver: " + awssdk.ToString(status.LatestDeliveryError), Hint: "Mend the bucket's policy."}}
	}
	out := bot.Finding{OK: true, What: what + " is on"}
	if !awssdk.ToBool(all.TrailList[at].IsMultiRegionTrail) {
		out.Hint = "It is of one region alone; IAM and sign-ins are told in " + GlobalRegion(s.cfg.Regions[0]) + "."
	}
	return []bot.Finding{out}
}

// Check reads the queue's attributes, and asks to delete a message that cannot
// be there.
func (s *announced) Check(ctx context.Context) []bot.Finding {
	what := fmt.Sprintf("source %s: queue %s", s.name, s.cfg.Queue)
	client, err := s.queueClient(ctx)
	if err != nil {
		return []bot.Finding{failed(what, err, "Correct the configuration.")}
	}
	out, err := s.attributes(ctx, client)
	if err != nil {
		return []bot.Finding{failed(what, err, "Create the queue or correct its URL, and let jitbot call sqs:GetQueueAttributes on it.")}
	}
	found := []bot.Finding{{OK: true, What: what + " is there"}}
	if out["RedrivePolicy"] == "" {
		found[0].Hint = "It has no queue for dead letters: a message that cannot be understood comes back until it is too old."
	}
	if err := s.tryDelete(ctx, client); err != nil {
		found = append(found, failed(what, err, "Let jitbot call sqs:ReceiveMessage, DeleteMessage and ChangeMessageVisibility on it."))
	}
	return append(found, s.checkBuckets(ctx)...)
}

func (s *announced) attributes(ctx context.Context, client *sqs.Client) (map[string]string, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &s.cfg.Queue, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // the SDK says which call it was
	}
	return out.Attributes, nil
}

// tryDelete asks for what AWS refuses as nonsense once it has found it allowed.
func (s *announced) tryDelete(ctx context.Context, client *sqs.Client) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	_, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &s.cfg.Queue, ReceiptHandle: awssdk.String("jitbot-doctor")})
	if denied(code(err)) || err != nil && code(err) == "" {
		return err //nolint:wrapcheck // the SDK says which call it was
	}
	return nil
}

// checkBuckets asks for an object that cannot be there: where its bucket may be
// listed AWS says so, and else that it is refused, which then says nothing.
func (s *announced) checkBuckets(ctx context.Context) (found []bot.Finding) {
	client, err := s.client(ctx)
	if err != nil {
		return nil
	}
	for _, b := range s.cfg.Buckets {
		what := fmt.Sprintf("source %s: bucket %s", s.name, b)
		switch err := s.tryObject(ctx, client, b); {
		case code(err) == "NoSuchKey":
			found = append(found, bot.Finding{OK: true, What: what + " can be read"})
		case denied(code(err)):
			found = append(found, bot.Finding{OK: true, What: what + ": whether objects can be read shows with the first one", Hint: "jitbot may not list it, and need not; see that it may call s3:GetObject on its objects."})
		default:
			found = append(found, failed(what, err, "Create the bucket or correct its name; name its region as bucket_region."))
		}
	}
	return found
}

func (s *announced) tryObject(ctx context.Context, client *s3.Client, bucket string) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: awssdk.String("AWSLogs/jitbot-doctor/" + strings.Repeat("0", 8))})
	if err == nil {
		return errors.Join(out.Body.Close(), errors.New("there is an object that cannot be there"))
	}
	return err //nolint:wrapcheck // the SDK says which call it was
}
