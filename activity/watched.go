package activity

import (
	"slices"

	"jitbot/jit"
)

// Watched says in a source's configuration for what its logs can tell: a grant
// of these is not known to be unused before the source has told.
type Watched struct {
	// Resources are names of the policy.
	Resources []string `yaml:"resources" json:"resources,omitempty"`
	// Kinds are kinds of entitlement, such as aws_session.
	Kinds []string `yaml:"kinds" json:"kinds,omitempty"`
}

// Has reports whether what is done with h shows.
func (w Watched) Has(h jit.Holding) bool {
	return slices.Contains(w.Resources, h.Resource) || slices.Contains(w.Kinds, h.Entitlement.Kind)
}

// Check implements the checks of a configuration.
func (w Watched) Check(report func(key, text string)) {
	if len(w.Resources) == 0 && len(w.Kinds) == 0 {
		report("", "name the resources of the policy, or the kinds of entitlement, whose use shows in this log")
	}
	for key, names := range map[string][]string{"resources": w.Resources, "kinds": w.Kinds} {
		if slices.Contains(names, "") {
			report(key, "a name is empty")
		}
	}
}
