package shared

import "encoding/json"

// withNulls is a body in which the named members are null: a merge patch (RFC 7396) removes them.
func withNulls(value any, names []string) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil || len(names) == 0 {
		return text, err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for _, name := range names {
		members[name] = json.RawMessage("null")
	}
	return json.Marshal(members)
}
