package main

import (
	"jitbot/integrations/aws"
	"jitbot/integrations/slack"
	"jitbot/policy"
)

// entitlementKinds is what a policy may give: everything some provisioner of
// this build knows, with the settings of each kind.
func entitlementKinds() []policy.Kind { return aws.Kinds() }

// groupKinds is where groups of a policy may live besides in its file.
func groupKinds() []policy.Kind { return slack.GroupKinds() }
