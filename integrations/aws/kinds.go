package aws

import (
	"context"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
)

// kind is one kind of entitlement; each has a file of its own. The methods are
// those of [bot.Provisioner] for holdings of that kind; their errors are dressed
// by the [Provisioner], which marks what trying again cannot mend.
type kind interface {
	// settings are what it takes in a policy file.
	settings() policy.Kind
	target(h jit.Holding) (string, error)
	apply(ctx context.Context, h jit.Holding) error
	remove(ctx context.Context, h jit.Holding) error
	observe(ctx context.Context, h jit.Holding) (bot.Observation, error)
	// check returns what looks at an entitlement, and the name of the thing it
	// looks at, by which two entitlements of one thing are looked at once.
	check(e jit.Entitlement) (name string, look func(context.Context) []bot.Finding)
	// need adds what jitbot has to be allowed to give e, in the account it is in.
	need(n *needs, e jit.Entitlement) error
}

// kindsOf are all kinds, by name, as p gives them.
func kindsOf(p *Provisioner) map[string]kind {
	return map[string]kind{
		KindSession: sessions{p},
		KindGroup:   groups{p},

		KindStoreGroup: storeGroups{p},
		KindAssignment: assignments{p},
	}
}

// Kinds are the entitlements this package gives, with the settings they take
// in a policy file.
func Kinds() []policy.Kind {
	all := kindsOf(nil)
	out := make([]policy.Kind, 0, len(all))
	for _, name := range KindNames() {
		out = append(out, all[name].settings())
	}
	return out
}

// KindNames are the names of the kinds, in a fixed order.
func KindNames() []string { return []string{KindSession, KindGroup, KindStoreGroup, KindAssignment} }

// checkWrong is the check of an entitlement that cannot be understood.
func checkWrong(what string, err error) (string, func(context.Context) []bot.Finding) {
	return what, func(context.Context) []bot.Finding { return []bot.Finding{failed(what, err, "Correct the policy.")} }
}
