package aws

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// names makes what AWS calls people of who they are, and the other way round.
type names struct {
	template string // {email} is all of it, {local} what stands before the @; empty: {email}
	domain   string // whose people {local} stands for
	listed   map[string]string
	valid    *regexp.Regexp

	what, setting, list string // for messages
}

// check returns everything that is wrong with the settings, joined.
func (n names) check(setting, list string) error {
	var errs []error
	rest := strings.NewReplacer("{email}", "x", "{local}", "x").Replace(n.template)
	if n.template != "" && (rest == n.template || !n.valid.MatchString(rest)) {
		errs = append(errs, fmt.Errorf("%s: %q: write {email} or {local}, with letters, digits and _+=,.@- around it", setting, n.template))
	}
	if strings.Contains(n.template, "{local}") && n.domain == "" {
		errs = append(errs, errors.New("domain: name the domain whose people {local} stands for, or two people may become one "+strings.TrimSuffix(n.what, " name")))
	}
	taken := map[string]string{}
	for _, who := range slices.Sorted(maps.Keys(n.listed)) {
		name := n.listed[who]
		if !n.valid.MatchString(name) {
			errs = append(errs, fmt.Errorf("%s: %s: %q is not an %s", list, who, name, n.what))
		}
		if other, twice := taken[strings.ToLower(name)]; twice {
			errs = append(errs, fmt.Errorf("%s: %s and %s are both %q; each person needs a user of their own", list, other, who, name))
		}
		taken[strings.ToLower(name)] = who
	}
	return errors.Join(errs...)
}

// of is what a person is called.
func (n names) of(principal string) (string, error) {
	if name, ok := n.listed[principal]; ok {
		return name, nil
	}
	local, domain, _ := strings.Cut(principal, "@")
	template := n.made()
	if strings.Contains(template, "{local}") && !strings.EqualFold(domain, n.domain) {
		return "", fmt.Errorf("%s has no %s: %s makes names for people of %s only; name theirs under %s", principal, n.what, n.setting, n.domain, n.list)
	}
	name := strings.NewReplacer("{email}", principal, "{local}", local).Replace(template)
	if !n.valid.MatchString(name) {
		return "", fmt.Errorf("%s has no %s: %q, which %s makes, cannot be one; name theirs under %s", principal, n.what, name, n.setting, n.list)
	}
	return name, nil
}

func (n names) made() string {
	if n.template == "" {
		return "{email}"
	}
	return n.template
}

// principal is who is called name; empty: it cannot be told. Letter case does
// not matter, as it does not to AWS; everything else must fit exactly.
func (n names) principal(name string) string {
	for _, who := range slices.Sorted(maps.Keys(n.listed)) {
		if strings.EqualFold(n.listed[who], name) {
			return who
		}
	}
	before, after, whole := strings.Cut(n.made(), "{email}")
	if !whole {
		before, after, _ = strings.Cut(n.made(), "{local}")
	}
	lower := strings.ToLower(name)
	rest, fits := strings.CutPrefix(lower, strings.ToLower(before))
	rest, ends := strings.CutSuffix(rest, strings.ToLower(after))
	if !fits || !ends || rest == "" {
		return ""
	}
	if !whole {
		rest += "@" + strings.ToLower(n.domain)
	}
	if made, err := n.of(rest); err != nil || !strings.EqualFold(made, name) || strings.Count(rest, "@") != 1 {
		return ""
	}
	return rest
}
