//! Operations 10 and 11, answered by `doors/user_keys.rs`.
#![expect(dead_code, reason = "these describe; the door has the handlers")]

use utoipa::ToSchema;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(post_auth_keys_code, post_auth_keys),
    tags((name = "oauth", description = "Tokens and keys for apps."))
)]
pub(super) struct Described;

/// How the verifier is compared with the challenge.
#[derive(ToSchema)]
enum CodeChallengeMethod {
    S256,
    #[schema(rename = "plain")]
    Plain,
}

/// When a limit begins anew.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum UsageLimitType {
    Daily,
    Weekly,
    Monthly,
}

/// A key that an app asks for.
#[derive(ToSchema)]
#[schema(example = json!({
    "callback_url": "https://notes.example/cb",
    "code_challenge": "5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ",
    "code_challenge_method": "S256", "limit": 25
}))]
struct AuthKeysCodeRequest {
    /// Where the code goes: https, or http to localhost or 127.0.0.1.
    callback_url: String,
    /// What the exchange must prove (RFC 7636).
    #[schema(nullable = false)]
    code_challenge: Option<String>,
    /// How; `plain` when a challenge comes without it.
    #[schema(nullable = false)]
    code_challenge_method: Option<CodeChallengeMethod>,
    /// How much the key may spend. A numeric string is read too.
    #[schema(nullable = false)]
    limit: Option<f64>,
    /// When the key ends: RFC 3339 in UTC, with seconds.
    expires_at: Option<String>,
    /// The name of the key, at most 100 characters.
    #[schema(nullable = false, max_length = 100)]
    key_label: Option<String>,
    /// When the limit begins anew.
    #[schema(nullable = false)]
    usage_limit_type: Option<UsageLimitType>,
}

/// A code for a key.
#[derive(ToSchema)]
struct AuthKeysCode {
    /// The code.
    data: AuthKeysCodeData,
}

/// A code and the app it is for.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "kh_code_0AbCdEfGhIjKlMnOpQrStU…", "app_id": 4_211,
    "created_at": "2026-11-22T01:00:00.000Z"
}))]
struct AuthKeysCodeData {
    /// What the app exchanges within ten minutes.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    id: String,
    /// The number of the app, made from the origin of its callback.
    app_id: i64,
    /// When the code was issued: ISO 8601 in UTC.
    created_at: String,
}

/// A code to exchange.
#[derive(ToSchema)]
#[schema(example = json!({
    "code": "kh_code_0AbCdEfGhIjKlMnOpQrStU…",
    "code_verifier": "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-",
    "code_challenge_method": "S256"
}))]
struct AuthKeysRequest {
    /// The code.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    code: String,
    /// What the challenge was made from.
    #[schema(nullable = false, extensions(("x-sdk-secret" = json!(true))))]
    code_verifier: Option<String>,
    /// The method of the challenge.
    code_challenge_method: Option<CodeChallengeMethod>,
}

/// A key that was handed out.
#[derive(ToSchema)]
#[schema(example = json!({"key": "kh_key_0AbCdEfGhIjKlMnOpQrStU…", "user_id": null}))]
struct AuthKeys {
    /// The key, in this answer only.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    key: String,
    /// Whose it is.
    #[schema(required = true)]
    user_id: Option<String>,
}

/// A refusal.
#[derive(ToSchema)]
#[schema(example = json!({"error": {"code": 403, "message": "Invalid code or code_verifier"}}))]
struct AuthKeysError {
    /// What was refused.
    error: AuthKeysErrorBody,
}

/// What was refused.
#[derive(ToSchema)]
struct AuthKeysErrorBody {
    /// The HTTP status.
    code: i64,
    /// Why.
    message: String,
    /// The code under which an administrator finds the rule.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
}

/// Create a code for a key
///
/// By the holder of a key or a session. What the key will be is fixed here: a child of the key, or a
/// key of the person, with the limit, period, end and name asked for.
#[utoipa::path(
    post, path = "/auth/keys/code", tag = "oauth", request_body = AuthKeysCodeRequest,
    security(("api_key" = [])),
    extensions(("x-sdk-name" = json!("oauth.postAuthKeysCode")), ("x-sdk-retry" = json!("never")),
        ("x-sdk-react" = json!({"name": "OAuthPostAuthKeysCode", "kind": "mutation"}))),
    responses(
        (status = 200, description = "The code", body = AuthKeysCode),
        (status = 400, description = "Something asked for is not sound", body = AuthKeysError),
        (status = 401, description = "No key or session, or one that does not count", body = AuthKeysError),
        (status = 403, description = "The key may not hand out keys, or the app is blocked", body = AuthKeysError),
        (status = 503, description = "Not possible right now, try again", body = AuthKeysError),
    )
)]
fn post_auth_keys_code() {}

/// Exchange a code for a key
///
/// Needs no credential. The code is spent with the key's making; a spent one is refused for ever.
#[utoipa::path(
    post, path = "/auth/keys", tag = "oauth", request_body = AuthKeysRequest, security(()),
    extensions(("x-sdk-name" = json!("oauth.postAuthKeys")), ("x-sdk-retry" = json!("never")),
        ("x-sdk-react" = json!({"name": "OAuthPostAuthKeys", "kind": "mutation"}))),
    responses(
        (status = 200, description = "The key", body = AuthKeys),
        (status = 400, description = "The method is another one, or the body is not sound", body = AuthKeysError),
        (status = 403, description = "The code is unknown, spent or over, or the verifier is wrong", body = AuthKeysError),
        (status = 503, description = "Not possible right now, try again", body = AuthKeysError),
    )
)]
fn post_auth_keys() {}
