//! Operations 10 and 11 and what a key says of itself, answered by `doors/user_keys.rs`.
#![expect(dead_code, reason = "these describe; the door has the handlers")]

use utoipa::ToSchema;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(post_auth_keys_code, post_auth_keys, get_current_key),
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
    /// The project that the key works for. An id that is no project of the giver's organization is
    /// ignored; `GET /key` says what became of it.
    #[schema(nullable = false, format = "uuid")]
    workspace_id: Option<String>,
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

/// What a key is and what it has left.
#[derive(ToSchema)]
#[schema(example = json!({"data": {
    "label": "Notes laptop", "limit": 25.0, "limit_remaining": 12.5, "limit_reset": "monthly",
    "limit_resets_at": "2026-12-01T00:00:00.000Z", "unit": "USD", "usage": 40.0,
    "usage_daily": 1.0, "usage_weekly": 5.0, "usage_monthly": 12.5, "expires_at": null,
    "owner": null, "organization_id": "019a2b3c-0000-7f60-8123-456789abcdef", "workspace_id": null,
    "scopes": "notes.read", "rate_limits": [{"name": "burst", "limit": 100, "window": 60}],
    "effective_budget": null, "budgets": []
}}))]
struct CurrentKey {
    /// The key.
    data: CurrentKeyData,
}

/// A key as it says of itself. Amounts are numbers, as this family has them; `/v1` has them exact.
#[derive(ToSchema)]
struct CurrentKeyData {
    /// Its name.
    label: String,
    /// What it may spend by itself; null without a limit.
    #[schema(required = true)]
    limit: Option<f64>,
    /// What is left in the tightest budget on its path; null without one.
    #[schema(required = true)]
    limit_remaining: Option<f64>,
    /// When its limit begins anew; null for one that does not.
    #[schema(required = true)]
    limit_reset: Option<UsageLimitType>,
    /// When that is next: ISO 8601 in UTC.
    #[schema(required = true)]
    limit_resets_at: Option<String>,
    /// What is counted: a currency of ISO 4217, or a name.
    unit: String,
    /// What it used altogether.
    usage: f64,
    /// What it used today, in UTC.
    usage_daily: f64,
    /// What it used this week, which begins on Monday.
    usage_weekly: f64,
    /// What it used this month.
    usage_monthly: f64,
    /// When it ends: ISO 8601 in UTC.
    #[schema(required = true)]
    expires_at: Option<String>,
    /// The person it belongs to; null for an organization's own.
    #[schema(required = true)]
    owner: Option<String>,
    /// The organization.
    #[schema(required = true)]
    organization_id: Option<String>,
    /// The project it works for.
    #[schema(required = true)]
    workspace_id: Option<String>,
    /// What it opens, space-separated.
    scopes: String,
    /// How often it may be used; those of the keys above it included.
    rate_limits: Vec<CurrentKeyRateLimit>,
    /// The budget that refuses first.
    #[schema(required = true)]
    effective_budget: Option<CurrentKeyBudget>,
    /// Every budget a use is charged to, from the key upwards.
    budgets: Vec<CurrentKeyBudget>,
}

/// A rate limit of a key.
#[derive(ToSchema)]
struct CurrentKeyRateLimit {
    /// Its name.
    name: String,
    /// How many uses.
    limit: i64,
    /// In how many seconds.
    window: i64,
}

/// A budget on the path of a key. The amounts are in the unit of the key, whatever the family's names
/// say.
#[derive(ToSchema)]
struct CurrentKeyBudget {
    /// Its place in the family's words: `key_limit`, `member` or `workspace`.
    scope: String,
    /// Its place in ours: `key`, `app`, `user`, `group`, `project` or `organization`.
    level: String,
    /// Its id.
    budget_id: String,
    /// The limit.
    limit_usd: f64,
    /// What is spent of it.
    spend_usd: f64,
    /// What is left of it; what is held counts as spent.
    remaining_usd: f64,
    /// When it begins anew; null for one that does not.
    #[schema(required = true)]
    reset_interval: Option<UsageLimitType>,
    /// When that is next: ISO 8601 in UTC.
    #[schema(required = true)]
    resets_at: Option<String>,
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

/// Show the key that asks
///
/// What the key in the `Authorization` header is: limit, use, what is left and when it begins anew,
/// end and rate limits. It counts against no rate limit.
#[utoipa::path(
    get, path = "/key", tag = "oauth", security(("api_key" = [])),
    extensions(("x-sdk-name" = json!("oauth.getCurrentKey")),
        ("x-sdk-react" = json!({"name": "OAuthGetCurrentKey", "kind": "query"}))),
    responses(
        (status = 200, description = "The key", body = CurrentKey),
        (status = 401, description = "No key, or one that does not count", body = AuthKeysError),
        (status = 403, description = "The key may not be used from there", body = AuthKeysError),
        (status = 503, description = "Not possible right now, try again", body = AuthKeysError),
    )
)]
fn get_current_key() {}
