package awsfake

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Center is IAM Identity Center with its identity store. Its names are as AWS
// writes them; only Instance and IdentityStore are needed.
type Center struct {
	Instance       string // ARN
	IdentityStore  string // d-...
	Region         string // its home, where it has to be called; eu-central-1 when empty
	Owner          string // the management account; [Config.Account] when empty
	Accounts       []string
	PermissionSets []PermissionSet
	Users          []StoreUser
	Groups         []StoreGroup
	Assignments    []Assignment // that stood before

	Takes       time.Duration // how long an operation on assignments is in progress
	Outstanding int           // operations at once; 10 when zero
	Rate        float64       // calls a second that sso-admin takes; any number when zero
	Burst       int           // and at once, after a rest; 20 when zero
}

// PermissionSet is what can be assigned. Session is one hour when zero.
type PermissionSet struct {
	ARN, Name string
	Session   time.Duration
}

// StoreUser is a user of the identity store. The id is made of the name.
type StoreUser struct {
	UserName string
	Email    string // may be empty
}

// StoreGroup is a group of the identity store. The id is made of the name.
type StoreGroup struct {
	Name     string
	External bool // kept up by an identity provider
	Members  []string
}

// Assignment gives a user, or a group, a permission set in an account.
type Assignment struct {
	Account, PermissionSet string // id; ARN
	User, Group            string // one of the two, by name
}

// center is what Identity Center is busy with.
type center struct {
	operations []*operationStatus // the last ones, oldest first
	begun      int
	tokens     float64 // calls that may be made at once
	counted    time.Time
	refused    int
}

// operationStatus is an asynchronous operation on one assignment.
type operationStatus struct {
	id            string
	deletes       bool
	thing, who    string // as the ledger has them
	account       string
	begun, done   time.Time
	lie, fails    bool
	settled       bool
	failure       string
	permissionSet string
	principalType string
	principalID   string
}

const (
	maxOperations = 2000 // that are remembered
	ssoTarget     = "SWBExternalService."
	inProgress    = "IN_PROGRESS"
)

var (
	instancePattern      = regexp.MustCompile(`^arn:aws[a-z-]*:sso:::instance/(ssoins-[a-zA-Z0-9-.]{16})$`)
	permissionSetPattern = regexp.MustCompile(`^arn:aws[a-z-]*:sso:::permissionSet/(ssoins-[a-zA-Z0-9-.]{16})/ps-[a-zA-Z0-9-.]{16}$`)
	storePattern         = regexp.MustCompile(`^d-[0-9a-f]{10}$`)
)

// checkCenter refuses what Identity Center would refuse.
func (s *Server) checkCenter() error {
	n := &s.cfg.Center
	if n.Instance == "" {
		return nil
	}
	n.Region, n.Owner = cmp.Or(n.Region, "eu-central-1"), cmp.Or(n.Owner, s.cfg.Account)
	n.Outstanding, n.Burst = cmp.Or(n.Outstanding, 10), cmp.Or(n.Burst, 20)
	n.Accounts = append(n.Accounts, s.cfg.Account)
	s.center.tokens = float64(n.Burst)
	m := instancePattern.FindStringSubmatch(n.Instance)
	if m == nil || !storePattern.MatchString(n.IdentityStore) {
		return fmt.Errorf("instance %q or identity store %q is not one that AWS takes", n.Instance, n.IdentityStore)
	}
	for _, p := range n.PermissionSets {
		if of := permissionSetPattern.FindStringSubmatch(p.ARN); of == nil || of[1] != m[1] {
			return fmt.Errorf("permission set %q is not one of instance %s", p.ARN, n.Instance)
		}
	}
	return errors.Join(s.checkAssignments(), s.checkStoreGroups())
}

func (s *Server) checkAssignments() error {
	for _, a := range s.cfg.Center.Assignments {
		if _, err := s.permissionSet(a.PermissionSet); err != nil || s.principalOf(a) == "" {
			return fmt.Errorf("the assignment %+v names what is not there", a)
		}
	}
	return nil
}

