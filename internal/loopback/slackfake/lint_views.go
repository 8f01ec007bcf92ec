package slackfake

import (
	"encoding/json"
	"strings"
)

// lintView reads a view as the app sent it. The caller holds the lock.
func (s *Server) lintView(where, raw string) (object, error) {
	var v object
	if err := json.Unmarshal([]byte(raw), &v); err != nil || v == nil {
		s.violate(where, "invalid_arguments: no view, or not an object")
		return nil, &apiError{code: "invalid_arguments", messages: []string{"[ERROR] must provide an object [json-pointer:/view]"}}
	}
	if len(raw) > maxView {
		s.violate(where, "view_too_large: %d bytes", len(raw))
		return nil, refuse("view_too_large")
	}
	kind, _ := v["type"].(string)
	l := s.linter(kind)
	l.view(v)
	s.leaks(l, raw)
	if home := strings.HasSuffix(where, "publish"); home != (kind == "home") {
		l.fail("/view/type", "a view of type %q cannot be shown here", kind)
	}
	return v, s.judge(where, l, "invalid_arguments")
}

func (l *linter) view(v object) {
	const shared = "type blocks private_metadata callback_id external_id "
	switch l.surface {
	case "modal":
		l.keys("/view", v, shared+"title close submit clear_on_close notify_on_close submit_disabled")
		l.text("/view", v, "title", plainOnly, maxViewTitle)
		l.maybe("/view", v, "submit", plainOnly, maxViewTitle)
		l.maybe("/view", v, "close", plainOnly, maxViewTitle)
	case "home":
		l.keys("/view", v, shared)
	default:
		l.fail("/view/type", "must be modal or home")
	}
	l.str("/view", v, "private_metadata", 0, maxMetadata)
	l.str("/view", v, "callback_id", 0, maxID)
	l.str("/view", v, "external_id", 0, maxID)
	v["blocks"] = l.blockList("/view/blocks", l.list("/view", v, "blocks", 0, maxViewBlocks))
	if v["submit"] == nil && l.inputs > 0 && l.surface == "modal" {
		l.fail("/view", "submit must be provided when there is an input block")
	}
}
