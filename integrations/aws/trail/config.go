package trail

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is one source that tells from CloudTrail; exactly one of its parts is
// given.
type Config struct {
	// Lookup asks CloudTrail itself what was done by the sessions of grants: the
	// last 90 days and management events, nothing to set up.
	Lookup *Lookup `yaml:"lookup"`
	// S3 lists the bucket that a trail delivers to.
	S3 *Bucket `yaml:"s3"`
	// SQS hears of objects in such buckets, or of single events, over a queue.
	SQS *Queue `yaml:"sqs"`
}

// Lookup is what is looked up.
type Lookup struct {
	// Accounts are those whose grants are looked for. Needed.
	Accounts []string `yaml:"accounts"`
	// Regions are where people work; the partition's global region, where IAM
	// and sign-ins are told, always comes on top. Needed.
	Regions []string `yaml:"regions"`
}

// Bucket is a bucket with logs.
type Bucket struct {
	// Bucket is its name. Needed.
	Bucket string `yaml:"bucket"`
	// Prefix is what stands before AWSLogs/ in its keys; for a trail of an
	// organization all up to and with its id: logs/AWSLogs/o-a1b2c3d4e5.
	Prefix string `yaml:"prefix"`
	// Region is the bucket's. Empty: aws.region.
	Region string `yaml:"region"`
	// Account is the one through which the bucket is read. Empty: jitbot's own.
	Account string `yaml:"account"`
	// Accounts and Regions are those whose logs are read. Needed.
	Accounts []string `yaml:"accounts"`
	Regions  []string `yaml:"regions"`
	// SilentAfter is for how long no object means that nothing was done; after
	// that it means that the trail does not work. Zero: 1h.
	SilentAfter time.Duration `yaml:"silent_after"`
	// DataEvents are the services whose data events the trail logs: [s3, lambda],
	// or [all]. Empty: none, as AWS has it unless it is told otherwise.
	DataEvents []string `yaml:"data_events"`
}

// Queue is a queue that is told of objects or of events.
type Queue struct {
	// Queue is its URL. Needed.
	Queue string `yaml:"queue"`
	// Region is the queue's. Empty: as the URL says, else aws.region.
	Region string `yaml:"region"`
	// Buckets may be read; a message that names another one is refused. Needed,
	// unless the queue brings single events.
	Buckets []string `yaml:"buckets"`
	// BucketRegion is where they are. Empty: the queue's region.
	BucketRegion string `yaml:"bucket_region"`
	// Account is the one through which both are reached. Empty: jitbot's own.
	Account string `yaml:"account"`
	// Accounts are those whose logs come this way. Needed.
	Accounts []string `yaml:"accounts"`
	// SilentAfter and DataEvents are as those of a bucket.
	SilentAfter time.Duration `yaml:"silent_after"`
	DataEvents  []string      `yaml:"data_events"`
}

const (
	defaultSilence = time.Hour
	shortestSilent = 10 * time.Minute
)

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	serviceID  = regexp.MustCompile(`^[a-z0-9-]+$`)
	queuePath  = regexp.MustCompile(`^/[0-9]{12}/[A-Za-z0-9_-]{1,80}(\.fifo)?$`)
)

// Check reports what is wrong with c by the key it stands at.
func (c *Config) Check(report func(key, text string)) {
	given := 0
	for _, is := range []bool{c.Lookup != nil, c.S3 != nil, c.SQS != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		report("", "give one of lookup, s3 and sqs")
	}
}

// Check reports what is wrong with l by the key it stands at.
func (l *Lookup) Check(report func(key, text string)) {
	checkAll(report, "accounts", l.Accounts, accountID, "the twelve digits of an account, in quotes")
	checkAll(report, "regions", l.Regions, regionName, "a region such as eu-central-1")
	for _, r := range l.Regions {
		if Partition(r) != Partition(l.Regions[0]) {
			report("regions", "all have to be in one partition; run one jitbot in each")
			break
		}
	}
}

