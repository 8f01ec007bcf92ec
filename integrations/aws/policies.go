package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

// Limits of what IAM takes, white space not counted.
const (
	maxManaged = 6144 // of a managed policy
	maxTrust   = 2048 // of a trust policy, unless the account has a higher quota
)

var hubARN = regexp.MustCompile(`^arn:(aws(?:-[a-z]+)*):iam::([0-9]{12}):(?:user|role)/[\x21-\x7e]+$`)

// Rights gathers what AWS has to let jitbot do, and who may open the roles that
// people get sessions of. Make it with [NewRights]; parts that read AWS add
// what they need with Allow.
type Rights struct {
	cfg Config
	hub string
	own *needs

	noted []string
}

// NewRights is what jitbot needs to give these entitlements when it works as
// hub, the ARN of its user or role; kinds that are not this package's are left
// out. It lets jitbot write inline policies only on roles that have a
// permissions boundary. An error names the setting or the entitlement that is
// wrong.
func NewRights(cfg Config, hub string, entitlements []jit.Entitlement) (*Rights, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	m := hubARN.FindStringSubmatch(hub)
	if m == nil {
		return nil, fmt.Errorf("%q is not the ARN of an IAM user or role", hub)
	}
	r := &Rights{cfg: cfg, hub: hub, own: &needs{partition: m[1], account: m[2], spokes: map[string]*needs{}, opened: map[string]role{}}}
	r.reach()
	all := kindsOf(nil)
	for _, name := range KindNames() {
		for _, e := range entitlements {
			if e.Kind != name {
				continue
			}
			if err := all[name].need(r.own, e); err != nil {
				return nil, err
			}
		}
	}
	r.look()
	return r, nil
}

// reach lets the hub assume the roles of the other accounts.
func (r *Rights) reach() {
	for account, a := range r.cfg.Accounts {
		r.own.spokes[account] = &needs{partition: r.own.partition, account: account}
		r.own.allow("ReachAccounts", a.Role, "sts:AssumeRole")
	}
}

// look lets each look at its own rights, for `bot doctor`.
func (r *Rights) look() {
	const sid, action = "LookAtOwnRights", "iam:SimulatePrincipalPolicy"
	r.own.allow(sid, r.hub, action)
	for account, n := range r.own.spokes {
		n.allow(sid, r.cfg.Accounts[account].Role, action)
	}
}

// Allow adds what another part of jitbot has to be allowed in an account, empty
// for jitbot's own: a resource for the statement of a name, which always has
// the same actions. S3, SQS and CloudTrail are read in the account they are in.
func (r *Rights) Allow(account, sid, resource string, actions ...string) {
	n := r.own
	if account != "" {
		n = n.in(account)
	}
	n.allow(sid, resource, actions...)
}

// Partition is the partition that jitbot is in.
func (r *Rights) Partition() string { return r.own.partition }

// Note adds what an operator has to know before pasting.
func (r *Rights) Note(text string) { r.noted = append(r.noted, text) }

// Policies are the documents to paste. Text holds each of them, in order.
type Policies struct {
	Hub      Principal   `json:"hub"`
	Accounts []Principal `json:"accounts"` // the roles jitbot assumes elsewhere
	Roles    []Principal `json:"roles"`    // the roles people get sessions of
	Notes    []string    `json:"notes"`    // what is not right yet
}

// Principal is a user or role, and what it has to be given. Permissions are
// empty for roles whose permissions are not jitbot's matter.
type Principal struct {
	ARN         string          `json:"arn"`
	Account     string          `json:"account"`
	Permissions json.RawMessage `json:"permissions,omitempty"`
	Trust       json.RawMessage `json:"trust,omitempty"`
}

// Policies writes what was gathered.
func (r *Rights) Policies() Policies {
	out := Policies{
		Hub:      Principal{ARN: r.hub, Account: r.own.account, Permissions: r.own.document()},
		Accounts: []Principal{}, Roles: []Principal{}, Notes: []string{},
	}
	for _, account := range slices.Sorted(maps.Keys(r.own.spokes)) {
		arn := r.cfg.Accounts[account].Role
		out.Accounts = append(out.Accounts, Principal{
			ARN: arn, Account: account, Permissions: r.own.spokes[account].document(), Trust: r.trustsHub(account),
		})
	}
	for _, arn := range slices.Sorted(maps.Keys(r.own.opened)) {
		account := r.own.opened[arn].account
		out.Roles = append(out.Roles, Principal{ARN: arn, Account: account, Trust: r.trustsMint(account)})
	}
	out.Notes = append(out.Notes, r.notes(out)...)
	return out
}

// trusting is a trust policy that names one principal.
type trusting struct {
	Version   string
	Statement []trustingOne
}

type trustingOne struct {
	Sid, Effect string
	Principal   map[string]string
	Action      []string
	Condition   map[string]map[string][]string
}

