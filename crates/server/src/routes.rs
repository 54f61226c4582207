//! The route table: every path of the public listener, in one place.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use crate::api;
use crate::app::{App, Shared};
use crate::doors::{json_api_tokens, sessions, user_keys};
use crate::http::cors::{AnyOrigin, OneOrigin};
use crate::http::operator::{Check, Readiness};
use crate::oauth::{introspect, metadata, revoke, token};
use crate::pages::{account, assets, hand_out, start};
use crate::telemetry::per_route::Routes;

/// The public routes, each counted by its template.
pub fn public(app: Shared) -> Routes {
    standards()
        .merge(pages())
        .merge(json_api(""))
        .merge(json_api("/pub"))
        .merge(keys(""))
        .merge(keys("/api/v1"))
        .route("/api/v1/{*rest}", any(user_keys::nothing_here))
        .merge(session_family(&app))
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
        .route("/account/keys", get(account::show_keys))
        .route("/account/keys/delete", post(account::delete_own_key))
        .route("/auth", get(hand_out::start_hand_out))
        .route(
            "/auth/consent",
            get(hand_out::show_hand_out_consent).post(hand_out::decide_hand_out),
        )
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

/// The user-controlled keys family, which is mounted twice. Apps in browsers call it, and it ignores
/// cookies.
fn keys(mount: &str) -> Routes<Shared> {
    Routes::new()
        .route(
            &format!("{mount}/auth/keys/code"),
            post(user_keys::create_auth_keys_code).layer(AnyOrigin::POST),
        )
        .route(
            &format!("{mount}/auth/keys"),
            post(user_keys::exchange_auth_keys).layer(AnyOrigin::POST),
        )
        .route(&format!("{mount}/key"), get(user_keys::show_current_key).layer(AnyOrigin::READ))
}

/// The sessions family. Pages of the configured dashboard may read its answers, and no others.
fn session_family(app: &App) -> Routes<Shared> {
    let dashboard = app.settings.dashboard.as_deref().and_then(OneOrigin::new);
    let routes = Routes::new()
        .route("/rpc/auth.login", get(sessions::begin_sign_in).options(sessions::preflight))
        .route("/rpc/auth.callback", get(sessions::complete_sign_in).options(sessions::preflight))
        .route("/rpc/auth.info", get(sessions::show_session_info).options(sessions::preflight))
        .route("/rpc/auth.switchScopes", post(sessions::switch_scopes).options(sessions::preflight))
        .route(
            "/rpc/auth.logout",
            get(sessions::log_out).post(sessions::log_out).options(sessions::preflight),
        )
        .route(
            "/rpc/auth.register",
            post(sessions::register_organization).options(sessions::preflight),
        )
        .route("/rpc/{*rest}", any(sessions::unknown_procedure).options(sessions::preflight));
    match dashboard {
        None => routes,
        Some(_) => {
            routes.map(|router| router.layer(from_fn_with_state(dashboard, OneOrigin::dress)))
        }
    }
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
