//! Operations 12 and 13, answered by `doors/connectors.rs`.
#![expect(dead_code, reason = "these describe; the door has the handlers")]

use utoipa::ToSchema;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(get_oauth_authorization_url, handle_oauth_callback),
    tags((name = "connectorOAuth", description = "Connections to other platforms: begin one, and the provider's answer."))
)]
pub(super) struct Described;

/// Where to send the browser.
#[derive(ToSchema)]
#[schema(example = json!({
    "success": true, "authorizationUrl": "https://idp.example/authorize?client_id=drive-app&state=…",
    "state": "eyJzdGF0ZSI6ICJwWDR1N1ljMCIsICJjb25uZWN0b3JfaWQiOiAiY29ubmVjdG9yLTEifQ=="
}))]
struct OAuthAuthorizationUrl {
    /// Always `true`.
    #[schema(nullable = false)]
    success: Option<bool>,
    /// The provider's page.
    #[schema(rename = "authorizationUrl", nullable = false)]
    authorization_url: Option<String>,
    /// What the provider gives back.
    #[schema(nullable = false)]
    state: Option<String>,
}

/// Why a connection was not begun.
#[derive(ToSchema)]
#[schema(example = json!({"error": {"code": "HTTP_NOT_FOUND", "message": "Connector instance not found or access denied"}}))]
struct ConnectorError {
    /// What happened.
    error: ConnectorErrorDetail,
}

/// What happened.
#[derive(ToSchema)]
struct ConnectorErrorDetail {
    /// The kind: `HTTP_BAD_REQUEST`, `HTTP_NOT_FOUND` …
    code: String,
    /// In words.
    message: String,
}

/// Get the page where a person connects
#[utoipa::path(
    get, path = "/connectors/{connectorId}/oauth/authorize", tag = "connectorOAuth",
    params(
        ("connectorId" = String, Path, description = "The connector."),
        ("baseUrl" = Option<String>, Query, description = "Where the person comes back to; an address that is configured."),
    ),
    security(("bearer_auth" = [])),
    extensions(("x-sdk-name" = json!("connectorOAuth.getOAuthAuthorizationUrl")), ("x-sdk-retry" = json!("never")),
        ("x-sdk-react" = json!({"name": "GetOAuthAuthorizationUrl", "kind": "mutation"}))),
    responses(
        (status = 200, description = "The page", body = OAuthAuthorizationUrl),
        (status = 400, description = "The connector cannot", body = ConnectorError),
        (status = 401, description = "A valid bearer token is required", body = ConnectorError),
        (status = 403, description = "Not allowed", body = ConnectorError),
        (status = 404, description = "No such connector", body = ConnectorError),
    )
)]
fn get_oauth_authorization_url() {}

/// Take the provider's answer
///
/// The provider sends the browser here; the flow is known by its state, which is good once. The
/// answer is a redirect: call it with a client that does not follow them.
#[utoipa::path(
    get, path = "/connectors/oauth/callback", tag = "connectorOAuth", security(()),
    params(
        ("code" = Option<String>, Query, description = "The provider's code."),
        ("state" = Option<String>, Query, description = "What the flow was begun with."),
        ("error" = Option<String>, Query, description = "The provider's refusal."),
        ("baseUrl" = Option<String>, Query, description = "Where the person comes back to."),
    ),
    extensions(("x-sdk-name" = json!("connectorOAuth.handleOAuthCallback")), ("x-sdk-retry" = json!("never")),
        ("x-sdk-react" = json!({"kind": "none"}))),
    responses(
        (status = 302, description = "Connected, or not", headers(
            ("Location" = String, description = "Where to go"))),
        (status = 400, description = "The state is missing, spent or another's", body = ConnectorError),
    )
)]
fn handle_oauth_callback() {}