// trusts lets jitbot assume a role: with the account's external id, and where
// the request has values like these.
func (r *Rights) trusts(account, sid string, like map[string][]string, actions ...string) trustingOne {
	conditions := map[string]map[string][]string{"StringLike": like}
	if id := r.cfg.Reach().ExternalIDOf(account); id != "" {
		conditions["StringEquals"] = map[string][]string{"sts:ExternalId": {id}}
	}
	return trustingOne{sid, "Allow", map[string]string{"AWS": r.hub}, actions, conditions}
}

// trustsHub lets jitbot work in an account.
func (r *Rights) trustsHub(account string) json.RawMessage {
	return policyText(trusting{"2012-10-17", []trustingOne{
		r.trusts(account, "JitbotWorksHere", map[string][]string{"sts:RoleSessionName": {reach.HubSession}}, "sts:AssumeRole"),
	}})
}

// trustsMint lets jitbot open sessions that are named after grants, for people
// of the company. Tags stand in a statement of their own, with the one key that
// AWS documents for them: on what else their permission may hang it does not say.
func (r *Rights) trustsMint(account string) json.RawMessage {
	like := map[string][]string{"sts:RoleSessionName": {"grt_*"}}
	for _, domain := range slices.Compact(slices.Sorted(slices.Values(r.cfg.Domains))) {
		like["sts:SourceIdentity"] = append(like["sts:SourceIdentity"], "*@"+domain)
	}
	return policyText(trusting{"2012-10-17", []trustingOne{
		r.trusts(account, "JitbotOpensSessions", like, "sts:AssumeRole", "sts:SetSourceIdentity"),
		{"JitbotTagsSessions", "Allow", map[string]string{"AWS": r.hub}, []string{"sts:TagSession"}, map[string]map[string][]string{"StringLike": {"aws:RequestTag/jit-grant": {"grt_*"}}}},
	}})
}

// notes say what an operator has to know before pasting.
func (r *Rights) notes(p Policies) (notes []string) {
	notes = slices.Clone(r.noted)
	for _, account := range r.own.strange {
		notes = append(notes, fmt.Sprintf("jitbot does not reach account %s: name a role there under aws.accounts, or no access in it can be ended", account))
	}
	for _, n := range append([]Principal{p.Hub}, p.Accounts...) {
		if size := nonSpace(n.Permissions); size > maxManaged {
			notes = append(notes, fmt.Sprintf("the permissions of %s have %d characters, and a managed policy takes %d: attach them as several", n.ARN, size, maxManaged))
		}
	}
	for _, n := range append(slices.Clone(p.Accounts), p.Roles...) {
		if size := nonSpace(n.Trust); size > maxTrust {
			notes = append(notes, fmt.Sprintf("the trust policy of %s has %d characters, and AWS takes %d unless the quota is raised", n.ARN, size, maxTrust))
		}
		if !strings.HasPrefix(n.ARN, "arn:"+r.own.partition+":") {
			notes = append(notes, fmt.Sprintf("%s is of another partition than jitbot, which cannot assume it: run one jitbot in each", n.ARN))
		}
	}
	if len(r.own.opened) > 0 && r.cfg.ExternalID == "" {
		notes = append(notes, "aws.external_id is not set: with one, another installation that shares jitbot's account cannot open these roles")
	}
	return notes
}

func (n *needs) document() json.RawMessage {
	return policyText(permissions{"2012-10-17", n.statements})
}

// policyText writes a policy as people paste it.
func policyText(doc any) json.RawMessage {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		panic("aws: policy document: " + err.Error()) // strings only: cannot fail
	}
	return bytes.TrimSpace(text.Bytes())
}

// nonSpace counts a document the way IAM's limits do.
func nonSpace(doc []byte) int { return len(bytes.Join(bytes.Fields(doc), nil)) }

// Text writes the documents under headings, each ready to be pasted.
func (p Policies) Text() string {
	var b strings.Builder
	part := func(title string, doc json.RawMessage) {
		if len(doc) > 0 {
			fmt.Fprintf(&b, "# %s\n%s\n\n", title, doc)
		}
	}
	part("Permissions of jitbot itself, "+p.Hub.ARN, p.Hub.Permissions)
	for _, a := range p.Accounts {
		part("Account "+a.Account+": permissions of "+a.ARN, a.Permissions)
		part("Account "+a.Account+": trust policy of "+a.ARN, a.Trust)
	}
	for _, a := range p.Roles {
		part("Account "+a.Account+": trust policy of "+a.ARN, a.Trust)
	}
	return b.String()
}

// Only keeps what is to be pasted in one account.
func (p Policies) Only(account string) Policies {
	elsewhere := func(n Principal) bool { return n.Account != account }
	if elsewhere(p.Hub) {
		p.Hub.Permissions = nil
	}
	p.Accounts = slices.DeleteFunc(slices.Clone(p.Accounts), elsewhere)
	p.Roles = slices.DeleteFunc(slices.Clone(p.Roles), elsewhere)
	return p
}
