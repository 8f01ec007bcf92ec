package trail

import (
	"strings"

	"jitbot/activity"
)

// denied says whether an error code means that the action was refused.
func denied(code string) bool {
	return strings.HasPrefix(code, "AccessDenied") || strings.HasSuffix(code, "UnauthorizedOperation") ||
		code == "AuthorizationError" // of SNS
}

// layers are the kinds of policy as AWS names them in its messages.
var layers = map[string]string{
	"identity-based policy":   activity.LayerIdentity,
	"session policy":          activity.LayerSession,
	"permissions boundary":    activity.LayerBoundary,
	"service control policy":  activity.LayerOrg,
	"resource control policy": activity.LayerOrg,
	"resource-based policy":   activity.LayerResource,
	"VPC endpoint policy":     activity.LayerEndpoint,
	"role trust policy":       activity.LayerTrust,
}

// layerOf finds in a message which kind of policy refused. Only AWS's own two
// phrases count, and the last one: before it the message repeats names that
// others chose.
func layerOf(message string) string {
	const none, deny = "because no ", "with an explicit deny in "
	i, j := strings.LastIndex(message, none), strings.LastIndex(message, deny)
	switch {
	case i < 0 && j < 0:
		return ""
	case i > j:
		kind, _, _ := strings.Cut(message[i+len(none):], " allow")
		return layers[kind]
	}
	_, kind, _ := strings.Cut(message[j+len(deny):], " ") // an, a, the
	if end := strings.IndexAny(kind, ":.,"); end >= 0 {
		kind = kind[:end]
	}
	return layers[kind]
}
