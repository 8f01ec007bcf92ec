// Package activity measures how fast CloudTrail files are read and what they
// tell is brought home to grants: jitbot's shipped path, the least it can cost,
// and other decoders, over the same files.
package activity

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand"
	"strings"
	"time"
)

// Grant is one stretch of access of one person to one role.
type Grant struct {
	ID                  int
	User, Account, Role string
	From, To            time.Time
}

const (
	grantCount   = 10000
	userCount    = 800
	accountCount = 40
	perFile      = 1000
)

var (
	week  = time.Date(2026, time.September, 21, 0, 0, 0, 0, time.UTC)
	roles = []string{"ReadOnly", "Developer", "Admin", "Billing", "BreakGlass"}
	spans = []int{900, 3600, 14400}
)

func accountOf(i int) string { return fmt.Sprintf("%012d", 100000000000+int64(i)*7919) }
func userOf(i int) string    { return fmt.Sprintf("user%04d@example.com", i) }

// GenGrants makes the grants of a week. Every fourth is never used.
func GenGrants() []Grant {
	r := rand.New(rand.NewSource(7))
	out := make([]Grant, grantCount)
	for i := range out {
		from := week.Add(time.Duration(r.Intn(7*86400-14400)) * time.Second)
		g := Grant{ID: i, User: userOf(r.Intn(userCount)), Account: accountOf(r.Intn(accountCount)), Role: roles[r.Intn(5)], From: from}
		g.To = from.Add(time.Duration(spans[r.Intn(3)]) * time.Second)
		out[i] = g
	}
	return out
}

// call is one kind of API call, with the forms of what is asked and answered.
type call struct {
	source, name    string
	reads           bool
	request, answer string
}

var requests = []string{
	`{"instancesSet":{"items":[{"instanceId":"i-0%09x"},{"instanceId":"i-1%09x"}]},"filterSet":{"items":[{"name":"tag:Name","valueSet":{"items":[{"value":"checkout-*"}]}}]},"maxResults":1000}`,
	`{"bucketName":"prod-data-%06x","Host":"prod-data-%06x.s3.eu-central-1.amazonaws.com","prefix":"year=2026/month=11/","max-keys":"1000","encoding-type":"url"}`,
	`{"roleName":"svc-%06x","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess","description":"a \"quoted\" text, with \\ and \u00e9 %06x"}`,
	`{"tableName":"orders-%04x","key":{"pk":{"s":"order#%08x"}},"consistentRead":false}`,
}

func calls() []call {
	services := strings.Fields("ec2 s3 iam sts kms rds lambda dynamodb logs ecs eks secretsmanager ssm cloudformation sqs sns autoscaling elasticloadbalancing cloudfront route53")
	verbs, nouns := strings.Fields("Describe List Get Create Update Delete"), strings.Fields("Instances Policies Configuration Resource")
	var out []call
	for i, s := range services {
		for j, v := range verbs {
			for k, n := range nouns {
				c := call{source: s + ".amazonaws.com", name: v + n, reads: j < 3, request: requests[(i+j+k)%4], answer: "null"}
				if !c.reads {
					c.answer = `{"requestId":"%08x-7d11-4b5c-9c0e-5a0c9b8f3b77","_return":true,"resource":{"arn":"arn:aws:` + s +
						`:eu-central-1:123456789012:thing/%08x","status":"pending","createdDate":"Nov 23, 2026 1:12:44 PM"}}`
				}
				out = append(out, c)
			}
		}
	}
	return out
}

var agents = []string{
	"aws-cli/2.31.18 md/awscrt#0.28.2 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.9 md/pyimpl#CPython m/E,b,Z,C cfg/retry-mode#standard md/installer#source sid/8e5b1d7f2a44 md/command#ec2.describe-instances",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	"APN/1.0 HashiCorp/1.0 Terraform/1.14.0 (+https://www.terraform.io) terraform-provider-aws/6.22.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.40.0 ua/2.1 os/linux lang/go#1.25.4 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.276.0",
	"Boto3/1.41.2 md/Botocore#1.41.2 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.12.12 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.41.2",
}

