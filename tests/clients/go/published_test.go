package clients

// The published Go client, as its contract describes it: the bytes it sends, and the structures it
// decodes. Its enumerations refuse unknown values and null; it reads a body only under a listed
// status and the JSON:API media type.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"testing"
)

// enum is a text that must be one of few.
func enum(data []byte, allowed ...string) (string, error) {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return "", err
	}
	for _, word := range allowed {
		if text != nil && *text == word {
			return word, nil
		}
	}
	return "", fmt.Errorf("invalid value for an enumeration: %s", data)
}

type dataType string

func (t *dataType) UnmarshalJSON(data []byte) error {
	word, err := enum(data, "token")
	*t = dataType(word)
	return err
}

type tokenType string

func (t *tokenType) UnmarshalJSON(data []byte) error {
	word, err := enum(data, "bearer")
	*t = tokenType(word)
	return err
}

type groupType string

func (t *groupType) UnmarshalJSON(data []byte) error {
	word, err := enum(data, "group")
	*t = groupType(word)
	return err
}

type organizationType string

func (t *organizationType) UnmarshalJSON(data []byte) error {
	word, err := enum(data, "organization")
	*t = organizationType(word)
	return err
}

type errorCode string

func (c *errorCode) UnmarshalJSON(data []byte) error {
	word, err := enum(data, "Forbidden", "InvalidParameter", "InvalidBodyParameter",
		"ResourceNotFound", "Unauthorized", "InvalidCredentials", "InvalidGrantType")
	*c = errorCode(word)
	return err
}

type groupResource struct {
	ID         string    `json:"id"`
	Type       groupType `json:"type"`
	Attributes struct {
		Name string  `json:"name"`
		Bio  *string `json:"bio"`
	} `json:"attributes"`
	Links *struct {
		Self *string `json:"self"`
	} `json:"links"`
}

type organizationResource struct {
	ID         string           `json:"id"`
	Type       organizationType `json:"type"`
	Attributes struct {
		Name string `json:"name"`
	} `json:"attributes"`
	Links *struct {
		Self *string `json:"self"`
	} `json:"links"`
}

type related struct {
	Related string `json:"related"`
}

type createTokenResponse struct {
	Data struct {
		ID         string   `json:"id"`
		Type       dataType `json:"type"`
		Attributes struct {
			AccessToken  string    `json:"access_token"`
			RefreshToken string    `json:"refresh_token"`
			TokenType    tokenType `json:"token_type"`
			ExpiresIn    int64     `json:"expires_in"`
		} `json:"attributes"`
		Relationships *struct {
			Groups *struct {
				Data []struct {
					ID   string    `json:"id"`
					Type groupType `json:"type"`
				} `json:"data"`
				Links related `json:"links"`
			} `json:"groups"`
			Organization *struct {
				Data struct {
					ID   string           `json:"id"`
					Type organizationType `json:"type"`
				} `json:"data"`
				Links related `json:"links"`
			} `json:"organization"`
		} `json:"relationships"`
	} `json:"data"`
	Included []groupResource `json:"included"`
	Meta     *struct {
		ReqID   *string  `json:"req_id"`
		Ignored []string `json:"ignored"`
	} `json:"meta"`
}

type fetchTokenGroupsResponse struct {
	Data []groupResource `json:"data"`
	Meta *struct {
		Count *int64  `json:"count"`
		ReqID *string `json:"req_id"`
	} `json:"meta"`
}

type fetchTokenOrganizationResponse struct {
	Data organizationResource `json:"data"`
}

// The published schema has a single object where JSON:API has an array.
type errorResponse struct {
	Errors struct {
		Code   *errorCode `json:"code"`
		Detail *string    `json:"detail"`
		Status *string    `json:"status"`
		Title  *string    `json:"title"`
		Source *struct {
			Parameter *string `json:"parameter"`
			Pointer   *string `json:"pointer"`
		} `json:"source"`
	} `json:"errors"`
	Meta *struct {
		ReqID   *string  `json:"req_id"`
		Ignored []string `json:"ignored"`
	} `json:"meta"`
}

// answer is what came back, read as the published client reads it.
type answer struct {
	status int
	kind   string
	body   []byte
}

