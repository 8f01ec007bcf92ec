package aws

import (
	"jitbot/jit"
	"jitbot/policy"
)

// Kinds are the entitlements this package gives, with the settings they take
// in a policy file.
func Kinds() []policy.Kind {
	return []policy.Kind{
		{Name: KindSession, Params: []policy.Param{
			{Name: "role", Required: true, Check: checkRole},
			{Name: "session_policy", File: true, Check: checkSessionPolicy},
		}},
		{Name: KindGroup, Params: []policy.Param{
			{Name: "account", Required: true, Check: checkAccount},
			{Name: "group", Required: true, Check: checkGroupName},
		}},
	}
}

func checkRole(arn string) error {
	_, err := parseRole(arn)
	return err
}

func checkSessionPolicy(text string) error {
	_, err := parseSession(jit.Entitlement{Kind: KindSession, Params: map[string]string{
		"role": "arn:aws:iam::111122223333:role/any", "session_policy": text,
	}})
	return err
}

func checkAccount(account string) error {
	_, err := parseGroup(jit.Entitlement{Kind: KindGroup, Params: map[string]string{"account": account, "group": "any"}})
	return err
}

func checkGroupName(name string) error {
	_, err := parseGroup(jit.Entitlement{Kind: KindGroup, Params: map[string]string{"account": "111122223333", "group": name}})
	return err
}
