package analysis

import (
	"slices"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

func subjects(all []Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.Subject)
	}
	slices.Sort(out)
	return out
}

func TestRightsThatNobodyUsesAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	describe := jit.Activity{Action: "rds:DescribeDBInstances", ReadOnly: true}
	for _, c := range []struct {
		name  string
		build func(w *world)
		want  []string
	}{
		{"59 sessions for services", func(w *world) { w.n(59).did(1, describe) }, []string{"s3:*", "sqs:*"}},
		{"58 are one too few", func(w *world) { w.n(58).did(1, describe) }, nil},
		{"150 for an action", func(w *world) { w.n(150).did(1, describe) }, []string{"rds:DeleteDBInstance", "s3:*", "sqs:*"}},
		{"149 are one too few", func(w *world) { w.n(149).did(1, describe) }, []string{"s3:*", "sqs:*"}},
		{"done in one of 149", func(w *world) {
			w.n(149).did(1, describe)
			w.n(1).did(1, describe).did(1, jit.Activity{Action: "rds:DeleteDBInstance"}).did(1, jit.Activity{Action: "s3:GetObject"})
		}, []string{"sqs:*"}},
		{"done and failed", func(w *world) {
			w.n(150).did(1, describe)
			w.n(1).did(1, jit.Activity{Action: "rds:DeleteDBInstance", Outcome: jit.ActivityFailed})
		}, []string{"s3:*", "sqs:*"}},
		{"only denied", func(w *world) {
			w.n(150).did(1, describe).did(1, jit.Activity{Action: "sqs:SendMessage", Outcome: jit.ActivityDenied})
		}, []string{"rds:DeleteDBInstance", "s3:*", "sqs:*"}},
		{"what is not logged stays", func(w *world) {
			w.n(150).did(1, describe).each(func(c *history.Case) { c.Grant.Evidence.Unlogged = []string{"s3", "sqs"} })
		}, []string{"rds:DeleteDBInstance"}},
		{"not logged for some is not logged", func(w *world) {
			w.n(150).did(1, describe)
			w.n(1).did(1, describe).each(func(c *history.Case) { c.Grant.Evidence.Unlogged = []string{"s3"} })
		}, []string{"rds:DeleteDBInstance", "sqs:*"}},
		{"less than five weeks are too short for what is monthly", func(w *world) {
			w.n(150).did(1, describe).each(func(c *history.Case) { c.Grant.From = noon.Add(-34 * day) })
			w.n(1).did(1, describe).each(func(c *history.Case) { c.Grant.From = noon.Add(-1 * time.Hour); c.Grant.Ended = noon })
		}, nil},
		{"sessions of which not all is known", func(w *world) {
			w.n(150).did(1, describe).each(func(c *history.Case) { c.Grant.Evidence.Complete = false })
		}, nil},
		{"sessions of which nothing is known", func(w *world) {
			w.n(150).did(1, describe).each(func(c *history.Case) { c.Grant.Evidence = nil })
		}, nil},
		{"nobody knows what it grants", func(w *world) { w.n(150).of("cache").did(1, describe) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.build(w)
			got := w.find(unexercised)
			if !slices.Equal(subjects(got), c.want) && len(got)+len(c.want) > 0 {
				t.Errorf("%v, want %v", subjects(got), c.want)
			}
			for _, f := range got {
				if len(f.Edits) > 0 || f.Rule != "db" || f.Sentence == "" || len(f.Evidence) == 0 {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestRightsAreReadFromSessionPolicies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a list":           {`{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","rds:*"]}]}`, []string{"rds:*", "s3:GetObject"}},
		"one statement":    {`{"Statement":{"Effect":"Allow","Action":"s3:GetObject"}}`, []string{"s3:GetObject"}},
		"denied elsewhere": {`{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"]},{"Effect":"Deny","Action":"s3:PutObject"}]}`, []string{"s3:GetObject"}},
		"all of AWS":       {`{"Statement":[{"Effect":"Allow","Action":"*"}]}`, nil},
		"all but some":     {`{"Statement":[{"Effect":"Allow","NotAction":"iam:*"}]}`, nil},
		"no JSON":          {`{`, nil},
		"nothing":          {``, nil},
	} {
		got, _ := rightsOf(policy.Resource{Entitlements: []jit.Entitlement{{Kind: "aws_session", Params: map[string]string{"session_policy": c.text}}}})
		var patterns []string
		for _, r := range got {
			patterns = append(patterns, r.pattern)
		}
		if !slices.Equal(patterns, c.want) {
			t.Errorf("%s: %v, want %v", name, patterns, c.want)
		}
	}
}

func TestActionsUseTheRightsThatAWSNamesOtherwise(t *testing.T) {
	t.Parallel()
	for action, pattern := range map[string]string{
		"s3:ListObjectsV2": "s3:ListBucket", "s3:UploadPart": "s3:Put*", "s3:HeadObject": "s3:GetObject", "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
		"lambda:Invoke": "lambda:InvokeFunction", "monitoring:GetMetricData": "cloudwatch:Get*", "rds.amazonaws.com:DescribeDBInstances": "rds:DescribeDBInstances", "lambda.amazonaws.com:Invoke": "lambda:InvokeFunction", "lambda:CreateFunction20150331": "lambda:CreateFunction", "rds:DescribeDBInstances": "rds:Describe*",
		"s3:DeleteObjects": "s3:DeleteObject", "s3:CopyObject": "s3:GetObject", "dynamodb:BatchGetItem": "dynamodb:GetItem", "s3:ListBuckets": "s3:ListAllMyBuckets",
	} {
		rights, ok := rightsOf(policy.Resource{Entitlements: []jit.Entitlement{{Kind: "aws_session", Params: map[string]string{
			"session_policy": `{"Statement":{"Effect":"Allow","Action":"` + pattern + `"}}`,
		}}}})
		if !ok || !rights[0].seen(rightsFor(action)) {
			t.Errorf("%s does not use %s", action, pattern)
		}
		if rights[0].seen([]string{"ec2:runinstances"}) {
			t.Errorf("%s is used by anything", pattern)
		}
	}
}
