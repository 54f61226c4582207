//! The native interface, `/v1`: one file per resource, registered here and nowhere else. The
//! OpenAPI document is made from the same registration, so neither can miss the other.

use std::sync::{Arc, LazyLock};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};

use crate::app::{App, Origin, Shared};
use crate::doors::description;
use crate::http::error::{ApiError, Kind, Problem};
use crate::http::passing::mark_own;
use crate::telemetry::per_route::Routes;
use open_api::OpenApiRouter;

pub mod administrator;
pub mod apps;
pub mod audit;
pub mod body;
pub mod budgets;
pub mod check;
mod checked;
pub mod client_secrets;
pub mod clients;
pub mod connect_sessions;
pub mod connection_caller;
pub mod connections;
pub mod connectors;
pub mod consents;
pub mod deed;
pub mod document;
pub mod factors;
mod forward_auth;
pub mod grants;
pub mod groups;
pub mod instance;
pub mod invitations;
pub mod keys;
pub mod master_key;
pub mod members;
mod meter;
pub mod once;
pub mod open_api;
pub mod organizations;
pub mod page;
mod problems;
pub mod profiles;
pub mod projects;
pub mod providers;
pub mod reference;
pub mod refusals;
pub mod sessions;
pub mod sign_in_policies;
pub mod sign_ins;
pub mod signing_keys;
pub mod tenant;
pub mod upstreams;
pub mod usage;
pub mod users;
pub mod webhook_endpoints;

/// Every resource, once.
fn resources() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(organizations::routes())
        .merge(projects::routes())
        .merge(groups::routes())
        .merge(members::routes())
        .merge(users::routes())
        .merge(profiles::routes())
        .merge(consents::routes())
        .merge(sessions::routes())
        .merge(invitations::routes())
        .merge(sign_ins::routes())
        .merge(factors::routes())
        .merge(sign_in_policies::routes())
        .merge(upstreams::routes())
        .merge(clients::routes())
        .merge(client_secrets::routes())
        .merge(keys::routes())
        .merge(apps::routes())
        .merge(budgets::routes())
        .merge(usage::routes())
        .merge(grants::routes())
        .merge(connectors::routes())
        .merge(connections::routes())
        .merge(connect_sessions::routes())
        .merge(providers::routes())
        .merge(webhook_endpoints::routes())
        .merge(master_key::routes())
        .merge(audit::routes())
        .merge(refusals::routes())
        .merge(signing_keys::routes())
        .merge(instance::routes())
}

/// What every request to an API behind us asks, or to somebody else's. These are too hot for a layer:
/// they settle their refusals themselves.
fn checks() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(check::routes())
        .merge(forward_auth::routes())
        .merge(connections::token::hot_routes())
}

/// The routes of `/v1`, the document at `/openapi.json` and the reference at `/docs`.
///
/// The document is written for whoever asks first, not at start.
pub fn router(app: Shared) -> Routes {
    let (routes, templates) = resources().split();
    let (checks, of_checks) = checks().split();
    let proxied = connections::proxy::TEMPLATES.map(str::to_owned);
    let routes = routes
        .merge(connections::proxy::router())
        .route("/v1", routing::any(unknown))
        .route("/v1/{*rest}", routing::any(unknown))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), explained))
        .merge(checks.method_not_allowed_fallback(method_not_allowed))
        .with_state(app);
    Routes::new()
        .add(routes, templates.into_iter().chain(of_checks).chain(proxied))
        .route("/openapi.json", routing::get(show_document))
        .merge(reference::routes())
}

async fn show_document() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| document::in_order(&openapi()).to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The OpenAPI 3.1 document: the native interface and the doors.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = native();
    document.merge(description::openapi());
    document
}

/// The native interface's part of the document.
#[must_use]
pub fn native() -> OpenApi {
    resources().merge(checks()).write(Document::openapi())
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Keyhaven",
        description = "The native interface of Keyhaven: tenants, people, clients, the revocation \
                       graph, the audit and explanations of refusals.\n\nEvery request carries an \
                       access token with the scope `keyhaven:admin` for the issuer as `Authorization: \
                       Bearer …`. The token of a client that belongs to an organization reaches that \
                       organization only; what lies beyond answers 404.\n\nLists come in pages: pass \
                       `next` as `cursor`. A POST with an `Idempotency-Key` can be repeated safely. \
                       Bodies are JSON; unknown members are refused. Refusals are problem details \
                       (RFC 9457) with a `code` that `keyhaven explain` and `/v1/refusals/{code}` \
                       explain for a day.",
    ),
    components(schemas(Problem)),
    modifiers(&BearerToken),
    tags(
        (name = "organizations", description = "Tenants."),
        (name = "projects", description = "What a tenant's work is divided into."),
        (name = "groups", description = "Groups of a tenant: clients are tied to them, members belong to them."),
        (name = "members", description = "Who belongs to a tenant, and as what."),
        (name = "users", description = "People, known to the whole instance."),
        (name = "upstreams", description = "Other OpenID providers that people sign in with."),
        (name = "sessions", description = "Signed-in browsers and programs."),
        (name = "sign-in", description = "Letting people in: invitations, tickets, history."),
        (name = "clients", description = "OAuth clients and their secrets."),
        (name = "keys", description = "API keys of people and organizations."),
        (name = "budgets", description = "What may be spent, at each level from the organization to the key."),
        (name = "usage", description = "What the use of keys costs, for the APIs behind us."),
        (name = "connectors", description = "Providers, and the apps registered there."),
        (name = "connections", description = "Outside accounts' grants, kept fresh."),
        (name = "grants", description = "The revocation graph."),
        (name = "audit", description = "What happened."),
        (name = "refusals", description = "Why something was refused."),
        (name = "check", description = "Whose a credential is and whether it stands, for the APIs behind us."),
        (name = "signing-keys", description = "What signs access tokens."),
        (name = "instance", description = "What runs here."),
    )
)]
struct Document;

/// The one way in.
struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token with the scope keyhaven:admin"))
            .build();
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("administrator", SecurityScheme::Http(scheme));
        let scopes: [&str; 0] = [];
        document.security = Some(vec![SecurityRequirement::new("administrator", scopes)]);
    }
}

async fn unknown() -> ApiError {
    ApiError::not_found("resource")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(Kind::MethodNotAllowed, Kind::MethodNotAllowed.title())
}

/// Gives every refusal its code and instance, notes the rule for `explain`, and logs it: once.
async fn explained(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let origin = Origin::of(&mut parts, &app);
    let path = parts.uri.path().to_owned();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        let allow = response.headers_mut().remove(axum::http::header::ALLOW);
        response = settle(&app, &error, &origin, &path);
        if let Some(allow) = allow {
            response.headers_mut().insert(axum::http::header::ALLOW, allow);
        }
    }
    mark_own(&path, response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&origin.request) {
        response.headers_mut().entry("x-request-id").or_insert(id);
    }
    response
}

/// The answer of a refusal, noted for `explain` and logged.
fn settle(app: &App, error: &ApiError, origin: &Origin, path: &str) -> Response {
    let code = note(app, error, origin);
    tracing::info!(path, kind = error.kind.slug(), code, "refused");
    error.render(code, Some(path.to_owned()))
}

fn note(app: &App, error: &ApiError, origin: &Origin) -> Option<String> {
    let refusal = error.refusal.as_ref()?;
    let (random, now) = (app.dice.bytes(), app.clock.now());
    Some(app.refusals.note(refusal, error.organization, &origin.request, random, now))
}
