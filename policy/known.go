package policy

import "slices"

// KnownKeys lists the keys of a policy file, sorted, by the name the schema
// has for the mapping they stand in; the top of the file is "". Editors and
// tests compare them with the schema.
func KnownKeys() map[string][]string {
	out := map[string][]string{
		"": topKeys, "defaults": defaultsKeys, "quiet_hours": quietKeys, "rotation": rotationKeys, "resource": resourceKeys,
		"rule": ruleKeys, "match": matchKeys, "require": requireKeys, "ticket": ticketKeys, "approvals": approvalsKeys,
		"auto_approve": autoKeys, "notify": notifyKeys, "escalate": escalateKeys, "extend": extendKeys, "break_glass": breakGlassKeys,
		"test": testKeys, "test_request": testReqKeys, "expect": expectKeys,
	}
	for name, keys := range out {
		out[name] = slices.Sorted(slices.Values(keys))
	}
	return out
}
