package history

import (
	"errors"
	"fmt"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// ErrNotKept says that a policy was not kept.
var ErrNotKept = errors.New("that policy was not kept")

// PoliciesOf finds the policies that a store has kept. Each is loaded once, as o
// says, and is good after the view. It is for one goroutine while the view lasts.
func PoliciesOf(v storage.View, o policy.Options) Policies {
	o.WarnUnreachable = true // it was in force, whatever is thought of such rules now
	return &keptPolicies{v: v, o: o, known: map[string]answer{}}
}

type keptPolicies struct {
	v     storage.View
	o     policy.Options
	known map[string]answer
}

type answer struct {
	p   *policy.Policy
	err error
}

// Policy implements [Policies].
func (k *keptPolicies) Policy(sha256 string) (*policy.Policy, error) {
	a, ok := k.known[sha256]
	if !ok {
		a.p, a.err = k.load(sha256)
		k.known[sha256] = a
	}
	return a.p, a.err
}

func (k *keptPolicies) load(sha256 string) (*policy.Policy, error) {
	if sha256 == "" {
		return nil, ErrNotKept
	}
	archive, err := k.v.Leaf(policy.Ledger, sha256)
	if isNone(err) {
		return nil, ErrNotKept
	}
	if err != nil {
		return nil, err
	}
	p, err := policy.LoadArchive("policy "+sha256[:min(12, len(sha256))], archive, k.o)
	if err == nil && p.SHA256() != sha256 {
		err = fmt.Errorf("policy %s is kept with other bytes", sha256)
	}
	return p, err
}

// LastPolicy is the digest of the policy that came into force last; empty: the
// log says of none.
func LastPolicy(v storage.View) (sha256 string, err error) {
	last := int64(-1)
	for _, kind := range []string{jit.EventStarted, jit.EventPolicyLoaded} {
		newest, err := v.Events(storage.EventFilter{Kind: kind, Newest: true, Limit: 1})
		if err != nil {
			return "", err
		}
		if len(newest) == 1 && newest[0].Seq > last {
			last, sha256 = newest[0].Seq, newest[0].PolicySHA256
		}
	}
	return sha256, nil
}
