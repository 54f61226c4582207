package clients

// The three operations: create and refresh, groups, organization.

import (
	"regexp"
	"strings"
	"testing"
)

func both(t *testing.T, run func(*testing.T, *server)) {
	t.Run("by default", func(t *testing.T) { run(t, byDefault) })
	t.Run("to the letter", func(t *testing.T) { run(t, toTheLetter) })
}

func TestCreateTokenDecodesWithItsGroups(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		created := s.created(t, "?include=groups", s.credentials())
		data := created.Data
		if data.Attributes.AccessToken == "" || data.Attributes.RefreshToken == "" {
			t.Errorf("a token is missing: %+v", data.Attributes)
		}
		if data.Attributes.ExpiresIn <= 0 || data.Attributes.ExpiresIn > 600 {
			t.Errorf("expires_in is no number of seconds: %d", data.Attributes.ExpiresIn)
		}
		if !regexp.MustCompile(`^[0-9a-z]+$`).MatchString(data.ID) {
			t.Errorf("id %q", data.ID)
		}
		groups := data.Relationships.Groups
		if groups.Links.Related != "/pub/oauth/token/"+data.ID+"/groups" {
			t.Errorf("related %q", groups.Links.Related)
		}
		if len(groups.Data) != 1 || len(created.Included) != 1 {
			t.Fatalf("one group: %+v", created)
		}
		one := created.Included[0]
		if one.ID != groups.Data[0].ID || one.Attributes.Name != group || one.Attributes.Bio == nil {
			t.Errorf("included %+v", one)
		}
		if *one.Links.Self != "/pub/group/"+one.ID {
			t.Errorf("self %q", *one.Links.Self)
		}
		organization := data.Relationships.Organization
		if organization.Links.Related != "/pub/oauth/token/"+data.ID+"/organization" {
			t.Errorf("related %q", organization.Links.Related)
		}
		if created.Meta.ReqID == nil {
			t.Error("no req_id")
		}
	})
}

func TestIncludedOrganizationIsLeftOutForClientsThatKnowGroupsOnly(t *testing.T) {
	response := createTokenResponse{}
	answer := byDefault.createToken(t, "?include=organization", byDefault.credentials())
	if _, err := answer.decode(t, 201, &response); err == nil {
		t.Error("JSON:API demands the organization, and this client cannot read it")
	}
	created := toTheLetter.created(t, "?include=organization", toTheLetter.credentials())
	if created.Included == nil || len(created.Included) != 0 {
		t.Errorf("included %+v", created.Included)
	}
}

func TestBothFormsAreReadUnderJSONAndOnlyTheNestedOneUnderJSONAPI(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		flat := strings.TrimSuffix(encode(s.credentials()), "\n")
		response := createTokenResponse{}
		for _, accepted := range []answer{
			s.postAs(t, "application/json", flat),
			s.postAs(t, "application/json", nested(s.credentials())),
			s.postAs(t, "application/vnd.api+json", nested(s.credentials())),
		} {
			if refused, err := accepted.decode(t, 201, &response); err != nil || refused != nil {
				t.Errorf("%v: %s", err, accepted.body)
			}
		}
		if refused := s.postAs(t, "application/vnd.api+json", flat); refused.status != 409 {
			t.Errorf("%d %s", refused.status, refused.body)
		}
	})
}

func TestRefreshNeedsNoSecretAndRotates(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		first := s.created(t, "", s.credentials())
		refresh := func(token string) attributes {
			return attributes{ClientID: &s.id, GrantType: text("refresh_token"), RefreshToken: &token}
		}
		second := s.created(t, "", refresh(first.Data.Attributes.RefreshToken))
		if second.Data.Attributes.RefreshToken == first.Data.Attributes.RefreshToken {
			t.Error("the refresh token did not rotate")
		}
		if second.Data.ID != first.Data.ID {
			t.Error("the resource changed its id")
		}
		flat := strings.TrimSuffix(encode(struct {
			GrantType    string `json:"grant_type"`
			ClientID     string `json:"client_id"`
			RefreshToken string `json:"refresh_token"`
		}{"refresh_token", s.id, second.Data.Attributes.RefreshToken}), "\n")
		third := createTokenResponse{}
		if refused, err := s.postAs(t, "application/json", flat).decode(t, 201, &third); err != nil || refused != nil {
			t.Fatalf("%v %+v", err, refused)
		}

		replay := s.createToken(t, "", refresh(first.Data.Attributes.RefreshToken))
		if replay.status != 401 {
			t.Errorf("an old refresh token came back: %d %s", replay.status, replay.body)
		}
		after := s.createToken(t, "", refresh(third.Data.Attributes.RefreshToken))
		if after.status != 401 {
			t.Errorf("its family lived on: %d %s", after.status, after.body)
		}
		bearer := "Bearer " + third.Data.Attributes.AccessToken
		if dead := s.fetchTokenGroups(t, third.Data.ID, bearer); dead.status != 401 {
			t.Errorf("its access token lived on: %d %s", dead.status, dead.body)
		}
	})
}

