package trail

import (
	"strings"
)

// Need is something that jitbot has to be allowed for a source.
type Need struct {
	Account   string   // where; empty: jitbot's own
	Actions   []string // of IAM
	Resources []string // ARNs
	Why       string
	Optional  bool // only bot doctor is the poorer without it
}

// Needs are what a source needs to be allowed in a partition.
func Needs(cfg Config, partition string) []Need {
	switch {
	case cfg.Lookup != nil:
		return needsOfLookup(*cfg.Lookup)
	case cfg.S3 != nil:
		b := *cfg.S3
		out := []Need{readObjects(b.Account, partition, b.Bucket, b.base())}
		out = append(out, Need{
			Account: b.Account, Actions: []string{"s3:ListBucket"}, Resources: []string{bucketARN(partition, b.Bucket)}, Why: "find new logs",
		}, decrypt(b.Account, partition))
		return append(out, trailStatus(b.Account))
	case cfg.SQS != nil:
		return needsOfQueue(*cfg.SQS, partition)
	}
	return nil
}

func needsOfLookup(l Lookup) []Need {
	var out []Need
	for _, a := range l.Accounts {
		out = append(out, Need{Account: a, Actions: []string{"cloudtrail:LookupEvents"}, Resources: []string{"*"}, Why: "look up what sessions of grants did"})
	}
	return out
}

func needsOfQueue(q Queue, partition string) []Need {
	out := []Need{{
		Account:   q.Account,
		Actions:   []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"},
		Resources: []string{queueARN(q, partition)}, Why: "hear of new logs",
	}}
	for _, b := range q.Buckets {
		out = append(out, readObjects(q.Account, partition, b, ""))
	}
	return append(out, decrypt(q.Account, partition))
}

func readObjects(account, partition, bucket, under string) Need {
	return Need{Account: account, Actions: []string{"s3:GetObject"}, Resources: []string{bucketARN(partition, bucket) + "/" + under + "*"}, Why: "read logs"}
}

func decrypt(account, partition string) Need {
	return Need{
		Account: account, Actions: []string{"kms:Decrypt"}, Resources: []string{"arn:" + partition + ":kms:*:*:key/*"},
		Why: "only where the logs or the queue are encrypted with a key of your own: name that key", Optional: true,
	}
}

func trailStatus(account string) Need {
	return Need{
		Account: account, Actions: []string{"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus"}, Resources: []string{"*"},
		Why: "bot doctor can say whether the trail is on", Optional: true,
	}
}

func bucketARN(partition, bucket string) string { return "arn:" + partition + ":s3:::" + bucket }

// queueARN is the ARN of a queue, by its URL.
func queueARN(q Queue, partition string) string {
	path := strings.Split(q.Queue, "/")
	account, name := path[max(len(path)-2, 0)], path[len(path)-1]
	region := q.Region
	if region == "" {
		region = regionOf(q.Queue)
	}
	if region == "" {
		region = "*"
	}
	return strings.Join([]string{"arn", partition, "sqs", region, account, name}, ":")
}
