package activity

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	mostLines = 8 // of each list of a receipt
	mostCited = 5 // rows of each line
)

const ledgerReceipts = "a.receipts" // the last receipt of each grant

// Sum sums up what a grant that has ended was used for, as far as it is known at
// an instant. It writes nothing.
func (l *Log) Sum(v storage.View, g jit.Grant, holdings []jit.Holding, at time.Time) (Receipt, error) {
	r := Receipt{Grant: g.ID, At: at, Number: g.Receipts + 1}
	var err error
	if r.Use, err = UseOf(v, g.ID); err != nil {
		return r, err
	}
	if r.Evidence, err = l.Evidence(v, g, holdings); err != nil {
		return r, err
	}
	r.Verdict = Judge(g, r.Use, r.Evidence)
	did, denied := r.Use.Kinds()
	r.Kinds = did + denied
	return r, l.list(v, &r)
}

// list gathers the lines of a receipt from the grant's rows.
func (l *Log) list(v storage.View, r *Receipt) error {
	did, denied, stray, outlives := map[string]*Line{}, map[string]*Line{}, map[string]*Line{}, map[string]*Line{}
	err := l.Activities(v, r.Grant, 0, func(n int, a jit.Activity) error {
		if a.Outcome == jit.ActivityDenied {
			note(denied, a.Action, n)
			return nil
		}
		note(did, a.Action, n)
		if a.Stray {
			note(stray, a.Resource, n)
		}
		if a.Outcome == jit.ActivityOK && lasting(a.Action) {
			note(outlives, strings.TrimSpace(a.Action+" "+a.Resource), n)
		}
		return nil
	})
	r.Did, r.Denied, r.Stray, r.Outlives = lines(did), lines(denied), lines(stray), lines(outlives)
	return err
}

func note(all map[string]*Line, what string, row int) {
	line := all[what]
	if line == nil {
		line = &Line{What: what}
		all[what] = line
	}
	if line.N++; len(line.Rows) < mostCited {
		line.Rows = append(line.Rows, row)
	}
}

// lines are the most frequent.
func lines(all map[string]*Line) []Line {
	sorted := slices.SortedFunc(maps.Values(all), func(a, b *Line) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What))
	})
	var out []Line
	for _, line := range sorted[:min(len(sorted), mostLines)] {
		out = append(out, *line)
	}
	return out
}

// lasting are actions that leave something behind which goes on working when
// the grant is over: keys, users, roles, trust, rights.
func lasting(action string) bool {
	switch action {
	case "iam:CreateAccessKey", "iam:CreateUser", "iam:CreateRole", "iam:CreateLoginProfile", "iam:UpdateAssumeRolePolicy",
		"iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:AddUserToGroup",
		"iam:CreateServiceSpecificCredential", "iam:UploadSSHPublicKey", "sts:AssumeRole", "sts:GetFederationToken",
		"ec2:RunInstances", "ec2:AuthorizeSecurityGroupIngress", "ssm:StartSession", "lambda:CreateFunction20150331",
		"lambda:AddPermission20150331v2", "s3:PutBucketPolicy", "kms:CreateGrant", "secretsmanager:PutResourcePolicy",
		"cloudtrail:StopLogging", "cloudtrail:DeleteTrail":
		return true
	}
	return strings.HasPrefix(action, "postgres:ROLE")
}

// Keep keeps a receipt as the grant's last.
func (r Receipt) Keep(tx storage.Tx) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", r.Grant, err)
	}
	return tx.SetLeaf(ledgerReceipts, r.Grant, raw)
}

// ReceiptOf is the last receipt of a grant; ok is false where there is none.
func ReceiptOf(v storage.View, grant string) (r Receipt, ok bool, err error) {
	raw, err := leaf(v, ledgerReceipts, grant)
	if err != nil || raw == nil {
		return r, false, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, false, fmt.Errorf("receipt of %s: %w", grant, errLedger)
	}
	return r, true, nil
}
