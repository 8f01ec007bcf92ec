package policy

import (
	"slices"
	"sort"
	"strings"
)

// glob reports whether s matches pattern, in which * stands for any run of
// characters. It takes time in proportion to the product of the lengths.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(s, first) || len(s) < len(first)+len(last) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return true
}

// picks reports whether the match fits a resource.
func (m match) picks(r *Resource) bool {
	for k, v := range m.labels {
		if got, ok := r.Labels[k]; !ok || got != v {
			return false
		}
	}
	if len(m.sensitivity) > 0 && !slices.Contains(m.sensitivity, r.Sensitivity) {
		return false
	}
	return len(m.globs) == 0 || slices.ContainsFunc(m.globs, func(g string) bool { return glob(g, r.Name) })
}

// key is equal for matches that pick the same because they read the same.
func (m match) key() string {
	if len(m.labels) == 0 && len(m.sensitivity) == 0 && len(m.globs) == 1 {
		return m.globs[0]
	}
	parts := make([]string, 0, len(m.labels))
	for k, v := range m.labels {
		parts = append(parts, k+"="+v)
	}
	sort.Strings(parts)
	return strings.Join(m.globs, ",") + "\x00" + strings.Join(parts, "\x01") + "\x00" + strings.Join(m.sensitivity, ",")
}