// Check reports what is wrong with b by the key it stands at.
func (b *Bucket) Check(report func(key, text string)) {
	if !bucketName.MatchString(b.Bucket) {
		report("bucket", fmt.Sprintf("%q is not the name of a bucket", b.Bucket))
	}
	if strings.Contains(b.Prefix, "//") || strings.HasPrefix(b.Prefix, "/") {
		report("prefix", "write it as it stands in the keys, without a slash before it")
	}
	checkOne(report, "region", b.Region, regionName)
	checkOne(report, "account", b.Account, accountID)
	checkAll(report, "accounts", b.Accounts, accountID, "the twelve digits of an account, in quotes")
	checkAll(report, "regions", b.Regions, regionName, "a region such as eu-central-1")
	checkCommon(report, b.SilentAfter, b.DataEvents)
}

// Check reports what is wrong with q by the key it stands at.
func (q *Queue) Check(report func(key, text string)) {
	u, err := url.Parse(q.Queue)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !queuePath.MatchString(u.Path) {
		report("queue", "write the queue's URL, such as https://sqs.eu-central-1.amazonaws.com/111122223333/jitbot-trail")
	}
	for _, name := range q.Buckets {
		if !bucketName.MatchString(name) {
			report("buckets", fmt.Sprintf("%q is not the name of a bucket", name))
		}
	}
	checkOne(report, "region", q.Region, regionName)
	checkOne(report, "bucket_region", q.BucketRegion, regionName)
	checkOne(report, "account", q.Account, accountID)
	checkAll(report, "accounts", q.Accounts, accountID, "the twelve digits of an account, in quotes")
	checkCommon(report, q.SilentAfter, q.DataEvents)
}

func checkOne(report func(key, text string), key, value string, shape *regexp.Regexp) {
	if value != "" && !shape.MatchString(value) {
		report(key, fmt.Sprintf("%q cannot be one", value))
	}
}

func checkAll(report func(key, text string), key string, values []string, shape *regexp.Regexp, what string) {
	if len(values) == 0 {
		report(key, "name at least one: "+what)
	}
	for i, v := range values {
		if !shape.MatchString(v) {
			report(key, fmt.Sprintf("%q is not %s", v, what))
		} else if slices.Contains(values[:i], v) {
			report(key, fmt.Sprintf("%q is given twice", v))
		}
	}
}

func checkCommon(report func(key, text string), silent time.Duration, events []string) {
	if silent != 0 && silent < shortestSilent {
		report("silent_after", fmt.Sprintf("%s is shorter than what AWS takes to deliver; at least %s", silent, shortestSilent))
	}
	for _, e := range events {
		if !serviceID.MatchString(e) {
			report("data_events", fmt.Sprintf("%q is not a service such as s3; write [all] where all are logged", e))
		} else if e == "all" && len(events) > 1 {
			report("data_events", "all stands alone")
		}
	}
}

// check returns everything that is wrong, where no file was read.
func (c *Config) check() error {
	var errs []error
	report := func(key, text string) {
		errs = append(errs, errors.New(strings.Trim("cloudtrail."+key+": ", ".")+text))
	}
	c.Check(report)
	if c.Lookup != nil {
		c.Lookup.Check(report)
	}
	if c.S3 != nil {
		c.S3.Check(report)
	}
	if c.SQS != nil {
		c.SQS.Check(report)
	}
	return errors.Join(errs...)
}

// dataServices are those whose data events AWS logs only where it is told to.
var dataServices = []string{"dynamodb", "ebs", "kinesis", "lambda", "rds-data", "s3", "sns", "sqs"}

// unlogged are the services of which only management is told.
func unlogged(logged []string) []string {
	if slices.Contains(logged, "all") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(dataServices), func(s string) bool { return slices.Contains(logged, s) })
}

// GlobalRegion is where a region's partition tells of what is in no region.
func GlobalRegion(region string) string {
	switch Partition(region) {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// withGlobal adds the global region.
func withGlobal(regions []string) []string {
	out := slices.Clone(regions)
	if g := GlobalRegion(regions[0]); !slices.Contains(out, g) {
		out = append(out, g)
	}
	return out
}
