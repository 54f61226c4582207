//! Operations 7 to 9, answered by `doors/json_api_tokens.rs`.
#![expect(dead_code, reason = "these describe; the door has the handlers")]

use utoipa::ToSchema;

use super::json_tokens::TokenGrantType;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(create_token, fetch_token_groups, fetch_token_organization),
    tags((name = "oauth", description = "Tokens as JSON:API documents, and API keys that people hand to apps."))
)]
pub(super) struct Described;

/// A request for a token.
#[derive(ToSchema)]
#[schema(example = json!({"data": {"type": "token", "attributes": {
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "client_secret": "kh_secret_0AbCdEfGhIjKlMnOpQrStU…", "grant_type": "client_credentials"
}}}))]
struct CreateTokenRequest {
    /// The token to be.
    data: CreateTokenRequestData,
}

/// The token to be.
#[derive(ToSchema)]
struct CreateTokenRequestData {
    /// `token`.
    #[schema(rename = "type", nullable = false)]
    kind: Option<String>,
    /// What it is made from.
    attributes: CreateTokenRequestAttributes,
}

/// What a token is made from.
#[derive(ToSchema)]
struct CreateTokenRequestAttributes {
    /// The client.
    client_id: String,
    /// The client's secret; required with `client_credentials`.
    #[schema(nullable = false, extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
    /// `client_credentials`, or `refresh_token` to renew.
    grant_type: TokenGrantType,
    /// The refresh token; required with `refresh_token`.
    #[schema(nullable = false, extensions(("x-sdk-secret" = json!(true))))]
    refresh_token: Option<String>,
}

/// A created token.
#[derive(ToSchema)]
#[schema(example = json!({
    "data": {
        "type": "token", "id": "019a2b3c4d5e7f608123456789abcdef",
        "attributes": {
            "access_token": "kh_access_0AbCdEfGhIjKlMnOpQrStU…",
            "refresh_token": "kh_refresh_0AbCdEfGhIjKlMnOpQrStU…",
            "token_type": "bearer", "expires_in": 600
        },
        "relationships": {"groups": {
            "data": [{"type": "group", "id": "019a2b3c00007f608123456789abcdef"}],
            "links": {"related": "/oauth/token/019a2b3c4d5e7f608123456789abcdef/groups"}
        }}
    },
    "meta": {"req_id": "019a2b3c-4d5e-7f60-8123-0123456789ab"}
}))]
struct CreateTokenResponse {
    /// The token.
    data: TokenResource,
    /// The groups and the organization that `include` asked for.
    #[schema(nullable = false)]
    included: Option<Vec<Resource>>,
    /// About this answer.
    #[schema(nullable = false)]
    meta: Option<ResponseMeta>,
}

/// A token.
#[derive(ToSchema)]
struct TokenResource {
    /// `token`.
    #[schema(rename = "type")]
    kind: String,
    /// Its id, for the paths of its groups and its organization; not the access token.
    id: String,
    /// Its secrets and how long they live.
    attributes: TokenAttributes,
    /// What belongs to it.
    #[schema(nullable = false)]
    relationships: Option<TokenRelationships>,
}

/// A token's secrets and how long they live.
#[derive(ToSchema)]
struct TokenAttributes {
    /// The access token.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    access_token: String,
    /// The refresh token; empty for a client that may not refresh.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    refresh_token: String,
    /// `bearer`.
    token_type: String,
    /// Seconds until the access token ends.
    expires_in: i64,
}

/// What belongs to a token.
#[derive(ToSchema)]
struct TokenRelationships {
    /// The groups its client is tied to.
    #[schema(nullable = false)]
    groups: Option<ToMany>,
    /// The organization of its client.
    #[schema(nullable = false)]
    organization: Option<ToOne>,
}

/// Several resources by name.
#[derive(ToSchema)]
struct ToMany {
    /// Their names.
    data: Vec<ResourceIdentifier>,
    /// Where they are.
    links: RelatedLink,
}

/// One resource by name.
#[derive(ToSchema)]
struct ToOne {
    /// Its name.
    data: ResourceIdentifier,
    /// Where it is.
    links: RelatedLink,
}

