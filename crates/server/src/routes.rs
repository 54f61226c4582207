//! The route table: every path of the public listener, in one place.

use axum::Router;
use axum::routing::{get, post};

use crate::api;
use crate::app::Shared;
use crate::doors::json_api_tokens;
use crate::oauth::{introspect, metadata, revoke, token};

/// The public routes.
pub fn public(app: Shared) -> Router {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata::describe_server))
        .route("/.well-known/openid-configuration", get(metadata::describe_server))
        .route("/.well-known/jwks.json", get(metadata::list_keys))
        .route("/oauth2/token", post(token::create_token))
        .route("/oauth2/revoke", post(revoke::revoke))
        .route("/oauth2/introspect", post(introspect::introspect))
        .merge(json_api())
        .nest("/pub", json_api())
        .with_state(app.clone())
        .merge(api::router(app))
}

fn json_api() -> Router<Shared> {
    Router::new()
        .route("/oauth/token", post(json_api_tokens::create_json_api_token))
        .route("/oauth/token/{id}/groups", get(json_api_tokens::fetch_token_groups))
        .route("/oauth/token/{id}/organization", get(json_api_tokens::fetch_token_organization))
}