// GenFile makes the i-th file, the same one for the same i: four in five of its
// records are of a grant.
func GenFile(i int, grants []Grant) []byte {
	all := calls()
	r := rand.New(rand.NewSource(int64(i) + 1000))
	often := rand.NewZipf(r, 1.2, 8, uint64(len(all)-1))
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for k := range perFile {
		if k > 0 {
			b.WriteByte(',')
		}
		at := week.Add(time.Duration(r.Intn(7*86400)) * time.Second)
		user, role, account := userOf(r.Intn(userCount)), roles[r.Intn(5)], accountOf(r.Intn(accountCount))
		if r.Intn(100) < 80 {
			g := grants[r.Intn(len(grants))]
			if g.ID%4 == 0 {
				g = grants[g.ID+1]
			}
			user, role, account = g.User, g.Role, g.Account
			at = g.From.Add(time.Duration(r.Intn(int(g.To.Sub(g.From)/time.Second))) * time.Second)
		}
		writeRecord(&b, r, all[often.Uint64()], at.Format(time.RFC3339), user, role, account)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func writeRecord(b *bytes.Buffer, r *rand.Rand, c call, at, user, role, account string) {
	owner, key := r.Uint64(), r.Uint64()
	issuer := "AWSReservedSSO_" + role + "_0123456789abcdef"
	fmt.Fprintf(b, `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROA%016X:%s","arn":"arn:aws:sts::%s:assumed-role/%s/%s",`,
		key, user, account, issuer, user)
	fmt.Fprintf(b, `"accountId":"%s","accessKeyId":"ASIA%016X","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA%016X",`, account, owner, key)
	fmt.Fprintf(b, `"arn":"arn:aws:iam::%s:role/aws-reserved/sso.amazonaws.com/eu-central-1/%s","accountId":"%s","userName":"%s"},`, account, issuer, account, issuer)
	fmt.Fprintf(b, `"attributes":{"creationDate":"%s","mfaAuthenticated":"false"}}},`, at)
	fmt.Fprintf(b, `"eventTime":"%s","eventSource":"%s","eventName":"%s","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.%d","userAgent":"%s",`,
		at, c.source, c.name, r.Intn(256), agents[r.Intn(len(agents))])
	if r.Intn(100) < 4 {
		b.WriteString(`"errorCode":"AccessDenied","errorMessage":"User is not authorized to perform this action because no identity-based policy allows it",`)
	}
	b.WriteString(`"requestParameters":`)
	fmt.Fprintf(b, c.request, r.Intn(1<<20), r.Intn(1<<20))
	b.WriteString(`,"responseElements":`)
	if c.reads {
		b.WriteString(c.answer)
	} else {
		fmt.Fprintf(b, c.answer, r.Uint32(), r.Uint32())
	}
	fmt.Fprintf(b, `,"requestID":"%s","eventID":"%s",`, randomID(r, '9'), randomID(r, '8'))
	fmt.Fprintf(b, `"readOnly":%v,"resources":[{"accountId":"%s","type":"AWS::Generic::Resource","ARN":"arn:aws:%s:::thing/%06x"}],`,
		c.reads, account, c.source[:2], r.Intn(4096))
	fmt.Fprintf(b, `"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"%s","eventCategory":"Management",`, account)
	fmt.Fprintf(b, `"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s"}}`, c.source)
}

func randomID(r *rand.Rand, variant byte) string {
	return fmt.Sprintf("%08x-%04x-4%03x-%c%03x-%012x", r.Uint32(), r.Intn(65536), r.Intn(4096), variant, r.Intn(4096), r.Int63()&0xffffffffffff)
}

// Zip packs a file as CloudTrail does.
func Zip(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(plain) // into memory
	_ = w.Close()
	return b.Bytes()
}
