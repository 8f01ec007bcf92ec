package policy

// The keys each mapping of a policy may have. schema.json lists the same, and
// a test compares the two.
var (
	topKeys        = []string{"version", "defaults", "groups", "on_call", "resources", "bundles", "rules", "tests"}
	defaultsKeys   = []string{"timezone", "pending_ttl", "remind_after", "max_duration", "default_duration", "warn_before", "quiet_hours"}
	quietKeys      = []string{"from", "to"}
	rotationKeys   = []string{"start", "every", "members", "timezone"}
	resourceKeys   = []string{"description", "sensitivity", "labels", "owner", "scope", "entitlements"}
	ruleKeys       = []string{"id", "match", "eligible", "on_behalf", "require", "when", "min_duration", "max_duration", "default_duration", "approvals", "auto_approve", "deny", "notify", "escalate", "extend", "break_glass", "urgent", "keep", "pending_ttl", "remind_after", "warn_before"}
	denyKeys       = []string{"id", "match", "eligible", "require", "when", "min_duration", "deny", "notify", "keep"}
	matchKeys      = []string{"resource", "labels", "sensitivity"}
	requireKeys    = []string{"reason", "ticket", "on_call", "hours", "days"}
	ticketKeys     = []string{"open", "assignee"}
	approvalsKeys  = []string{"count", "from", "each", "step_up", "note", "exclude_last"}
	autoKeys       = []string{"max_duration", "hours", "days", "expires", "per_person"}
	notifyKeys     = []string{"channel"}
	escalateKeys   = []string{"after", "to"}
	extendKeys     = []string{"max_total"}
	breakGlassKeys = []string{"eligible", "max_duration", "review_within"}
	testKeys       = []string{"name", "request", "expect"}
	testReqKeys    = []string{"user", "by", "resource", "duration", "reason", "ticket", "on_call", "groups", "at", "break_glass", "incident", "last_approvers"}
	expectKeys     = []string{"outcome", "rule", "approvers", "max_duration", "count"}
)
