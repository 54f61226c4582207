//! Operations 5 and 6, answered by `doors/json_tokens.rs`.
#![expect(dead_code, reason = "these describe; the door has the handlers")]

use utoipa::{IntoParams, ToSchema};

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(create_auth_token, revoke_auth_token),
    tags((name = "authentication", description = "Tokens for programs, as JSON: create, refresh, revoke."))
)]
pub(super) struct Described;

/// What a token is made from.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum TokenGrantType {
    ClientCredentials,
    RefreshToken,
}

/// A request for a token.
#[derive(ToSchema)]
#[schema(example = json!({
    "grant_type": "client_credentials", "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "client_secret": "kh_secret_0AbCdEfGhIjKlMnOpQrStU…", "scope": "/accounts.read /ping.read"
}))]
struct AuthTokenRequest {
    /// `client_credentials`, or `refresh_token` to renew.
    grant_type: TokenGrantType,
    /// The client, unless it is given as HTTP Basic.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The client's secret, unless it is given as HTTP Basic.
    #[schema(nullable = false, extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
    /// Scopes, space-separated; required with `client_credentials`.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// The refresh token, at most 4096 characters; required with `refresh_token`.
    #[schema(nullable = false, max_length = 4096, extensions(("x-sdk-secret" = json!(true))))]
    refresh_token: Option<String>,
}

/// An access token and the refresh token that renews it.
#[derive(ToSchema)]
#[schema(example = json!({
    "token_type": "opaque", "access_token": "kh_access_0AbCdEfGhIjKlMnOpQrStU…",
    "refresh_token": "kh_refresh_0AbCdEfGhIjKlMnOpQrStU…", "expires_in": 1_893_456_000,
    "scope": "/accounts.read /ping.read"
}))]
struct AuthToken {
    /// `opaque` or `jwt`; `Bearer` where the server is so configured.
    token_type: String,
    /// The access token.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    access_token: String,
    /// The refresh token; empty for a client that may not refresh. It rotates.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    refresh_token: String,
    /// When the access token ends: seconds since 1970, or from now where the server is so configured.
    expires_in: i64,
    /// What the token opens, space-separated.
    scope: String,
}

/// What kind of token is revoked.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum TokenTypeHint {
    AccessToken,
    RefreshToken,
}

/// A token to revoke.
#[derive(ToSchema)]
#[schema(example = json!({
    "token": "kh_refresh_0AbCdEfGhIjKlMnOpQrStU…", "token_type_hint": "refresh_token",
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "client_secret": "kh_secret_0AbCdEfGhIjKlMnOpQrStU…"
}))]
struct RevokeTokenRequest {
    /// An access token or a refresh token, at most 4096 characters.
    #[schema(max_length = 4096, extensions(("x-sdk-secret" = json!(true))))]
    token: String,
    /// Which of both it is; a wrong hint does no harm.
    #[schema(nullable = false)]
    token_type_hint: Option<TokenTypeHint>,
    /// The client, unless it is given as HTTP Basic.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The client's secret, unless it is given as HTTP Basic.
    #[schema(nullable = false, extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
}

/// Why a token was refused.
#[derive(ToSchema)]
#[schema(example = json!({"error": "invalid_client"}))]
struct GenericError {
    /// A code of RFC 6749 §5.2, `invalid_client` for one.
    error: String,
}

/// What is wrong with which field of a request for a token.
#[derive(ToSchema)]
#[schema(example = json!({"scope": "scope is required"}))]
struct AuthTokenRequestError {
    /// What is wrong with `scope`.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// What is wrong with `refresh_token`.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
}

/// What is wrong with which field of a revocation.
#[derive(ToSchema)]
#[schema(example = json!({"token": "token is required"}))]
struct RevokeTokenRequestError {
    /// What is wrong with `token`.
    #[schema(nullable = false)]
    token: Option<String>,
    /// What is wrong with `token_type_hint`.
    #[schema(nullable = false)]
    token_type_hint: Option<String>,
}

/// The header of a token request that may be repeated.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct TokenRequestName {
    /// Makes the request safe to repeat for a minute: a repetition gets the same tokens, with
    /// `Idempotent-Replayed: true`, and spends nothing; another request under the key is a 409. Use a
    /// new UUID for each request.
    #[param(rename = "Idempotency-Key", example = "019a2b3c-4d5e-7f60-8123-456789abcdef")]
    key: Option<String>,
}

/// Create or refresh an access token
///
/// Of a client's own authority (`client_credentials`), or of a refresh token, which is spent by it:
/// keep the one in the answer. The client's id and secret come as HTTP Basic or in the body. As a form,
/// the same address answers RFC 6749, `authorization_code` and token exchange (RFC 8693) too;
/// `Idempotency-Key` means the same there, but token exchange, which spends nothing, takes no notice.
#[utoipa::path(
    post, path = "/oauth2/token", tag = "authentication", request_body = AuthTokenRequest,
    params(("X-Moov-Version" = Option<String>, Header, description = "The version of the family's vocabulary: `v2024.00.00` or `latest` for the older one.", example = "v2024.00.00"), TokenRequestName),
    security(("client" = []), ()),
    extensions(("x-sdk-name" = json!("authentication.createAuthToken")),
        ("x-sdk-react" = json!({"name": "CreateAuthToken", "kind": "mutation"}))),
    responses(
        (status = 200, description = "The token", body = AuthToken),
        (status = 400, description = "Refused", body = GenericError),
        (status = 409, description = "This idempotency key belongs to another request", body = GenericError),
        (status = 422, description = "A field is missing or too long", body = AuthTokenRequestError),
    )
)]
fn create_auth_token() {}

/// Revoke a token
///
/// A token that is unknown or has ended is a success. A refresh token takes the access tokens of its
/// family with it.
#[utoipa::path(
    post, path = "/oauth2/revoke", tag = "authentication", request_body = RevokeTokenRequest,
    params(("X-Moov-Version" = Option<String>, Header, description = "The version of the family's vocabulary.", example = "v2024.00.00")),
    security(("client" = []), ()),
    extensions(("x-sdk-name" = json!("authentication.revokeAuthToken")), ("x-sdk-retry" = json!("idempotent")),
        ("x-sdk-react" = json!({"name": "RevokeAuthToken", "kind": "mutation"}))),
    responses(
        (status = 204, description = "It no longer counts"),
        (status = 400, description = "Refused", body = GenericError),
        (status = 422, description = "A field is missing or unknown", body = RevokeTokenRequestError),
    )
)]
fn revoke_auth_token() {}