/// The name of a resource.
#[derive(ToSchema)]
struct ResourceIdentifier {
    /// `group` or `organization`.
    #[schema(rename = "type")]
    kind: String,
    /// Its id.
    id: String,
}

/// Where related resources are.
#[derive(ToSchema)]
struct RelatedLink {
    /// A path of this server.
    related: String,
}

/// A group or an organization.
#[derive(ToSchema)]
struct Resource {
    /// `group` or `organization`.
    #[schema(rename = "type")]
    kind: String,
    /// Its id.
    id: String,
    /// What is known of it.
    attributes: ResourceAttributes,
    /// Where it is.
    #[schema(nullable = false)]
    links: Option<SelfLink>,
}

/// What is known of a group or an organization.
#[derive(ToSchema)]
struct ResourceAttributes {
    /// The name people see.
    name: String,
    /// What a group says about itself.
    #[schema(nullable = false)]
    bio: Option<String>,
}

/// Where a resource is.
#[derive(ToSchema)]
struct SelfLink {
    /// A path of this server.
    #[schema(rename = "self")]
    own: String,
}

/// About an answer.
#[derive(ToSchema)]
struct ResponseMeta {
    /// The correlation id of the request.
    #[schema(nullable = false)]
    req_id: Option<String>,
    /// How many resources there are.
    #[schema(nullable = false)]
    count: Option<i64>,
    /// Members of the request that mean nothing here.
    #[schema(nullable = false)]
    ignored: Option<Vec<String>>,
}

/// The groups of a token.
#[derive(ToSchema)]
#[schema(example = json!({
    "data": [{"type": "group", "id": "019a2b3c00007f608123456789abcdef",
        "attributes": {"name": "North Clinic"},
        "links": {"self": "/group/019a2b3c00007f608123456789abcdef"}}],
    "meta": {"count": 1, "req_id": "019a2b3c-4d5e-7f60-8123-0123456789ab"}
}))]
struct FetchGroupsResponse {
    /// The groups.
    data: Vec<Resource>,
    /// Where this document is.
    #[schema(nullable = false)]
    links: Option<SelfLink>,
    /// About this answer.
    #[schema(nullable = false)]
    meta: Option<ResponseMeta>,
}

/// The organization of a token.
#[derive(ToSchema)]
#[schema(example = json!({
    "data": {"type": "organization", "id": "019a2b3c00007f608123456789abcdee",
        "attributes": {"name": "North Health"},
        "links": {"self": "/organization/019a2b3c00007f608123456789abcdee"}},
    "meta": {"req_id": "019a2b3c-4d5e-7f60-8123-0123456789ab"}
}))]
struct FetchOrganizationResponse {
    /// The organization.
    data: Resource,
    /// About this answer.
    #[schema(nullable = false)]
    meta: Option<ResponseMeta>,
}

/// Why a token was not created.
#[derive(ToSchema)]
#[schema(example = json!({
    "errors": [{"status": "401", "code": "InvalidCredentials",
        "detail": "the client is unknown or its secret is wrong"}],
    "meta": {"req_id": "019a2b3c-4d5e-7f60-8123-0123456789ab"}
}))]
struct CreateOrUpdateErrorResponse {
    /// What went wrong.
    errors: Vec<JsonApiError>,
    /// About this answer.
    #[schema(nullable = false)]
    meta: Option<ResponseMeta>,
}

/// Why a resource was not shown.
#[derive(ToSchema)]
#[schema(example = json!({
    "errors": [{"status": "401", "code": "Unauthorized",
        "detail": "a valid bearer token is required"}],
    "meta": {"req_id": "019a2b3c-4d5e-7f60-8123-0123456789ab"}
}))]
struct FetchErrorResponse {
    /// What went wrong.
    errors: Vec<JsonApiError>,
    /// About this answer.
    #[schema(nullable = false)]
    meta: Option<ResponseMeta>,
}

