//! Operations 1 to 4, answered by `doors/sessions.rs`.
#![expect(dead_code, reason = "these describe; the door has the handlers")]

use utoipa::ToSchema;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(auth_callback, auth_info, auth_logout, auth_switch_scopes),
    tags((name = "auth", description = "Sessions of people: sign in, who am I, switch organization, sign out."))
)]
pub(super) struct Described;

/// Who is signed in, and where they may act.
#[derive(ToSchema)]
#[schema(example = json!({
    "user_id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "user_email": "ana@north.example",
    "user_display_name": "Ana", "is_admin": false,
    "active_organization_id": "019a2b3c-0000-7f60-8123-456789abcdef",
    "gram_account_type": "free", "organization_override": false,
    "has_active_subscription": false, "whitelisted": true, "trial": null,
    "organizations": [{
        "id": "019a2b3c-0000-7f60-8123-456789abcdef", "name": "North Yard", "slug": "north-yard",
        "organization_id": "019a2b3c-0000-7f60-8123-456789abcdef",
        "organization_name": "North Yard", "organization_slug": "north-yard",
        "account_type": "free", "projects": []
    }]
}))]
struct SessionInfo {
    /// The person.
    user_id: String,
    /// Their address.
    user_email: String,
    /// What people call them.
    #[schema(nullable = false)]
    user_display_name: Option<String>,
    /// Whether they administer this server.
    is_admin: bool,
    /// The organization the session acts in; empty when there is none.
    active_organization_id: String,
    /// The kind of account.
    gram_account_type: String,
    /// Whether somebody acts for the person.
    organization_override: bool,
    /// Whether the organization pays.
    has_active_subscription: bool,
    /// Whether the account may use everything.
    whitelisted: bool,
    /// A trial under way.
    trial: Option<serde_json::Value>,
    /// Where the person may act.
    organizations: Vec<SessionOrganization>,
}

/// An organization of the person, under its newer and its older names.
#[derive(ToSchema)]
struct SessionOrganization {
    /// Its id.
    id: String,
    /// The name people see.
    name: String,
    /// Its name in addresses.
    slug: String,
    /// `id`.
    organization_id: String,
    /// `name`.
    organization_name: String,
    /// `slug`.
    organization_slug: String,
    /// The kind of account.
    account_type: String,
    /// What its work is divided into.
    projects: Vec<SessionProject>,
}

/// A project, under its newer and its older names.
#[derive(ToSchema)]
struct SessionProject {
    /// Its id.
    id: String,
    /// The name people see.
    name: String,
    /// Its name in addresses.
    slug: String,
    /// `id`.
    project_id: String,
    /// `name`.
    project_name: String,
    /// `slug`.
    project_slug: String,
}

/// Why a call about a session was refused.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "unauthorized", "id": "s3cr3Tid", "message": "unauthorized access",
    "temporary": false, "timeout": false, "fault": false
}))]
struct ServiceError {
    /// The kind of failure: `unauthorized`, `forbidden`, `invalid`, `missing_field`, `fault` …
    name: String,
    /// A name for this very answer.
    id: String,
    /// What happened.
    message: String,
    /// Whether trying again helps.
    temporary: bool,
    /// Whether time ran out.
    timeout: bool,
    /// Whether it is the server's own fault.
    fault: bool,
}

/// Complete a sign-in
///
/// With `shared_token`, a ticket that a trusted backend minted; or with the `code` (and the `state`)
/// that this server's own sign-in gave. The answer is a redirect: call it with a client that does not
/// follow them, and read the session from `Gram-Session`. A refused sign-in redirects, too, with
/// `signin_error`.
#[utoipa::path(
    get, path = "/rpc/auth.callback", tag = "auth", security(()),
    params(
        ("shared_token" = Option<String>, Query, description = "A sign-in ticket; good once."),
        ("code" = Option<String>, Query, description = "A code of this server's sign-in; good once."),
        ("state" = Option<String>, Query, description = "What the sign-in was begun with."),
    ),
    extensions(("x-sdk-name" = json!("auth.callback")), ("x-sdk-retry" = json!("never")),
        ("x-sdk-react" = json!({"kind": "none"}))),
    responses(
        (status = 307, description = "Signed in, or not", headers(
            ("Location" = String, description = "Where to go"),
            ("Gram-Session" = String, description = "The session's token; empty if refused"),
            ("Set-Cookie" = String, description = "The session's cookie"))),
        (status = 400, description = "Nothing to sign in with", body = ServiceError),
    )
)]
fn auth_callback() {}

/// Tell who is signed in
#[utoipa::path(
    get, path = "/rpc/auth.info", tag = "auth",
    security(("session" = []), ("session_cookie" = [])),
    extensions(("x-sdk-name" = json!("auth.info")), ("x-sdk-security" = json!("operation")),
        ("x-sdk-react" = json!({"name": "SessionInfo", "kind": "query"}))),
    responses(
        (status = 200, description = "The person and their organizations", body = SessionInfo, headers(
            ("Gram-Session" = String, description = "The session's token"),
            ("Set-Cookie" = String, description = "The session's cookie"))),
        (status = 401, description = "No session, or one that has ended", body = ServiceError),
        (status = 403, description = "The session's organization is no longer the person's", body = ServiceError),
        (status = 500, description = "Something went wrong on our side", body = ServiceError),
    )
)]
fn auth_info() {}

/// Switch the session to another organization
///
/// The session's token stays the same, and so does its end.
#[utoipa::path(
    post, path = "/rpc/auth.switchScopes", tag = "auth",
    params(
        ("organization_id" = Option<String>, Query, description = "The organization to act in; the present one if absent."),
        ("project_id" = Option<String>, Query, description = "The project to act in."),
    ),
    security(("session" = []), ("session_cookie" = [])),
    extensions(("x-sdk-name" = json!("auth.switchScopes")), ("x-sdk-security" = json!("operation")),
        ("x-sdk-retry" = json!("idempotent")),
        ("x-sdk-react" = json!({"name": "SwitchScopes", "kind": "mutation", "invalidates": "auth"}))),
    responses(
        (status = 200, description = "Switched", headers(
            ("Gram-Session" = String, description = "The session's token"),
            ("Set-Cookie" = String, description = "The session's cookie"))),
        (status = 401, description = "No session, or one that has ended", body = ServiceError),
        (status = 403, description = "Not allowed", body = ServiceError),
        (status = 422, description = "No organization of the person", body = ServiceError),
        (status = 500, description = "Something went wrong on our side", body = ServiceError),
    )
)]
fn auth_switch_scopes() {}

/// Sign out
///
/// Ends the session and everything below it. Doing it twice is refused: there is no session then.
#[utoipa::path(
    post, path = "/rpc/auth.logout", tag = "auth",
    security(("session" = []), ("session_cookie" = [])),
    extensions(("x-sdk-name" = json!("auth.logout")), ("x-sdk-security" = json!("operation")),
        ("x-sdk-react" = json!({"name": "Logout", "kind": "mutation", "invalidates": "auth", "also": "query"}))),
    responses(
        (status = 200, description = "Signed out", headers(
            ("Set-Cookie" = String, description = "The cookie, cleared"))),
        (status = 401, description = "No session, or one that has ended", body = ServiceError),
        (status = 500, description = "Something went wrong on our side", body = ServiceError),
    )
)]
fn auth_logout() {}
