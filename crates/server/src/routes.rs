//! The route table: every path of the public listener, in one place.

use std::sync::Arc;

use axum::routing::{get, post};

use crate::api;
use crate::app::Shared;
use crate::doors::json_api_tokens;
use crate::http::cors::AnyOrigin;
use crate::http::operator::{Check, Readiness};
use crate::oauth::{introspect, metadata, revoke, token};
use crate::pages::{assets, start};
use crate::telemetry::per_route::Routes;

/// The public routes, each counted by its template.
pub fn public(app: Shared) -> Routes {
    standards()
        .merge(pages())
        .merge(json_api(""))
        .merge(json_api("/pub"))
        .with_state(app.clone())
        .merge(api::router(app))
        .map(|router| router.fallback(start::show_nothing))
}

/// Endpoints that ignore cookies may be read by pages of any origin; introspection is for servers.
fn standards() -> Routes<Shared> {
    let described = || get(metadata::describe_server).layer(AnyOrigin::READ);
    Routes::new()
        .route("/.well-known/oauth-authorization-server", described())
        .route("/.well-known/openid-configuration", described())
        .route("/.well-known/jwks.json", get(metadata::list_keys).layer(AnyOrigin::READ))
        .route("/oauth2/token", post(token::create_token).layer(AnyOrigin::POST))
        .route("/oauth2/revoke", post(revoke::revoke).layer(AnyOrigin::POST))
        .route("/oauth2/introspect", post(introspect::introspect))
}

/// What people see. No page is readable from another origin.
fn pages() -> Routes<Shared> {
    Routes::new()
        .route("/", get(start::show_start))
        .route("/assets/{release}/{name}", get(assets::show_asset))
}

/// The JSON:API family, which is mounted twice.
fn json_api(mount: &str) -> Routes<Shared> {
    let token = format!("{mount}/oauth/token");
    Routes::new()
        .route(&token, post(json_api_tokens::create_json_api_token))
        .route(&format!("{token}/{{id}}/groups"), get(json_api_tokens::fetch_token_groups))
        .route(
            &format!("{token}/{{id}}/organization"),
            get(json_api_tokens::fetch_token_organization),
        )
}

/// Ready while the database answers and changes of other nodes are heard.
#[must_use]
pub fn readiness(app: Shared) -> Check {
    Arc::new(move || {
        let app = app.clone();
        Box::pin(async move {
            match app.store.has_organizations().await {
                Err(error) => Readiness::Unready(error.to_string()),
                Ok(_) if !app.store.known().is_fresh(app.clock.tick()) => {
                    Readiness::Degraded("changes of other nodes are not heard".into())
                }
                Ok(_) => Readiness::Ready,
            }
        })
    })
}