// seedCenter has what stood before come to be, unless a state file knows better.
func (s *Server) seedCenter(now time.Time) {
	n := s.cfg.Center
	for _, a := range n.Assignments {
		thing, who := thingOf(a.Account, a.PermissionSet), s.principalOf(a)
		if len(s.state.Assignments[thing][who]) == 0 {
			s.state.give(s.state.Assignments, thing, who, now)
		}
	}
	for _, g := range n.Groups {
		for _, m := range g.Members {
			if id := s.storeUserID(m); id != "" && len(s.state.StoreMembers[s.groupIDOf(g.Name)][id]) == 0 {
				s.state.give(s.state.StoreMembers, s.groupIDOf(g.Name), id, now)
			}
		}
	}
}

func thingOf(account, permissionSet string) string { return account + " " + permissionSet }

// principalOf writes who an assignment is for as the ledger has it.
func (s *Server) principalOf(a Assignment) string {
	if id := s.storeUserID(a.User); id != "" {
		return "USER " + id
	}
	if slices.ContainsFunc(s.cfg.Center.Groups, func(g StoreGroup) bool { return g.Name == a.Group }) {
		return "GROUP " + s.groupIDOf(a.Group)
	}
	return ""
}

func centerOperations() map[string]operation {
	return map[string]operation{
		ssoTarget + "ListInstances":                           {"sso", (*Server).listInstances},
		ssoTarget + "ListPermissionSets":                      {"sso", (*Server).listPermissionSets},
		ssoTarget + "DescribePermissionSet":                   {"sso", (*Server).describePermissionSet},
		ssoTarget + "ListAccountAssignments":                  {"sso", (*Server).listAssignments},
		ssoTarget + "CreateAccountAssignment":                 {"sso", (*Server).createAssignment},
		ssoTarget + "DeleteAccountAssignment":                 {"sso", (*Server).deleteAssignment},
		ssoTarget + "DescribeAccountAssignmentCreationStatus": {"sso", (*Server).describeCreation},
		ssoTarget + "DescribeAccountAssignmentDeletionStatus": {"sso", (*Server).describeDeletion},
	}
}

// enterCenter keeps to the limits of Identity Center and has what it is busy
// with go on, before a call is looked at.
func (s *Server) enterCenter(c *call) error {
	if s.cfg.Center.Instance == "" {
		return refuse(http.StatusBadRequest, "AccessDeniedException", "There is no IAM Identity Center here.")
	}
	if c.op.service == "sso" && !s.center.takes(s.cfg.Center, c.now) {
		return refuseMore("ThrottlingException", "Rate exceeded", nil)
	}
	return s.settleOperations(c.now)
}

// takes says whether one more call is within the rate, and counts it.
func (n *center) takes(cfg Center, now time.Time) bool {
	if cfg.Rate <= 0 {
		return true
	}
	if n.counted.IsZero() {
		n.counted = now
	}
	n.tokens = min(float64(cfg.Burst), n.tokens+cfg.Rate*now.Sub(n.counted).Seconds())
	n.counted = now
	if n.tokens < 1 {
		n.refused++
		return false
	}
	n.tokens--
	return true
}