// decode fills success under its one status and returns the error document under a listed one. The
// Go error is the one the published client's caller would get.
func (a answer) decode(t *testing.T, success int, into interface{}) (*errorResponse, error) {
	t.Helper()
	if a.kind != "application/vnd.api+json" {
		t.Fatalf("the client would not read %d %q: %s", a.status, a.kind, a.body)
	}
	switch a.status {
	case success:
		return nil, json.Unmarshal(a.body, into)
	case 401, 403, 409:
		document := &errorResponse{}
		return document, json.Unmarshal(a.body, document)
	}
	t.Fatalf("the client knows no status %d: %s", a.status, a.body)
	return nil, nil
}

// send writes the bytes and reads one answer.
func (s *server) send(t *testing.T, request string) answer {
	t.Helper()
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
		t.Fatalf("encoded as %s", encoding)
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, kind, body}
}

// attributes in the order of the client's structures; a pointer that is nil is left out.
type attributes struct {
	ClientID     *string `json:"client_id,omitempty"`
	ClientSecret *string `json:"client_secret,omitempty"`
	GrantType    *string `json:"grant_type,omitempty"`
	RefreshToken *string `json:"refresh_token,omitempty"`
}

type tokenRequest struct {
	Data struct {
		Attributes attributes `json:"attributes"`
		Type       string     `json:"type"`
	} `json:"data"`
}

func text(value string) *string { return &value }

func (s *server) credentials() attributes {
	return attributes{ClientID: &s.id, ClientSecret: &s.secret, GrantType: text("client_credentials")}
}

// The client's encoder ends the body with a newline.
func encode(value interface{}) string {
	var body strings.Builder
	must(json.NewEncoder(&body).Encode(value))
	return body.String()
}

func nested(values attributes) string {
	request := tokenRequest{}
	request.Data.Attributes = values
	request.Data.Type = "token"
	return encode(request)
}

// createToken sends what the published client sends: the nested form as application/json.
func (s *server) createToken(t *testing.T, query string, values attributes) answer {
	t.Helper()
	body := nested(values)
	return s.send(t, lines(
		"POST /pub/oauth/token"+query+" HTTP/1.1",
		"Host: "+s.address,
		"User-Agent: Go-http-client/1.1",
		fmt.Sprintf("Content-Length: %d", len(body)),
		"Authorization: Bearer unused",
		"Content-Type: application/json",
		"Accept-Encoding: gzip",
	)+body)
}

// postAs sends a body as an older or another client would, under a media type of its choice.
func (s *server) postAs(t *testing.T, mediaType, body string) answer {
	t.Helper()
	return s.send(t, lines(
		"POST /pub/oauth/token HTTP/1.1",
		"Host: "+s.address,
		"Content-Type: "+mediaType,
		fmt.Sprintf("Content-Length: %d", len(body)),
	)+body)
}

func (s *server) fetchTokenGroups(t *testing.T, id, authorization string) answer {
	t.Helper()
	return s.send(t, lines(
		"GET /pub/oauth/token/"+id+"/groups HTTP/1.1",
		"Host: "+s.address,
		"User-Agent: Go-http-client/1.1",
		"Authorization: "+authorization,
		"Accept-Encoding: gzip",
	))
}

// fetchTokenOrganization sends no Authorization: the published contract declares none.
func (s *server) fetchTokenOrganization(t *testing.T, id string) answer {
	t.Helper()
	return s.send(t, lines(
		"GET /pub/oauth/token/"+id+"/organization HTTP/1.1",
		"Host: "+s.address,
		"User-Agent: Go-http-client/1.1",
		"Accept-Encoding: gzip",
	))
}

func lines(all ...string) string {
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

// created creates a token that must decode.
func (s *server) created(t *testing.T, query string, values attributes) createTokenResponse {
	t.Helper()
	response := createTokenResponse{}
	refused, err := s.createToken(t, query, values).decode(t, 201, &response)
	if err != nil || refused != nil {
		t.Fatalf("%v %+v", err, refused)
	}
	return response
}

// refused expects the error document that the published schema describes.
func refused(t *testing.T, got answer, status int, code string) *errorResponse {
	t.Helper()
	document, err := got.decode(t, 0, nil)
	if err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if got.status != status || *document.Errors.Code != errorCode(code) {
		t.Fatalf("expected %d %s: %d %s", status, code, got.status, got.body)
	}
	if *document.Errors.Status != fmt.Sprint(status) || document.Meta.ReqID == nil {
		t.Fatalf("status or req_id: %s", got.body)
	}
	return document
}
