package analysis

// Limits are the minimums of evidence and the thresholds of all classes. A part
// stands beside the classes it is for.
type Limits struct {
	Usage    UsageLimits    // A1 to A6
	Session  SessionLimits  // A7 to A11
	Approval ApprovalLimits // A12 to A16, A19, A20
	Shape    ShapeLimits    // A17, A18, A21
}

// Standard are the limits that hold. They are a copy: change it freely.
func Standard() *Limits {
	return &Limits{Usage: standardUsage(), Session: standardSession(), Approval: standardApproval(), Shape: standardShape()}
}