// settleOperations lets operations whose time has come take effect.
func (s *Server) settleOperations(now time.Time) error {
	for _, o := range s.center.operations {
		if o.settled || now.Before(o.done) {
			continue
		}
		o.settled = true
		if o.failure == "" && o.fails {
			o.failure = "Received a 409 status error: the role could not be updated, by a fault that was ordered"
		}
		if o.failure != "" {
			continue
		}
		err := s.change(&call{now: o.done, lie: o.lie}, func() {
			if o.deletes {
				s.state.take(s.state.Assignments, o.thing, o.who, o.done)
			} else {
				s.state.give(s.state.Assignments, o.thing, o.who, o.done)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) permissionSet(arn string) (PermissionSet, error) {
	for _, p := range s.cfg.Center.PermissionSets {
		if p.ARN == arn {
			return p, nil
		}
	}
	return PermissionSet{}, refuse(http.StatusBadRequest, "ResourceNotFoundException", "Could not find PermissionSet with id "+arn)
}

// known checks that a call is made at home, of this instance, by somebody who
// may, and that the permission set and the account that it names are there.
func (s *Server) known(c *call, account string) error {
	n := s.cfg.Center
	if c.form.Get("InstanceArn") != n.Instance || c.who.region != n.Region {
		return refuse(http.StatusBadRequest, "ResourceNotFoundException", "Could not find Instance with id "+c.form.Get("InstanceArn"))
	}
	if err := s.permit(c, n.Instance); err != nil {
		return err
	}
	if arn := c.form.Get("PermissionSetArn"); arn != "" {
		if _, err := s.permissionSet(arn); err != nil {
			return err
		}
	}
	if account != "" && !slices.Contains(n.Accounts, account) {
		return refuse(http.StatusBadRequest, "ResourceNotFoundException", "Could not find Account with id "+account)
	}
	return nil
}

func (s *Server) listInstances(c *call) (any, error) {
	if err := s.permit(c, "*"); err != nil {
		return nil, err
	}
	n := s.cfg.Center
	list := []map[string]any{}
	if c.who.region == n.Region {
		list = append(list, map[string]any{
			"InstanceArn": n.Instance, "IdentityStoreId": n.IdentityStore, "OwnerAccountId": n.Owner, "Status": "ACTIVE",
		})
	}
	return map[string]any{"Instances": list}, nil
}

func (s *Server) listPermissionSets(c *call) (any, error) {
	if err := s.known(c, ""); err != nil {
		return nil, err
	}
	var arns []string
	for _, p := range s.cfg.Center.PermissionSets {
		arns = append(arns, p.ARN)
	}
	slices.Sort(arns)
	part, next, err := s.pageOf(arns, c.form.Get("MaxResults"), c.form.Get("NextToken"))
	return withNext(map[string]any{"PermissionSets": part}, next), err
}

func withNext(out map[string]any, next string) map[string]any {
	if next != "" {
		out["NextToken"] = next
	}
	return out
}

func (s *Server) describePermissionSet(c *call) (any, error) {
	if err := s.known(c, ""); err != nil {
		return nil, err
	}
	p, err := s.permissionSet(c.form.Get("PermissionSetArn"))
	out := map[string]any{"Name": p.Name, "PermissionSetArn": p.ARN}
	if p.Session > 0 {
		out["SessionDuration"] = fmt.Sprintf("PT%dM", int(p.Session.Minutes()))
		if p.Session%time.Hour == 0 {
			out["SessionDuration"] = fmt.Sprintf("PT%dH", int(p.Session.Hours()))
		}
	}
	return map[string]any{"PermissionSet": out}, err
}

func (s *Server) listAssignments(c *call) (any, error) {
	account := c.form.Get("AccountId")
	if err := s.known(c, account); err != nil {
		return nil, err
	}
	set := c.form.Get("PermissionSetArn")
	part, next, err := s.pageOf(s.state.Assignments.holders(thingOf(account, set), c.seq), c.form.Get("MaxResults"), c.form.Get("NextToken"))
	list := []map[string]any{}
	for _, who := range part {
		kind, id, _ := strings.Cut(who, " ")
		list = append(list, map[string]any{"AccountId": account, "PermissionSetArn": set, "PrincipalType": kind, "PrincipalId": id})
	}
	return withNext(map[string]any{"AccountAssignments": list}, next), err
}

func (s *Server) createAssignment(c *call) (any, error) { return s.begin(c, false) }

func (s *Server) deleteAssignment(c *call) (any, error) { return s.begin(c, true) }

// begin takes an operation on an assignment. That it cannot work comes out in
// the end only, as with AWS; but what is absent is refused to be deleted.
func (s *Server) begin(c *call, deletes bool) (any, error) {
	account := c.form.Get("TargetId")
	if err := s.known(c, account); err != nil {
		return nil, err
	}
	o := &operationStatus{
		id: fmt.Sprintf("%08d-0000-4000-8000-000000000000", s.center.begun+1), deletes: deletes, account: account,
		permissionSet: c.form.Get("PermissionSetArn"), principalType: c.form.Get("PrincipalType"), principalID: c.form.Get("PrincipalId"),
		begun: c.now, done: c.now.Add(s.cfg.Center.Takes), lie: c.lie, fails: c.fails,
	}
	o.thing, o.who = thingOf(account, o.permissionSet), o.principalType+" "+o.principalID
	if err := s.room(account); err != nil {
		return nil, err
	}
	if deletes && !c.fails && !s.state.Assignments.has(o.thing, o.who, s.state.seq) {
		return nil, refuse(http.StatusBadRequest, "ResourceNotFoundException", "Could not find the account assignment")
	}
	if !deletes && !s.isPrincipal(o.principalType, o.principalID) {
		o.failure = "Received a 404 status error: Principal not found"
	}
	s.center.begun++
	s.center.operations = append(s.center.operations, o)
	if over := len(s.center.operations) - maxOperations; over > 0 {
		s.center.operations = slices.Delete(s.center.operations, 0, over)
	}
	return o.status(inProgress), nil
}

// room refuses an operation while one of the same account is in progress, or
// too many are.
func (s *Server) room(account string) error {
	running := 0
	for _, o := range s.center.operations {
		if o.settled {
			continue
		}
		if running++; o.account == account {
			s.center.refused++
			return refuse(http.StatusBadRequest, "ConflictException", "An operation on account "+account+" is in progress.")
		}
	}
	if running >= s.cfg.Center.Outstanding {
		s.center.refused++
		return refuseMore("ThrottlingException", "Too many operations are in progress", nil)
	}
	return nil
}

// status is the answer that describes the operation.
func (o *operationStatus) status(state string) any {
	out := map[string]any{
		"RequestId": o.id, "Status": state, "PermissionSetArn": o.permissionSet, "TargetId": o.account, "TargetType": "AWS_ACCOUNT",
		"PrincipalType": o.principalType, "PrincipalId": o.principalID, "CreatedDate": o.begun.Unix(),
	}
	if state == "FAILED" {
		out["FailureReason"] = o.failure
	}
	if o.deletes {
		return map[string]any{"AccountAssignmentDeletionStatus": out}
	}
	return map[string]any{"AccountAssignmentCreationStatus": out}
}

func (s *Server) describeCreation(c *call) (any, error) {
	return s.describe(c, c.form.Get("AccountAssignmentCreationRequestId"), false)
}

func (s *Server) describeDeletion(c *call) (any, error) {
	return s.describe(c, c.form.Get("AccountAssignmentDeletionRequestId"), true)
}

func (s *Server) describe(c *call, id string, deletes bool) (any, error) {
	if err := s.known(c, ""); err != nil {
		return nil, err
	}
	for _, o := range s.center.operations {
		switch {
		case o.id != id || o.deletes != deletes:
		case !o.settled:
			return o.status(inProgress), nil
		case o.failure != "":
			return o.status("FAILED"), nil
		default:
			return o.status("SUCCEEDED"), nil
		}
	}
	return nil, refuse(http.StatusBadRequest, "ResourceNotFoundException", "Could not find the request "+id)
}

// Refused is how many calls to sso-admin were over its limits so far.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.center.refused
}

// Assigned returns who holds a permission set in an account now, sorted: users
// by name, groups by name after "group ".
func (s *Server) Assigned(account, permissionSet string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.settleOperations(s.cfg.Now()) // a state file that cannot be written is found by the next call
	var out []string
	for _, who := range s.state.Assignments.holders(thingOf(account, permissionSet), s.state.seq) {
		kind, id, _ := strings.Cut(who, " ")
		if kind == "USER" {
			out = append(out, s.storeUserName(id))
		} else {
			out = append(out, "group "+s.storeGroupName(id))
		}
	}
	slices.Sort(out)
	return out
}

// Assign gives a permission set by hand, as an administrator would.
func (s *Server) Assign(a Assignment) error {
	return s.byHand(func(c *call) {
		if who := s.principalOf(a); who != "" {
			s.state.give(s.state.Assignments, thingOf(a.Account, a.PermissionSet), who, c.now)
		}
	})
}

// Unassign takes one back by hand.
func (s *Server) Unassign(a Assignment) error {
	return s.byHand(func(c *call) {
		s.state.take(s.state.Assignments, thingOf(a.Account, a.PermissionSet), s.principalOf(a), c.now)
	})
}