/// One thing that went wrong.
#[derive(ToSchema)]
struct JsonApiError {
    /// The HTTP status, as text.
    status: String,
    /// One of the family's codes, `InvalidCredentials` for one.
    code: String,
    /// In short.
    #[schema(nullable = false)]
    title: Option<String>,
    /// In words.
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Where in the request.
    #[schema(nullable = false)]
    source: Option<ErrorSource>,
}

/// Where in a request something is wrong.
#[derive(ToSchema)]
struct ErrorSource {
    /// A JSON Pointer (RFC 6901) into the body.
    #[schema(nullable = false)]
    pointer: Option<String>,
    /// A parameter of the query.
    #[schema(nullable = false)]
    parameter: Option<String>,
}

/// Create a token
///
/// Of a client's own authority, or of a refresh token. This family's refresh needs no secret, so its
/// refresh tokens always rotate. A bearer that is sent is ignored.
#[utoipa::path(
    post, path = "/oauth/token", tag = "oauth",
    request_body(content = CreateTokenRequest, content_type = "application/vnd.api+json"),
    params(("include" = Option<String>, Query, description = "Resources to put into `included`: `groups`, `organization`.", example = "groups")),
    security(("oauth2" = []), ()),
    extensions(("x-sdk-name" = json!("oauth.createToken")), ("x-sdk-retry" = json!("never")),
        ("x-sdk-security" = json!("operation")),
        ("x-sdk-react" = json!({"name": "CreateToken", "kind": "mutation"}))),
    responses(
        (status = 201, description = "The token", body = CreateTokenResponse, content_type = "application/vnd.api+json"),
        (status = 401, description = "The client or the refresh token does not count", body = CreateOrUpdateErrorResponse, content_type = "application/vnd.api+json"),
        (status = 403, description = "Not allowed", body = CreateOrUpdateErrorResponse, content_type = "application/vnd.api+json"),
        (status = 409, description = "The request is not acceptable", body = CreateOrUpdateErrorResponse, content_type = "application/vnd.api+json"),
    )
)]
fn create_token() {}

/// Fetch the groups of a token
#[utoipa::path(
    get, path = "/oauth/token/{id}/groups", tag = "oauth",
    params(("id" = String, Path, description = "The token's id, `data.id` of the answer that created it.", example = "019a2b3c4d5e7f608123456789abcdef")),
    security(("oauth2" = [])),
    extensions(("x-sdk-name" = json!("oauth.fetchTokenGroups")), ("x-sdk-security" = json!("operation")),
        ("x-sdk-react" = json!({"name": "TokenGroups", "kind": "query"}))),
    responses(
        (status = 200, description = "The groups", body = FetchGroupsResponse, content_type = "application/vnd.api+json"),
        (status = 401, description = "A valid bearer token is required", body = FetchErrorResponse, content_type = "application/vnd.api+json"),
        (status = 403, description = "Another token than the bearer's", body = FetchErrorResponse, content_type = "application/vnd.api+json"),
    )
)]
fn fetch_token_groups() {}

/// Fetch the organization of a token
///
/// The published contract declares no security here. A server that follows it to the letter
/// (`jsonapi_organization_auth = "none"`) answers without a bearer; by default one is required.
#[utoipa::path(
    get, path = "/oauth/token/{id}/organization", tag = "oauth",
    params(("id" = String, Path, description = "The token's id, `data.id` of the answer that created it.", example = "019a2b3c4d5e7f608123456789abcdef")),
    security(("oauth2" = []), ()),
    extensions(("x-sdk-name" = json!("oauth.fetchTokenOrganization")),
        ("x-sdk-react" = json!({"name": "TokenOrganization", "kind": "query"}))),
    responses(
        (status = 200, description = "The organization", body = FetchOrganizationResponse, content_type = "application/vnd.api+json"),
        (status = 401, description = "A valid bearer token is required", body = FetchErrorResponse, content_type = "application/vnd.api+json"),
        (status = 403, description = "Another token than the bearer's, or one of no organization", body = FetchErrorResponse, content_type = "application/vnd.api+json"),
    )
)]
fn fetch_token_organization() {}
