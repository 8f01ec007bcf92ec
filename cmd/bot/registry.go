package main

import (
	"jitbot/integrations/aws"
	"jitbot/policy"
)

// entitlementKinds is what a policy may give: everything some provisioner of
// this build knows, with the settings of each kind.
func entitlementKinds() []policy.Kind { return aws.Kinds() }
