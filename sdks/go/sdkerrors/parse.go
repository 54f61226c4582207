package sdkerrors

import "encoding/json"

// sentence is the text for people in a documented body, whatever its family.
func sentence(body []byte) string {
	var told struct {
		Detail  string          `json:"detail"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
		Errors  []struct {
			Detail string `json:"detail"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &told) != nil {
		return ""
	}
	var text string
	var inner struct {
		Message string `json:"message"`
	}
	if told.Error != nil && json.Unmarshal(told.Error, &text) != nil {
		_ = json.Unmarshal(told.Error, &inner)
	}
	for _, one := range []string{told.Detail, told.Message, text, inner.Message} {
		if one != "" {
			return one
		}
	}
	if len(told.Errors) > 0 {
		return told.Errors[0].Detail
	}
	return ""
}