func TestFetchTokenGroupsDecodes(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		created := s.created(t, "", s.credentials())
		response := fetchTokenGroupsResponse{}
		bearer := "Bearer " + created.Data.Attributes.AccessToken
		answer := s.fetchTokenGroups(t, created.Data.ID, bearer)
		if refused, err := answer.decode(t, 200, &response); err != nil || refused != nil {
			t.Fatalf("%v: %s", err, answer.body)
		}
		if len(response.Data) != 1 || response.Data[0].Attributes.Name != group {
			t.Errorf("data %+v", response.Data)
		}
		if *response.Meta.Count != 1 || response.Meta.ReqID == nil {
			t.Errorf("meta: %s", answer.body)
		}
	})
}

func TestFetchTokenOrganizationWithoutABearerIsASetting(t *testing.T) {
	created := byDefault.created(t, "", byDefault.credentials())
	if answer := byDefault.fetchTokenOrganization(t, created.Data.ID); answer.status != 401 {
		t.Errorf("%d %s", answer.status, answer.body)
	}

	created = toTheLetter.created(t, "", toTheLetter.credentials())
	response := fetchTokenOrganizationResponse{}
	answer := toTheLetter.fetchTokenOrganization(t, created.Data.ID)
	if refused, err := answer.decode(t, 200, &response); err != nil || refused != nil {
		t.Fatalf("%v: %s", err, answer.body)
	}
	if response.Data.ID != created.Data.Relationships.Organization.Data.ID {
		t.Errorf("another organization: %s", answer.body)
	}
	if response.Data.Attributes.Name == "" || response.Data.Links.Self == nil {
		t.Errorf("name or self: %s", answer.body)
	}
	guess := toTheLetter.fetchTokenOrganization(t, "65f0c3a1d2b4e6f708192a3b")
	refused(t, guess, 403, "Forbidden")
}

func TestErrorsOfThePublishedSchemaDecode(t *testing.T) {
	s := toTheLetter
	wrong := s.credentials()
	wrong.ClientSecret = text("b8d5e0c7-2f43-4d0a-9a7e-6c1c8b5a9e22")
	refused(t, s.createToken(t, "", wrong), 401, "InvalidCredentials")

	unknown := s.credentials()
	unknown.ClientID = text("0f6c2a54-9a0b-4f6e-8a51-3f1f7f0c2d11")
	refused(t, s.createToken(t, "", unknown), 401, "InvalidCredentials")

	stale := attributes{
		ClientID: &s.id, GrantType: text("refresh_token"),
		RefreshToken: text("e9a4f5b2-8c7d-4e3a-a1b0-5d6c7e8f9a44"),
	}
	refused(t, s.createToken(t, "", stale), 401, "InvalidCredentials")

	for _, grant := range []*string{nil, text("password")} {
		odd := s.credentials()
		odd.GrantType = grant
		document := refused(t, s.createToken(t, "", odd), 409, "InvalidGrantType")
		if *document.Errors.Source.Pointer != "/data/attributes/grant_type" {
			t.Errorf("pointer %q", *document.Errors.Source.Pointer)
		}
	}
	document := refused(t, s.createToken(t, "?include=users", s.credentials()), 409, "InvalidParameter")
	if *document.Errors.Source.Parameter != "include" {
		t.Errorf("parameter %q", *document.Errors.Source.Parameter)
	}
	refused(t, s.postAs(t, "application/vnd.api+json", "{"), 409, "InvalidBodyParameter")
	refused(t, s.postAs(t, "text/plain", nested(s.credentials())), 403, "Forbidden")

	created := s.created(t, "", s.credentials())
	refused(t, s.fetchTokenGroups(t, created.Data.ID, "Bearer wrong"), 401, "Unauthorized")
	bearer := "Bearer " + created.Data.Attributes.AccessToken
	refused(t, s.fetchTokenGroups(t, "65f0c3a1d2b4e6f708192a3b", bearer), 403, "Forbidden")
}

func TestErrorsOfJSONAPIAreAnArrayThatThePublishedClientCannotRead(t *testing.T) {
	odd := byDefault.credentials()
	odd.GrantType = text("password")
	answer := byDefault.createToken(t, "", odd)
	if _, err := answer.decode(t, 201, nil); err == nil || answer.status != 409 {
		t.Errorf("%d %s", answer.status, answer.body)
	}
	if !strings.HasPrefix(string(answer.body), `{"errors":[{`) {
		t.Errorf("no array: %s", answer.body)
	}
}
