package jit

// Entitlement is one concrete thing a resource gives: an AWS role session, an
// IAM group. Kind names the provisioner that gives it (aws_session); Params
// are that kind's settings as the policy spells them, with files already
// replaced by their content.
type Entitlement struct {
	Kind   string            `json:"kind"`
	Params map[string]string `json:"params"`
}
