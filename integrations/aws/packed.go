package aws

import (
	"context"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/prometheus/client_golang/prometheus"

	"jitbot/bot"
	"jitbot/jit"
)

// AWS packs the session policy and the tags of a session into a form of its
// own, with a limit of its own. How much of it a session takes is only known
// once it was opened.

const (
	packedTooLarge = "PackedPolicyTooLarge"
	packedWarning  = 80 // percent
)

func newPackedSizes() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "jitbot", Name: "aws_session_packed_percent",
		Help:    "How much of AWS's limit the packed session policy and tags of opened sessions took; over 80: shorten a session policy.",
		Buckets: []float64{20, 40, 60, 80, 90, 95, 100},
	})
}

// Collectors are this integration's figures, to be registered where they are
// served. They carry no names.
func (p *Provisioner) Collectors() []prometheus.Collector { return []prometheus.Collector{p.packed} }

// packedPercent is how much of the room a session takes, and whether AWS says
// so: the older answer is the packed size, the newer one that of the token,
// which holds it.
func packedPercent(out *sts.AssumeRoleOutput) (percent int32, said bool) {
	size, token := out.PackedPolicySize, out.SessionTokenUtilization //nolint:staticcheck // the old one is all that some answers have
	return max(awssdk.ToInt32(size), awssdk.ToInt32(token)), size != nil || token != nil
}

func (p *Provisioner) notePacked(ctx context.Context, h jit.Holding, out *sts.AssumeRoleOutput) {
	percent, said := packedPercent(out)
	if said {
		p.packed.Observe(float64(percent))
	}
	if percent <= packedWarning {
		p.log.InfoContext(ctx, "a session was opened", "holding", h.ID, "grant", h.Grant, "packed_percent", percent)
		return
	}
	p.log.WarnContext(ctx, "a session took most of what AWS has room for; shorten its session_policy before one is refused",
		"holding", h.ID, "grant", h.Grant, "resource", h.Resource, "role", h.Entitlement.Params["role"], "packed_percent", percent)
}

// tooLarge says what to shorten. Trying again cannot mend it.
func tooLarge(s session, cause error) error {
	shorten := "it has none: the resource's name, or the rule's id"
	if s.policy != "" {
		shorten = fmt.Sprintf("its session_policy, of %d characters now: join statements, or use patterns such as s3:Get*", len(s.policy))
	}
	return bot.Permanent(fmt.Errorf("the session policy and tags of role %s take more room than AWS has once they are packed; shorten %s: %w", s.role.arn, shorten, cause))
}

// packedWords says for a check how much was used, and what to do if it was much.
func packedWords(out *sts.AssumeRoleOutput) (used, hint string) {
	percent, said := packedPercent(out)
	if !said {
		return "AWS does not say how much of the packed limit it uses", ""
	}
	if percent > packedWarning {
		hint = "Shorten the session_policy: AWS refuses a session that needs more than 100%, and the names of resource and rule take room too."
	}
	return fmt.Sprintf("uses %d%% of the packed limit", percent), hint
}
